"""Sockets and child processes."""

import os
import socket
import sys
import time
from collections.abc import Callable

import pytest

from cli.listening import bind, url_of
from cli.supervision import Program, Supervisor
from core.errors import AppError


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_port_in_use_is_one_error_that_names_the_fix() -> None:
    with bind("127.0.0.1", 0, "--port 8001") as first:
        port = first.getsockname()[1]
        assert url_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(AppError, match="--port 8001") as caught:
            bind("127.0.0.1", port, "--port 8001")
    assert caught.value.code == "port-in-use"


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(AppError) as caught:
        bind("192.0.2.1", 0, "--host 127.0.0.1")
    assert caught.value.code == "port-unavailable"


def test_a_wildcard_address_is_shown_as_loopback() -> None:
    with bind("0.0.0.0", 0, "") as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> Program:
    """A program that lives as long as its standard input."""
    monkeypatch.setattr("cli.supervision._COMMAND", (sys.executable, "-c"))
    return Program("sleeper", ("import sys; sys.stdin.read()",))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_children_are_started_and_stopped(sleeper: Program) -> None:
    supervisor = Supervisor((sleeper,), dict(os.environ))
    supervisor.start()
    pid = supervisor.process_id("sleeper")
    assert pid is not None
    assert alive(pid)
    supervisor.stop()
    assert not alive(pid)


def test_a_dead_child_is_started_again_after_a_growing_wait(sleeper: Program) -> None:
    now = [0.0]
    supervisor = Supervisor((sleeper,), dict(os.environ), clock=lambda: now[0])
    supervisor.start()
    try:
        for wait_s in (1.0, 2.0, 4.0):
            pid = supervisor.process_id("sleeper")
            assert pid is not None
            os.kill(pid, 9)
            until(lambda: supervisor.exited("sleeper") is not None)
            supervisor.check()
            assert supervisor.process_id("sleeper") is None
            now[0] += wait_s - 0.1
            supervisor.check()
            assert supervisor.process_id("sleeper") is None
            now[0] += 0.2
            supervisor.check()
            assert supervisor.process_id("sleeper") not in (None, pid)
    finally:
        supervisor.stop()


def test_a_child_that_ran_long_starts_its_count_anew(sleeper: Program) -> None:
    now = [0.0]
    supervisor = Supervisor((sleeper,), dict(os.environ), clock=lambda: now[0])
    supervisor.start()
    try:
        for _ in range(3):
            pid = supervisor.process_id("sleeper")
            assert pid is not None
            os.kill(pid, 9)
            until(lambda: supervisor.exited("sleeper") is not None)
            now[0] += 100.0
            supervisor.check()
            now[0] += 1.0
            supervisor.check()
            assert supervisor.process_id("sleeper") is not None
    finally:
        supervisor.stop()


def test_a_child_that_ignores_the_request_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.supervision._COMMAND", (sys.executable, "-c"))
    code = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "os.write(int(sys.argv[1]), b'r'); time.sleep(600)"
    )
    reading, writing = socket.socketpair()
    ready = writing.fileno()
    deaf = Program("deaf", (code, str(ready)), (ready,))
    with reading, writing:
        supervisor = Supervisor((deaf,), dict(os.environ))
        supervisor.start()
        pid = supervisor.process_id("deaf")
        assert reading.recv(1) == b"r"
        supervisor.stop(patience_s=0.05)
    assert pid is not None
    assert not alive(pid)
