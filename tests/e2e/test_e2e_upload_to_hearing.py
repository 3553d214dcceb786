"""The product's main path in a real browser, against the real service."""

import re
import time
from typing import Any

import pytest
from e2e_service import ANALYSED_S, RECORDINGS, Service, Watch, sign_in
from playwright.sync_api import Browser, BrowserContext, Page, expect

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=15_000)


def media_time(page: Page) -> float:
    return float(page.evaluate("document.querySelector('audio').currentTime"))


def until(page: Page, expression: str, seconds: float = 15) -> None:
    """Wait until the page says so. Playwright's own waiting evaluates text, which pages forbid."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(50)


def test_from_upload_to_hearing_an_event(service: Service, browser: Browser) -> None:
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    watch = Watch()
    context.on("page", watch.attach)
    page = sign_in(context, service)

    upload(page)
    row = page.locator("tr", has_text="dev-edu-04.flac")
    expect(row.locator("[data-state]")).to_have_text("完成", timeout=ANALYSED_S * 1000)

    row.get_by_role("link", name="dev-edu-04.flac").click()
    expect(page.get_by_role("heading", name="dev-edu-04.flac")).to_be_visible()
    expect(page.locator(".wave-canvas canvas").first).to_be_visible()
    hear_an_event(page)
    read_the_verdicts(page)

    page.get_by_role("link", name="SOP 执行").click()
    agent_row = page.locator(".matrix tbody tr", has=page.get_by_role("rowheader", name="沈佳"))
    expect(agent_row).to_be_visible()
    drill_down(page, agent_row.locator("a.cell").first)

    assert watch.complaints == []
    context.close()


def upload(page: Page) -> None:
    page.locator("upload-zone input[type=file]").set_input_files(RECORDINGS / "dev-edu-04.flac")
    form = page.locator("upload-zone form")
    form.get_by_label("坐席", exact=True).fill("沈佳")
    form.get_by_label("团队").fill("华东一组")
    form.get_by_label("行业").select_option("edu")
    form.get_by_role("button", name="开始上传").click()
    expect(page.locator(".upload-results .result")).to_contain_text("已接收")


def hear_an_event(page: Page) -> None:
    event = page.locator(".event").nth(1)
    start = float(event.get_attribute("data-start") or "nan")
    assert start > 1, "the recording begins with silence, its second event lies later"
    event.locator("a").click()
    until(page, "!document.querySelector('audio').paused")
    begun = media_time(page)
    assert start - 0.05 <= begun <= start + 1.5
    until(page, f"document.querySelector('audio').currentTime > {begun} + 0.8")
    active = page.locator(".utterance.active").first
    expect(active).to_be_visible()
    times = active.evaluate("line => [Number(line.dataset.start), Number(line.dataset.end)]")
    now = media_time(page)
    assert times[0] <= now + 0.1
    assert times[1] >= now - 1.0
    expect(page.locator(".utterance .said")).to_have_count(1)
    assert page.evaluate("location.pathname").startswith("/calls/"), "the link stayed on the page"

    page.keyboard.press("Space")
    until(page, "document.querySelector('audio').paused")
    before = media_time(page)
    page.keyboard.press("n")
    until(page, f"document.querySelector('audio').currentTime > {before}")


def read_the_verdicts(page: Page) -> None:
    lines = page.locator(".score-lines tbody td").all_inner_texts()
    points = [float(text.replace("−", "-")) for text in lines]
    total = float(page.locator(".score-lines tfoot td").inner_text())
    assert sum(points) == pytest.approx(total, abs=0.051)
    page.get_by_role("tab", name="SOP").click()
    expect(page.locator(".sop-step").first).to_be_visible()
    states = page.locator(".sop-step .sop-state").all_inner_texts()
    assert set(states) <= {"已执行", "漏执行", "无法判定", "不适用"}
    assert "已执行" in states
    page.get_by_role("tab", name="指标").click()
    expect(page.get_by_role("img", name=re.compile("说话时间"))).to_be_visible()


def drill_down(page: Page, cell: Any) -> None:
    # Until its scripts have run, the cell is a plain link to the list of calls.
    page.wait_for_load_state("load")
    cell.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="dev-edu-04.flac")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_every_page_works_without_scripts(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    context = browser.new_context(viewport=DESKTOP, java_script_enabled=False)
    page = sign_in(context, service, f"/calls/{analysed_call['id']}")
    expect(page.locator(".utterance .bubble").first).to_be_visible()
    expect(page.locator(".finding").first).to_be_visible()
    for section in ("events", "sop", "metrics", "about"):
        expect(page.locator(f"#{section} .panel-body > *").first).to_be_attached()
    expect(page.locator("audio[controls]")).to_be_visible()
    link = page.locator(".event-link").first.get_attribute("href") or ""
    assert re.fullmatch(rf"/api/v1/calls/{analysed_call['id']}/audio#t=\d+\.\d{{3}}", link)

    page.goto(service.url + "/calls")
    page.locator("input[type=file]").set_input_files(RECORDINGS / "dev-ins-03.flac")
    page.get_by_role("button", name="开始上传").click()
    expect(page.locator(".upload-results .result")).to_contain_text("重复")
    expect(page.locator("table.calls")).to_contain_text("王芳")

    page.goto(service.url + "/sop?group_by=team")
    expect(page.get_by_role("rowheader", name="保险二组")).to_be_visible()
    page.locator(".matrix a.cell").first.click()
    expect(page.locator("table.calls")).to_be_visible()
    context.close()


def test_no_page_scrolls_sideways_on_a_phone(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    context = browser.new_context(viewport=PHONE, locale="zh-CN")
    watch = Watch()
    context.on("page", watch.attach)
    page = sign_in(context, service)
    for path in ("/calls", f"/calls/{analysed_call['id']}", "/sop", "/calls?lang=en"):
        page.goto(service.url + path, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    page.goto(f"{service.url}/calls/{analysed_call['id']}?lang=zh")
    for name in ("事件", "质检", "SOP", "指标", "信息", "对话"):
        page.get_by_role("tab", name=name).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    expect(page.locator(".utterance").first).to_be_visible()
    assert watch.complaints == []
    context.close()


def test_strangers_are_sent_to_sign_in(service: Service, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    for path in ("/calls", "/sop", "/calls/018f0000-0000-7000-8000-000000000000"):
        page.goto(service.url + path)
        expect(page.get_by_label("密码")).to_be_visible()
    page.get_by_label("用户名").fill(service.username)
    page.get_by_label("密码").fill("wrong password")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("不正确")
    context.close()


def test_a_recording_that_is_none_is_refused_or_fails_with_a_reason(
    service: Service, browser: Browser, tmp_path: Any
) -> None:
    context: BrowserContext = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    page = sign_in(context, service)
    empty, text = tmp_path / "empty.wav", tmp_path / "notes.mp3"
    empty.write_bytes(b"")
    text.write_text("this is no sound\n" * 40)
    page.locator("upload-zone input[type=file]").set_input_files([empty, text])
    page.locator("upload-zone").get_by_role("button", name="开始上传").click()
    refused = page.locator(".result", has_text="empty.wav")
    expect(refused).to_contain_text("已拒绝")
    expect(refused.locator(".result-error")).to_contain_text("0 字节")
    row = page.locator("table.calls tr", has_text="notes.mp3")
    expect(row.locator("[data-state]")).to_have_text("失败", timeout=ANALYSED_S * 1000)
    row.get_by_role("link", name="notes.mp3").click()
    expect(page.get_by_role("alert")).to_contain_text("notes.mp3")
    expect(page.get_by_role("button", name="重试")).to_be_visible()
    context.close()
