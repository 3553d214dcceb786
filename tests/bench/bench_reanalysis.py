"""Calls per second of re-analysing stored history from cached vectors, with real workers.

Run `python tests/bench/bench_reanalysis.py [--calls N] [--workers N] [--json]`. A private
PostgreSQL is filled with N calls of 60 utterances (the labelled calls of the tests, each utterance
made unlike the others, with words and speech as a recogniser writes them), analysed once so that
their sentence vectors are stored, and then analysed again by worker processes, each with one
thread of algebra. The clock starts when every worker has compiled what it needs.

`minutes_per_10_000_calls` extrapolates the wall-clock time of the measured calls linearly: chunks
are alike, so nothing grows with the number of calls but the planning, which is timed apart
(`planning_s`, from the first worker's request to the first chunk). `cpu_ms_per_call` is the CPU
time of the workers and of the database together, which other programs on the machine disturb
less; `cpu_minutes_per_10_000_calls` is that time shared by as many cores as there are workers.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import func, select

from asr.transcript import AudioFacts, ChannelSpeech, EngineInfo, Role, Transcript, Utterance, Word
from core.settings import Settings
from models.bulk_runs import CHUNK_CALLS, get_run
from models.calls import NewCall, add_call
from models.database import Database, migrate
from models.embedded import start_embedded
from models.results import save_transcripts
from models.tables import BulkRun, CallVectors
from models.versions import published_for
from pipeline.bootstrap import bootstrap
from pipeline.bulk.requests import Author, CallChoice, begin_reanalysis

ROOT = Path(__file__).parents[2]
LABELLED = ROOT / "tests" / "integration" / "nlp" / "labelled_calls.txt"
UTTERANCES = 60
GOAL_CALLS = 10_000
LEAST_CALLS = 10 * CHUNK_CALLS


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: `calls` were done in `seconds`, with CPU seconds of workers and database."""

    calls: int
    seconds: float
    workers_cpu_s: float
    database_cpu_s: float
    planning_s: float


def transcript(number: int) -> Transcript:
    """A call of 60 utterances; calls differ in a character, so that no vector serves two."""
    lines = [
        line.split("|")
        for line in LABELLED.read_text("utf-8").splitlines()
        if line.strip() and line[0] != "#"
    ]
    said = []
    for at in range(UTTERANCES):
        side, text, _ = lines[(number * 7 + at) % len(lines)]
        said.append(_utterance(at, side == "C", f"{text}{chr(0x4E00 + number % 5000)}"))
    facts = AudioFacts(UTTERANCES * 5000, 8000, 2, "pcm_alaw", "wav")
    roles: tuple[Role, Role] = ("agent", "customer")
    speech = tuple(
        ChannelSpeech(channel, role, tuple(u.span for u in said if u.channel == channel), 0.0)
        for channel, role in enumerate(roles)
    )
    engine = EngineInfo("faster-whisper", "bench", "", {"beam_size": 1})
    return Transcript(facts, engine, tuple(said), speech)


def _utterance(at: int, customer: bool, text: str) -> Utterance:
    """What one side says in four of five seconds, two characters to a word."""
    start_ms, each_ms = at * 5000, 4000 // len(text)
    words = tuple(
        Word(text[i : i + 2], start_ms + i * each_ms, start_ms + (i + 2) * each_ms, 0.9)
        for i in range(0, len(text) - 1, 2)
    )
    role: Role = "customer" if customer else "agent"
    return Utterance(
        at, int(customer), role, start_ms, start_ms + 4000, text, text, words, 0.9, "high", -20.0
    )


async def fill(database: Database, settings: Settings, calls: int) -> None:
    """The shipped versions and the calls, as if they had been analysed."""
    async with database.session() as session:
        await bootstrap(settings, session)
        await session.commit()
    for first in range(0, calls, 100):
        async with database.session() as session:
            said = {}
            for number in range(first, min(first + 100, calls)):
                metadata = {"domain": "edu", "agent": f"坐席{number % 20}"}
                row, _ = await add_call(
                    session, NewCall(external_id=f"c-{number}", metadata=metadata)
                )
                row.state = "done"
                said[row.id] = transcript(number)
            await save_transcripts(session, said)
            await session.commit()


async def run_once(database: Database, folder: Path, url: str, workers: int) -> Measured:
    """A re-analysis of all calls, timed from when every worker has compiled its documents."""
    async with database.session() as session:
        tree = await published_for(session, "tree", "edu")
        assert tree is not None
        run = await begin_reanalysis(
            session, "tree", tree, CallChoice(), Author(uuid.UUID(int=0), "bench")
        )
        await session.commit()
    environment = {**os.environ, "TINGJIAN_DATABASE_URL": url, "TINGJIAN_OFFLINE": "true",
                   "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # fmt: skip
    command = [sys.executable, "-m", "cli", "worker", "--queue", "bulk"]
    asked = time.monotonic()
    processes = [_start(command, environment) for _ in range(workers)]
    try:
        # A worker's first chunk pays for compiling: begin when all can have done one.
        begun = await _wait(database, run.id, workers * CHUNK_CALLS)
        start, cpu = time.monotonic(), _cpu_s(folder, processes)
        done = await _wait(database, run.id, None)
        seconds = time.monotonic() - start
        now = _cpu_s(folder, processes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)
    print(f"  {time.monotonic() - asked:.1f} s with start-up", file=sys.stderr)
    assert done.state == "done", done.error_message
    assert done.started_at is not None
    planning = (done.started_at - done.created_at).total_seconds()
    return Measured(
        done.calls_done - begun.calls_done, seconds, now[0] - cpu[0], now[1] - cpu[1], planning
    )


async def _wait(database: Database, run_id: uuid.UUID, calls: int | None) -> BulkRun:
    """The run when so many of its calls are done; None = when it has ended."""
    while True:
        async with database.session() as session:
            now = await get_run(session, run_id)
        if now.state not in ("queued", "running") or (calls and now.calls_done >= calls):
            return now
        await asyncio.sleep(0.1)


def _start(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def _cpu_s(folder: Path, workers: "list[subprocess.Popen[bytes]]") -> tuple[float, float]:
    """CPU seconds so far of the workers, and of the database server with its backends."""
    (pid_file,) = folder.rglob("postmaster.pid")
    server = psutil.Process(int(pid_file.read_text().splitlines()[0]))
    ended = server.cpu_times()
    return (
        sum(_own_s(psutil.Process(worker.pid)) for worker in workers),
        sum(map(_own_s, (server, *server.children())))
        + ended.children_user
        + ended.children_system,
    )


def _own_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def measure(calls: int, workers: int) -> dict[str, float]:
    """Fill, analyse once, analyse again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = start_embedded(folder)
        try:
            migrate(server.url)
            settings = Settings(data_dir=folder, offline=True)
            database = Database(server.url)
            await fill(database, settings, calls)
            print("first analysis, vectors encoded and stored", file=sys.stderr)
            first = await run_once(database, folder, server.url, workers)
            async with database.session() as session:
                size = await session.scalar(
                    select(
                        func.avg(
                            func.octet_length(CallVectors.vectors)
                            + func.octet_length(CallVectors.__table__.c["keys"])
                        )
                    )
                )
            print("again, from stored vectors", file=sys.stderr)
            again = await run_once(database, folder, server.url, workers)
            await database.close()
        finally:
            server.stop()
    rate = again.calls / again.seconds
    cpu_s = (again.workers_cpu_s + again.database_cpu_s) / again.calls
    return {
        "calls": calls,
        "utterances_per_call": UTTERANCES,
        "workers": workers,
        "first_calls_per_s": first.calls / first.seconds,
        "again_calls_per_s": rate,
        "again_utterances_per_s": rate * UTTERANCES,
        "minutes_per_10_000_calls": GOAL_CALLS / rate / 60,
        "cpu_ms_per_call": cpu_s * 1000,
        "of_it_database_ms": again.database_cpu_s / again.calls * 1000,
        "cpu_minutes_per_10_000_calls": GOAL_CALLS * cpu_s / workers / 60,
        "load_average": os.getloadavg()[0],
        "planning_s": again.planning_s,
        "vector_kB_per_call": float(size or 0) / 1024,
    }


def main() -> None:
    """Print the table, or one JSON object with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.calls < LEAST_CALLS:
        parser.error(f"too few calls to measure; use at least {LEAST_CALLS}")
    found = asyncio.run(measure(options.calls, options.workers))
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:30} {value:10.2f}")


if __name__ == "__main__":
    main()
