"""Take the README's pictures: run the service on the fixture calls and photograph its pages.

    .venv/bin/python scripts/screenshots.py [--out docs/images] [--dark] [--phone]

Needs Chromium (`scripts/ensure_browser.sh`). The service runs in a temporary data directory.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT / "fixtures" / "audio"
TEAMS = {"edu": ("华东一组", "春季班"), "ins": ("保险二组", "续保回访")}
CHROMIUM_ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
WAIT_S = 300


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--dark", action="store_true", help="dark colours")
    parser.add_argument("--phone", action="store_true", help="a phone's width")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as told:
        upload(told)
        photograph(told, options.out, dark=options.dark, phone=options.phone)


@contextmanager
def service(folder: Path) -> Iterator[dict[str, str]]:
    """`tingjian up` on a free port; its address and sign-in."""
    output = folder / "stdout"
    command = [sys.executable, "-m", "cli", "up", "--json", "--port", "0"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TINGJIAN_")}
    with output.open("w") as stdout:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            stdout=stdout, cwd=ROOT, env=environment,
        )  # fmt: skip
        try:
            yield sign_in_details(output, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def sign_in_details(output: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """What the service prints once it answers."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return dict(json.loads(output.read_text("utf-8")))
        except ValueError:
            time.sleep(0.2)
    sys.exit("The service did not start; its messages are above.")


def upload(told: dict[str, str]) -> None:
    """Send the fixture calls with the metadata a dialer would send, and wait for all results."""
    credentials = {"username": told["username"], "password": told["password"]}
    with httpx.Client(base_url=told["url"], timeout=60) as client:
        client.post("/api/v1/session", json=credentials).raise_for_status()
        for recording in sorted(RECORDINGS.glob("dev-*.flac")):
            truth: dict[str, Any] = json.loads(recording.with_suffix(".json").read_text("utf-8"))
            team, campaign = TEAMS[truth["domain"]]
            metadata = {
                "agent": truth["agent"]["name"], "team": team, "campaign": campaign,
                "domain": truth["domain"], "direction": "outbound",
            }  # fmt: skip
            client.post(
                "/api/v1/calls",
                files={"files": (recording.name, recording.read_bytes())},
                data={"metadata": json.dumps(metadata)},
            ).raise_for_status()
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            states = {call["state"] for call in client.get("/api/v1/calls").json()["items"]}
            if states <= {"done", "failed"}:
                return
            time.sleep(1)
    sys.exit(f"The calls were not analysed within {WAIT_S} s.")


def photograph(told: dict[str, str], out: Path, *, dark: bool, phone: bool) -> None:
    """calls.png, call.png and sop.png, with a suffix for dark colours or a phone."""
    suffix = ("-dark" if dark else "") + ("-phone" if phone else "")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            locale="zh-CN",
        )
        page = context.new_page()
        page.goto(told["url"] + "/calls")
        page.get_by_label("用户名").fill(told["username"])
        page.get_by_label("密码").fill(told["password"])
        page.get_by_role("button", name="登录").click()
        page.wait_for_selector("table.calls")
        page.screenshot(path=out / f"calls{suffix}.png")
        page.get_by_role("link", name="dev-edu-03.flac").click()
        play_into_the_call(page, phone=phone)
        page.screenshot(path=out / f"call{suffix}.png")
        page.goto(told["url"] + "/sop")
        page.wait_for_selector("table.matrix")
        page.screenshot(path=out / f"sop{suffix}.png")
        browser.close()


def play_into_the_call(page: Page, *, phone: bool) -> None:
    """Stop at an event in the middle, so that the picture shows the page at work."""
    page.wait_for_selector(".wave-canvas canvas", state="attached")
    if phone:
        page.get_by_role("tab", name="事件").click()
    events = page.locator(".event-link")
    events.nth(events.count() // 2).click()
    if phone:
        page.get_by_role("tab", name="对话").click()
    page.wait_for_selector(".utterance .said", state="attached")
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="暂停").click()
    page.wait_for_timeout(600)


def chromium() -> str:
    """The browser's executable."""
    names = ("chromium", "google-chrome", "chromium-browser")
    found = os.environ.get("TINGJIAN_CHROMIUM") or next(filter(None, map(shutil.which, names)), "")
    if not found:
        sys.exit("No Chromium found. Run scripts/ensure_browser.sh, or set TINGJIAN_CHROMIUM.")
    return found


if __name__ == "__main__":
    main()
