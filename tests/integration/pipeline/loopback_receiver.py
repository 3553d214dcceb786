"""A webhook receiver on loopback that can misbehave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """A receiver on loopback: answers with the given statuses in turn, the last one for ever."""

    statuses: list[int | str]
    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == "silence":
            with contextlib.suppress(ConnectionError):
                await reader.read()
        elif status != "hang-up":
            extra = "Location: http://169.254.169.254/\r\n" if status == 302 else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{extra}Content-Length: 5\r\n\r\nhello".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver(*statuses: int | str) -> AsyncIterator[Receiver]:
    found = Receiver(list(statuses))
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?x=1"
    try:
        yield found
    finally:
        server.close()
