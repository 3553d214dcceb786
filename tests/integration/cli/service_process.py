"""A `tingjian` process, driven from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

COMMAND = (sys.executable, "-m", "cli")
CLIPS = Path(__file__).parents[3] / "fixtures" / "audio" / "clips"
_PATIENCE_S = 180.0


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a new installation with these settings, and none of this machine."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TINGJIAN_")}
    given = {f"TINGJIAN_{name}": value for name, value in settings.items()}
    return {**clean, "TINGJIAN_DATA_DIR": str(data_dir), "TINGJIAN_LOG_LEVEL": "warning", **given}


def tingjian(data_dir: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(data_dir),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def until(condition: Callable[[], Any], told: str = "waited in vain") -> Any:
    """What the condition gives once it is true."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return found


class Service:
    """`tingjian up` (or `demo`) as a child process; `facts` is what `--json` printed."""

    def __init__(self, data_dir: Path, arguments: Sequence[str], **settings: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment(data_dir, **settings),
            stdout=subprocess.PIPE,
            text=True,
        )

    def started(self) -> dict[str, Any]:
        """The JSON object that is printed when the service is ready."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line == "}\n":
                facts: dict[str, Any] = json.loads("".join(lines))
                return facts
        raise AssertionError(f"ended before it was ready: {lines}")

    def children(self) -> dict[str, psutil.Process]:
        """The processes of the service by command."""
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # it ended meanwhile
                arguments = child.cmdline()
                if arguments[1:3] == ["-m", "cli"]:
                    found[arguments[3]] = child
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status after a signal."""
        self.process.send_signal(number)
        status = self.process.wait(_PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def postgres_runs(data_dir: Path) -> bool:
    """Whether the private server of a data directory is up."""
    pid_file = data_dir / "postgres" / "postmaster.pid"
    found = (
        list(data_dir.glob("postgres/**/postmaster.pid")) if not pid_file.exists() else [pid_file]
    )
    return any(psutil.pid_exists(int(path.read_text().split()[0])) for path in found)
