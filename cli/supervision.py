"""Child processes that are kept alive, and stopped cleanly."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_COMMAND = (sys.executable, "-m", "cli")
_POLL_S = 0.2
_STABLE_S = 60.0
_LONGEST_BACKOFF_S = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """A child to keep running: arguments of `tingjian`, and file descriptors it inherits.

    `environment` is what it sees differently from the other children.
    """

    name: str
    arguments: tuple[str, ...]
    inherited: tuple[int, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class Supervisor:
    """Runs programs, restarts those that die, and stops all of them.

    A child that dies starts again after 1 s, then 2 s, 4 s ... up to 30 s; one that ran for a
    minute starts that count anew. Children run in sessions of their own, so that Ctrl-C in a
    terminal reaches only the supervisor, and stop by themselves when the supervisor is killed.
    """

    programs: Sequence[Program]
    environment: Mapping[str, str]
    clock: Callable[[], float] = time.monotonic
    _children: list[_Child] = field(default_factory=list)

    def start(self) -> None:
        """Start every program."""
        self._children = [_Child(program) for program in self.programs]
        for child in self._children:
            self._launch(child)

    def check(self) -> None:
        """Restart what has died and whose waiting time is over. Called every now and then."""
        now = self.clock()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, now)
            if child.process is None and now >= child.start_again_at:
                self._launch(child)

    def run_until(self, stopping: threading.Event) -> None:
        """Supervise until `stopping` is set."""
        while not stopping.wait(_POLL_S):
            self.check()

    def exited(self, name: str) -> int | None:
        """The exit status of a child that died and was not restarted yet, else None."""
        for child in self._children:
            if child.program.name == name and child.process is not None:
                return child.process.poll()
        return None

    def process_id(self, name: str) -> int | None:
        """The process id of a running child."""
        for child in self._children:
            if child.program.name == name and child.process is not None:
                return child.process.pid
        return None

    def stop(self, patience_s: float = 20.0) -> None:
        """End the children, last started first; one that does not end in time is killed.

        A killed worker loses nothing: its job is run again by the next worker.
        """
        running = [child.process for child in reversed(self._children) if child.process]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + patience_s
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close_lifeline(process)
        self._children = []

    def _launch(self, child: _Child) -> None:
        command = [*_COMMAND, *child.program.arguments]
        child.process = subprocess.Popen(  # noqa: S603 - our own program and arguments
            command,
            env={**self.environment, **dict(child.program.environment), LIFELINE: "1"},
            stdin=subprocess.PIPE,
            pass_fds=child.program.inherited,
            start_new_session=True,
        )
        child.started_at = self.clock()

    def _bury(self, child: _Child, now: float) -> None:
        assert child.process is not None
        status = child.process.returncode
        child.failures = 1 if now - child.started_at >= _STABLE_S else child.failures + 1
        wait_s = min(2.0 ** (child.failures - 1), _LONGEST_BACKOFF_S)
        child.start_again_at = now + wait_s
        logger.warning(
            "%s ended with status %s; starting it again in %.0f s",
            child.program.name,
            status,
            wait_s,
        )
        _close_lifeline(child.process)
        child.process = None


LIFELINE = "TINGJIAN_LIFELINE"
"""Set for supervised children: their standard input ends when the supervisor does."""


def follow_lifeline() -> None:
    """In a supervised child: end (SIGTERM to itself) when the supervisor is gone."""
    if os.environ.pop(LIFELINE, None) is None:
        return

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(0, 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


@contextlib.contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set while the context lasts."""
    event = threading.Event()
    before = {number: signal.signal(number, lambda *_: event.set()) for number in STOP_SIGNALS}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _close_lifeline(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
