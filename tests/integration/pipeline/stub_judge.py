"""A chat completions server on loopback that answers, lies, dawdles and breaks on demand."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Behaviour = str | int | Callable[[dict[str, Any]], str]
"""A content to answer with, an HTTP status, `slow`, `drip`, `hang-up`, `huge`, `not-chat`, or a
function of the asked material that makes the content."""


@dataclass
class StubJudge:
    """Behaves as told, request by request; the last behaviour for ever. Keeps what it was asked."""

    behaviours: list[Behaviour]
    base_url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    tasks: set["asyncio.Task[None] | None"] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        pairs = (line.split(": ", 1) for line in lines[1:] if ": " in line)
        headers = {name.lower(): value for name, value in pairs}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.paths.append(lines[0].split(" ")[1])
        self.headers.append(headers)
        self.bodies.append(body)
        behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        await self._behave(behaviour, body, reader, writer)

    async def _behave(
        self,
        behaviour: Behaviour,
        body: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if behaviour == "slow":
            await reader.read()
        elif behaviour == "drip":
            # A server that never stops sending a little: only a limit on the whole answer helps.
            writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(), 0.05)
        elif behaviour == "huge":
            await self._answer(writer, 200, b" " * 1_500_000)
        elif behaviour == "not-chat":
            await self._answer(writer, 200, b'{"hello": "world"}')
        elif isinstance(behaviour, int):
            await self._answer(writer, behaviour, b'{"error": "no"}')
        elif behaviour != "hang-up":
            content = behaviour if isinstance(behaviour, str) else behaviour(asked(body))
            document = {
                "choices": [{"message": {"role": "assistant", "content": content}}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 5},
            }
            await self._answer(writer, 200, json.dumps(document).encode())

    async def _answer(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()


def asked(body: dict[str, Any]) -> dict[str, Any]:
    """The material of a request: `call` and `questions`."""
    material: dict[str, Any] = json.loads(body["messages"][1]["content"])
    return material


def yes_to_all(material: dict[str, Any]) -> str:
    """An honest yes to every question, quoting the first utterance of the right side."""
    answers = []
    for question in material["questions"]:
        line = next(u for u in material["call"] if question["who"] in (u["who"], "任一方"))
        quote = {"i": line["i"], "text": line["text"][:6]}
        answers.append({"id": question["id"], "verdict": "yes", "quotes": [quote], "reason": "有"})
    return json.dumps({"answers": answers}, ensure_ascii=False)


def lies(material: dict[str, Any]) -> str:
    """A yes to every question with a quote that nobody said."""
    answers = [
        {
            "id": q["id"],
            "verdict": "yes",
            "quotes": [{"i": 0, "text": "这句话没人说过"}],
            "reason": "",
        }
        for q in material["questions"]
    ]
    return json.dumps({"answers": answers}, ensure_ascii=False)


@asynccontextmanager
async def stub_judge(*behaviours: Behaviour) -> AsyncIterator[StubJudge]:
    stub = StubJudge(list(behaviours))
    server = await asyncio.start_server(stub.handle, "127.0.0.1", 0)
    stub.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield stub
    finally:
        server.close()
        for task in stub.tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in stub.tasks if task), return_exceptions=True)
