"""Worker processes of their own, to be killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from core.settings import Settings

_WORKER = """
import asyncio
from core.logging import setup_logging
from core.settings import Settings
from pipeline.worker import run_worker
setup_logging("info")
asyncio.run(run_worker(Settings()))
"""


@contextmanager
def worker(settings: Settings, log: Path) -> Iterator[psutil.Popen]:
    """A worker process on the test's database and data directory; killed at the end at least."""
    assert settings.database_url is not None
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("TINGJIAN_")},
        "TINGJIAN_DATABASE_URL": settings.database_url.get_secret_value(),
        "TINGJIAN_DATA_DIR": str(settings.data_dir),
        "TINGJIAN_OFFLINE": "true",
        "TINGJIAN_WORKER__HEARTBEAT_S": "0.5",
        "TINGJIAN_WORKER__STALLED_AFTER_S": "4",
        "TINGJIAN_WEBHOOK__ALLOW_PRIVATE": "true",
    }
    with log.open("w") as output:
        process = psutil.Popen(
            [sys.executable, "-c", _WORKER],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(30)
