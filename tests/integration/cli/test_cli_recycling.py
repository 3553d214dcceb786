"""Workers that have done enough end, and the next one goes on: real processes, no job lost."""

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from service_process import CLIPS, Service, tingjian, until

FILES = ("stereo.flac", "alaw.wav")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not below pytest's own folder, which the database's user may not pass through.
    directory = Path(tempfile.mkdtemp(prefix="tj-recycle-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def service(data_dir: Path) -> Iterator[Service]:
    # A limit of 0.36 s: every call is a worker's last.
    made = Service(data_dir, ["up", "--port", "0", "--json"], WORKER__RECYCLE_AUDIO_HOURS="0.0001")
    yield made
    if made.process.poll() is None:
        made.stop()


class Watch:
    """Notes which worker processes there have been, and how many at a time."""

    def __init__(self, service: Service) -> None:
        self.workers: set[int] = set()
        self.most = 0
        self._service = service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            running = [
                child.pid
                for child in psutil.Process(self._service.process.pid).children()
                if _command(child) == "worker"
            ]
            self.workers.update(running)
            self.most = max(self.most, len(running))


def _ended(call: dict[str, Any]) -> dict[str, Any] | None:
    return call if call["state"] in ("done", "failed") else None


def _command(process: psutil.Process) -> str:
    try:
        arguments = process.cmdline()
    except psutil.Error:  # it ended meanwhile
        return ""
    return arguments[3] if arguments[1:3] == ["-m", "cli"] else ""


def test_a_worn_worker_is_followed_by_a_new_one_and_no_call_is_lost(
    service: Service, data_dir: Path
) -> None:
    facts = service.started()
    with httpx.Client(base_url=f"{facts['url']}/api/v1", timeout=60) as http:
        sign_in = {"username": facts["username"], "password": facts["password"]}
        assert http.post("/session", json=sign_in).status_code == 204
        key = http.post("/api-keys", json={"name": "t", "scopes": ["read", "write"]}).json()["key"]
        with Watch(service) as watch:
            answer = tingjian(
                data_dir, "upload", *(CLIPS / name for name in FILES), "--json",
                "--url", facts["url"], "--api-key", key,
            )  # fmt: skip
            assert answer.returncode == 0, answer.stderr
            for result in json.loads(answer.stdout)["results"]:
                path = f"/calls/{result['call_id']}"
                ended = until(lambda p=path: _ended(http.get(p).json()), result["file"])
                assert ended["state"] == "done", ended["error"]
    assert len(watch.workers) >= len(FILES)
    # One set of weights at a time: the next worker starts when the last one is gone.
    assert watch.most == 1
