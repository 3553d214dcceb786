"""What browser tests share: the service's address, a watch on the browser, signing in."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "fixtures" / "audio"
READY_S = 180
ANALYSED_S = 240
CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Service:
    """A running service: its address and the administrator's sign-in."""

    url: str
    username: str
    password: str

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """An HTTP client that is signed in."""
        credentials = {"username": self.username, "password": self.password}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            answer = client.post("/api/v1/session", json=credentials)
            assert answer.status_code == 204, answer.text
            yield client


@dataclass
class Watch:
    """What a browser complained about: console errors, exceptions, refused or failed loads."""

    complaints: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        """Listen to everything this page reports."""
        page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "response",
            lambda r: self.complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None,
        )
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) => console.error("
            "`content security policy: ${event.violatedDirective} ${event.blockedURI}`))"
        )


def chromium() -> str:
    """The browser's executable; its absence fails the test and says what to do."""
    names = ("chromium", "google-chrome", "chromium-browser")
    found = os.environ.get("TINGJIAN_CHROMIUM") or next(filter(None, map(shutil.which, names)), "")
    if not found:
        pytest.fail(
            "No Chromium found. Run `scripts/ensure_browser.sh` (or `apt-get install chromium "
            "fonts-noto-cjk`), or set TINGJIAN_CHROMIUM to a Chrome or Chromium executable."
        )
    return found


def sign_in(context: BrowserContext, service: Service, path: str = "/calls") -> Page:
    """A page of this context that went through the sign-in form to `path`."""
    page = context.new_page()
    page.goto(service.url + path)
    page.get_by_label("用户名").fill(service.username)
    page.get_by_label("密码").fill(service.password)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(service.url + path)
    return page


def first_object(path: Path) -> dict[str, Any] | None:
    """The JSON object at the start of a file that is being written; None while it is incomplete."""
    try:
        value, _ = json.JSONDecoder().raw_decode(path.read_text("utf-8").lstrip())
    except ValueError:
        return None
    return dict(value)


def wait_for(
    look: Callable[[], dict[str, Any] | None],
    process: subprocess.Popen[bytes],
    log: Path,
    seconds: int = READY_S,
) -> dict[str, Any]:
    """What `look` finds, while the process lives.

    Raises:
        AssertionError: with the process's log, when it ends or is too slow.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the service did not start:\n{log.read_text('utf-8')[-4000:]}")
