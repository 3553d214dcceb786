"""A reviewer corrects the events of a call in a real browser: mouse, keys, without scripts."""

from typing import Any

from e2e_service import Service, Watch, sign_in
from playwright.sync_api import Browser, expect

DESKTOP = {"width": 1280, "height": 800}
expect.set_options(timeout=15_000)


def test_events_are_corrected_beside_the_recording(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    call, watch = analysed_call["id"], Watch()
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    context.on("page", watch.attach)
    page = sign_in(context, service, f"/calls/{call}")
    first = page.locator(".events .event").first
    confirm = first.get_by_role("button", name="命中正确")
    confirm.click()
    expect(confirm).to_have_attribute("aria-pressed", "true")
    expect(first.locator(".correct-said")).to_contain_text("确认")
    # Keys, on the event that has the focus.
    first.locator(".event-link").focus()
    page.keyboard.press("x")
    overturn = first.get_by_role("button", name="命中有误")
    expect(overturn).to_have_attribute("aria-pressed", "true")
    expect(confirm).to_have_attribute("aria-pressed", "false")
    # The same again takes it back.
    page.keyboard.press("x")
    expect(overturn).to_have_attribute("aria-pressed", "false")
    # "This is also …" comes to the sentence, offers what its side may say, and is kept.
    line = page.locator(".utterance.agent").nth(2)
    line.get_by_role("button", name="这也是…").click()
    choice = line.locator("select[name=node]")
    expect(choice).to_be_focused()
    choice.select_option("产品介绍/公司资质")
    line.get_by_role("button", name="补记", exact=True).click()
    expect(line.locator(".tag.human")).to_have_text("产品介绍/公司资质")
    page.reload()
    expect(page.locator(".added-event")).to_contain_text("产品介绍/公司资质")
    context.close()
    assert watch.complaints == []


def test_corrections_work_without_scripts(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN", java_script_enabled=False)
    page = sign_in(context, service, f"/calls/{analysed_call['id']}")
    event = page.locator(".events .event").nth(1)
    event.get_by_role("button", name="命中有误").click()
    event = page.locator(".events .event").nth(1)
    overturn = event.get_by_role("button", name="命中有误")
    expect(overturn).to_have_attribute("aria-pressed", "true")
    page.locator("#also-form select").select_option("产品介绍/成功案例")
    page.locator(".utterance.agent .also-button").nth(3).click()
    expect(page.locator(".added-events")).to_contain_text("产品介绍/成功案例")
    context.close()
