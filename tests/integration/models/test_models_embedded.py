"""The private server: shared by processes, stopped by the last one, found again after a kill."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from models.database import libpq_url
from models.embedded import start_embedded

_HOLDER = """
import sys
from pathlib import Path
from models.embedded import start_embedded
server = start_embedded(Path(sys.argv[1]))
print(server.url, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="tj-emb-"))
    yield directory
    for process in _servers(directory):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(10)
    shutil.rmtree(directory)


def _servers(directory: Path) -> list[psutil.Process]:
    """The postmasters whose data lies below the directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            mine = process.name() == "postgres" and str(directory) in " ".join(process.cmdline())
            parent = process.parent()
            # A backend looks like its postmaster until it has renamed itself.
            if mine and (parent is None or parent.name() != "postgres"):
                found.append(process)
    return found


def _holder(directory: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql+psycopg://")
    return process


def _release(process: "subprocess.Popen[str]") -> None:
    process.communicate("", timeout=60)
    assert process.returncode == 0


def _answer(url: str) -> object:
    with psycopg.connect(libpq_url(url)) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        return row[0] if row else None


def test_the_last_of_several_holders_stops_the_server(data_dir: Path) -> None:
    first = start_embedded(data_dir)
    second = _holder(data_dir)
    again = start_embedded(data_dir)
    assert first.url == again.url
    assert str(_answer(first.url)).startswith("18")
    assert len(_servers(data_dir)) == 1
    first.stop()
    first.stop()
    again.stop()
    assert _answer(first.url)
    _release(second)
    assert _servers(data_dir) == []


def test_a_killed_holder_does_not_keep_the_server_running(data_dir: Path) -> None:
    victim = _holder(data_dir)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    (left,) = _servers(data_dir)
    heir = start_embedded(data_dir)
    assert _servers(data_dir) == [left]
    heir.stop()
    assert _servers(data_dir) == []


def test_data_survives_a_killed_server(data_dir: Path) -> None:
    server = start_embedded(data_dir)
    with psycopg.connect(libpq_url(server.url), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    (postmaster,) = _servers(data_dir)
    postmaster.kill()
    postmaster.wait(30)
    heir = start_embedded(data_dir)
    with psycopg.connect(libpq_url(heir.url)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
    heir.stop()
    server.stop()


def test_a_stale_pid_file_that_names_another_process_is_no_obstacle(data_dir: Path) -> None:
    start_embedded(data_dir).stop()
    pid_file = data_dir / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{data_dir / 'postgres'}\n1\n5432\n/\n\n  1 1\nready\n")
    server = start_embedded(data_dir)
    assert _answer(server.url)
    server.stop()


def test_a_half_made_cluster_is_made_again(data_dir: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    server = start_embedded(data_dir)
    assert _answer(server.url)
    server.stop()
    assert not half.exists()


def test_a_long_path_gets_a_short_socket_directory(data_dir: Path) -> None:
    deep = data_dir / ("x" * 60) / ("y y" * 20)
    server = start_embedded(deep)
    assert _answer(server.url)
    socket_dir = Path(libpq_url(server.url).split("host=")[1].replace("%2F", "/"))
    assert socket_dir.is_dir()
    assert not socket_dir.stat().st_mode & 0o077
    server.stop()
    assert not socket_dir.exists()


def test_threads_that_start_together_share_one_server(data_dir: Path) -> None:
    servers = []
    threads = [
        threading.Thread(target=lambda: servers.append(start_embedded(data_dir))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.url for server in servers}) == 1
    assert len(_servers(data_dir)) == 1
    for server in servers:
        server.stop()
    assert _servers(data_dir) == []


def test_the_data_is_private_to_its_owner(data_dir: Path) -> None:
    start_embedded(data_dir).stop()
    assert not (data_dir / "postgres").stat().st_mode & 0o077
    # Others may at most pass through the data directory, and only when root needs that.
    allowed = 0o001 if os.geteuid() == 0 else 0
    assert not data_dir.stat().st_mode & 0o077 & ~allowed
