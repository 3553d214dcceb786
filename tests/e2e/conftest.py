"""The real service (`tingjian up`: database, server, worker) and a real Chromium."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e_service import (
    ANALYSED_S,
    CHROMIUM_ARGS,
    RECORDINGS,
    ROOT,
    Service,
    chromium,
    first_object,
    wait_for,
)
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """`tingjian up` on a free port with an empty data directory."""
    # Not below pytest's own folder: it is shut to others whenever another run begins, and the
    # database runs as another user when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="tj-e2e-"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TINGJIAN_")}
    command = [sys.executable, "-m", "cli", "up", "--json", "--port", "0"]
    output, log = folder / "stdout", folder / "stderr"
    with output.open("w") as stdout, log.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            stdout=stdout, stderr=stderr, env=environment, cwd=ROOT,
        )  # fmt: skip
        try:
            told = wait_for(lambda: first_object(output), process, log)
            yield Service(told["url"], told["username"], told["password"])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def analysed_call(service: Service) -> dict[str, Any]:
    """A call that was uploaded over the API and is done, as the API shows it."""
    recording = RECORDINGS / "dev-ins-03.flac"
    with service.client() as client:
        metadata = {"agent": "王芳", "team": "保险二组", "domain": "ins"}
        with recording.open("rb") as content:
            answer = client.post(
                "/api/v1/calls",
                files={"files": (recording.name, content)},
                data={"metadata": json.dumps(metadata)},
            )
        call_id = answer.json()["results"][0]["call_id"]
        deadline = time.monotonic() + ANALYSED_S
        while time.monotonic() < deadline:
            call: dict[str, Any] = client.get(f"/api/v1/calls/{call_id}").json()
            if call["state"] in ("done", "failed"):
                assert call["state"] == "done", call["error"]
                return call
            time.sleep(0.5)
    raise AssertionError(f"{recording.name} was not analysed within {ANALYSED_S} s")
