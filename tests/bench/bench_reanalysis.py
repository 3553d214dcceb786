"""Calls per second of re-analysing stored history from cached vectors, with real workers.

Run `python tests/bench/bench_reanalysis.py [--calls N] [--workers N] [--json]`. A private
PostgreSQL is filled with N calls of 60 utterances (the labelled calls of the tests, each utterance
made unlike the others), analysed once so that their sentence vectors are stored, and then analysed
again by worker processes, each with one thread of algebra. `minutes_per_10_000_calls` extrapolates
linearly: chunks are alike, so nothing grows with the number of calls but the planning, which is
timed apart (`planning_s`).
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
from pathlib import Path

from sqlalchemy import func, select

from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from core.settings import Settings
from models.bulk_runs import get_run
from models.calls import NewCall, add_call
from models.database import Database, migrate
from models.embedded import start_embedded
from models.results import save_transcript
from models.tables import CallVectors
from models.versions import published_for
from pipeline.bootstrap import bootstrap
from pipeline.bulk.requests import Author, CallChoice, begin_reanalysis

ROOT = Path(__file__).parents[2]
LABELLED = ROOT / "tests" / "integration" / "nlp" / "labelled_calls.txt"
UTTERANCES = 60
GOAL_CALLS = 10_000


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
        role: Role = "customer" if side == "C" else "agent"
        unlike = f"{text}{chr(0x4E00 + number % 5000)}"
        said.append(
            Utterance(at, int(side == "C"), role, at * 5000, at * 5000 + 4000, unlike, unlike)
        )
    facts = AudioFacts(UTTERANCES * 5000, 8000, 2, "reference", "none")
    return Transcript(facts, EngineInfo("reference"), tuple(said))


async def fill(database: Database, settings: Settings, calls: int) -> None:
    """The shipped versions and the calls, as if they had been analysed."""
    async with database.session() as session:
        await bootstrap(settings, session)
        for number in range(calls):
            metadata = {"domain": "edu", "agent": f"坐席{number % 20}"}
            row, _ = await add_call(session, NewCall(external_id=f"c-{number}", metadata=metadata))
            await save_transcript(session, row.id, transcript(number))
            row.state = "done"
        await session.commit()


async def run_once(database: Database, url: str, workers: int) -> tuple[float, float]:
    """Seconds of work on all chunks, and seconds until they were planned."""
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
    begun: float | None = None
    first_done = 0
    try:
        while True:
            async with database.session() as session:
                now = await get_run(session, run.id)
            # The first chunks pay for compiling the documents: the clock starts after them.
            if begun is None and now.calls_done > 0:
                begun, first_done = time.monotonic(), now.calls_done
            if now.state not in ("queued", "running"):
                assert now.state == "done", now.error_message
                assert begun is not None
                planned = (now.started_at - now.created_at).total_seconds() if now.started_at else 0
                share = (now.calls_done - first_done) / now.calls_done
                if share == 0:
                    sys.exit("Too few calls to measure; use --calls 400 or more.")
                return (time.monotonic() - begun) / share, planned
            await asyncio.sleep(0.1)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)
        print(f"  {time.monotonic() - asked:.1f} s with start-up", file=sys.stderr)


def _start(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


async def measure(calls: int, workers: int) -> dict[str, float]:
    """Fill, analyse once, analyse again."""
    with tempfile.TemporaryDirectory() as folder:
        server = start_embedded(Path(folder))
        try:
            migrate(server.url)
            settings = Settings(data_dir=Path(folder), offline=True)
            database = Database(server.url)
            await fill(database, settings, calls)
            print("first analysis, vectors encoded and stored", file=sys.stderr)
            first, _ = await run_once(database, server.url, workers)
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
            again, planning = await run_once(database, server.url, workers)
            await database.close()
        finally:
            server.stop()
    return {
        "calls": calls,
        "utterances_per_call": UTTERANCES,
        "workers": workers,
        "first_calls_per_s": calls / first,
        "again_calls_per_s": calls / again,
        "again_utterances_per_s": calls * UTTERANCES / again,
        "minutes_per_10_000_calls": GOAL_CALLS / (calls / again) / 60,
        "planning_s": planning,
        "vector_kB_per_call": float(size or 0) / 1024,
    }


def main() -> None:
    """Print the table, or one JSON object with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure(options.calls, options.workers))
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:28} {value:10.2f}")


if __name__ == "__main__":
    main()
