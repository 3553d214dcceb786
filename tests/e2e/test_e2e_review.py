"""A reviewer's working day in a real browser: take, listen, confirm, overturn, add, submit."""

import re
from typing import Any

import httpx
from e2e_service import Service, Watch, sign_in
from playwright.sync_api import Browser, Page, expect

DESKTOP = {"width": 1280, "height": 800}
PASSWORD = "correct-horse-battery"
expect.set_options(timeout=15_000)


def add_user(client: httpx.Client, username: str, role: str, **more: Any) -> None:
    body = {"username": username, "password": PASSWORD, "role": role, **more}
    answer = client.post("/api/v1/users", json=body)
    assert answer.status_code in (201, 409), answer.text


def signed_in(browser: Browser, service: Service, name: str, path: str, watch: Watch) -> Page:
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    context.on("page", watch.attach)
    return sign_in(context, Service(service.url, name, PASSWORD), path)


def test_from_the_queue_to_the_final_judgement(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    call, agent = analysed_call["id"], analysed_call["metadata"]["agent"]
    with service.client() as client:
        add_user(client, "e2e-li", "reviewer")
        add_user(client, "e2e-boss", "manager", teams=[analysed_call["metadata"]["team"]])
        add_user(client, "e2e-agent", "agent", agent=agent)
    watch = Watch()

    page = signed_in(browser, service, "e2e-li", "/reviews", watch)
    page.goto(f"{service.url}/reviews?show=all&agent={agent}")
    expect(page.locator("tr[data-row]").first).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("tr[data-row] a").first).to_be_focused()
    page.keyboard.press("t")
    page.wait_for_url(re.compile(rf"/calls/{call}\?from="))
    judge_by_keys(page)
    take_one_back(page)
    add_a_missed_one(page)
    hear_the_evidence(page)
    keep_a_comment(page)
    page.get_by_label("其余命中一并确认").check()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".review-card .chip").first).to_have_text("已复核")
    expect(page.locator("#review-title")).to_be_focused()
    expect(page.locator("#review-title")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="人工分怎么来的")).to_be_visible()
    human = page.locator(".score-pair .score").nth(1)
    expect(human).not_to_have_text("–")
    expect(page.locator(".review-comment").first).to_have_text("开场不错")
    page.context.close()

    page = signed_in(browser, service, "e2e-agent", f"/calls/{call}", watch)
    page.locator(".choices input").first.check()
    page.get_by_label("理由").fill("录音里说过了")
    page.get_by_role("button", name="提交申诉").click()
    expect(page.locator(".appeal .chip").first).to_have_text("待裁决")
    page.context.close()

    page = signed_in(browser, service, "e2e-boss", f"/calls/{call}", watch)
    page.locator(".appeal .choices input").first.check()
    page.get_by_label("裁决理由").fill("确实说过")
    page.get_by_role("button", name="终审裁决").click()
    expect(page.locator(".review-card > header .chip")).to_have_text("终审")
    expect(page.locator(".appeal .chip").first).to_have_text("成立")
    page.goto(service.url + "/accuracy")
    expect(page.locator("table.ledger tbody tr").first).to_be_visible()
    page.context.close()
    assert watch.complaints == []


def judge_by_keys(page: Page) -> None:
    waiting = page.locator(".finding.waiting")
    expect(waiting.first).to_be_visible()
    before = waiting.count()
    page.keyboard.press("j")
    expect(page.locator(".finding:focus")).to_have_count(1)
    page.keyboard.press("y")
    expect(waiting).to_have_count(before - 1)
    if before > 1:
        page.keyboard.press("x")
        form = page.locator(".overturn[open] form")
        expect(form.locator("input:checked")).to_have_count(0)
        page.keyboard.press("Enter")
        expect(waiting).to_have_count(before - 1)  # without a reason nothing is overturned
        page.keyboard.press("3")
        expect(form.get_by_role("radio", name="结合语境不算")).to_be_checked()
        form.get_by_role("textbox", name="说明").fill("语境不同")
        page.keyboard.press("Enter")
        expect(waiting).to_have_count(before - 2)
        expect(page.locator(".verdict", has_text="已推翻")).to_be_visible()


def take_one_back(page: Page) -> None:
    """A verdict is undone, and made again."""
    waiting = page.locator(".finding.waiting")
    before = waiting.count()
    judged = page.locator(".finding:not(.waiting)", has=page.locator("[data-do=retract]")).first
    judged.focus()
    rule = judged.get_attribute("data-rule")
    page.keyboard.press("u")
    expect(waiting).to_have_count(before + 1)
    expect(page.locator(f".finding:focus[data-rule={rule}]")).to_have_count(1)
    page.keyboard.press("y")
    expect(waiting).to_have_count(before)


def hear_the_evidence(page: Page) -> None:
    """E plays where a finding rests on, and the conversation shows it."""
    finding = page.locator(".finding:has([data-utterance-link])").first
    page.evaluate("document.querySelector('#transcript').scrollTop = 0")
    page.locator(".finding").last.focus()
    finding.focus()
    link = finding.locator("[data-utterance-link]").first
    place = link.get_attribute("data-utterance-link")
    expect(page.locator(f".utterance.pointed[data-utterance='{place}']")).to_be_in_viewport()
    start = float(finding.locator("[data-seek]").first.get_attribute("data-seek") or 0)
    page.keyboard.press("e")
    page.wait_for_function(
        "start => { const at = document.querySelector('audio').currentTime;"
        " return at >= start - 0.01 && at < start + 5; }",
        arg=start,
    )
    page.evaluate("document.querySelector('audio').pause()")


def keep_a_comment(page: Page) -> None:
    """What is typed survives a verdict and a reload."""
    comment = page.locator(".submit-form input[name=comment]")
    page.locator(".finding").first.focus()
    page.keyboard.press("c")
    expect(comment).to_be_focused()
    page.keyboard.type("开场不错")
    page.reload()
    expect(comment).to_have_value("开场不错")


def test_a_lost_review_says_so(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    call = analysed_call["id"]
    with service.client() as client:
        add_user(client, "e2e-zhou", "reviewer")
        client.post(f"/api/v1/reviews/{call}/reopening", json={})
        client.post(f"/api/v1/reviews/{call}/lock", json={"take_over": True})
        client.delete(f"/api/v1/reviews/{call}/lock")
        watch = Watch()
        page = signed_in(browser, service, "e2e-zhou", f"/calls/{call}", watch)
        page.keyboard.press("t")
        page.locator("[data-do=confirm]").first.click()
        retract = page.locator("[data-do=retract]").first
        expect(retract).to_be_visible()
        taken = client.post(f"/api/v1/reviews/{call}/lock", json={"take_over": True})
        assert taken.status_code == 200, taken.text
        retract.click()
        alert = page.locator(".review-error")
        expect(alert).to_contain_text("刷新")
        expect(page.locator(".review-card")).to_have_attribute("data-mine", "false")
        page.context.close()
        client.delete(f"/api/v1/reviews/{call}/lock")
    # The refused step answers 409: that is what the browser noted.
    assert [line for line in watch.complaints if "409" not in line] == []


def add_a_missed_one(page: Page) -> None:
    """Mark words in the conversation, and make them the evidence of a rule that did not hit."""
    bubble = page.locator(".utterance.agent .bubble").first
    bubble.evaluate(
        "element => { const range = document.createRange(); range.selectNodeContents(element);"
        " const selection = getSelection(); selection.removeAllRanges();"
        " selection.addRange(range); }"
    )
    page.keyboard.press("a")
    form = page.locator(".add-finding form")
    expect(form.locator(".add-quote")).to_have_text(bubble.inner_text())
    form.locator("select[name=rule]").select_option(index=1)
    rule = form.locator("select[name=rule]").input_value()
    form.get_by_role("button", name="补充").click()
    expect(page.locator(".verdict", has_text="人工补充")).to_be_visible()
    expect(page.locator(f".finding:focus[data-rule={rule}]")).to_have_count(1)


def test_the_review_pages_fit_a_phone(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    assert analysed_call["state"] == "done"
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    watch = Watch()
    context.on("page", watch.attach)
    page = sign_in(context, service, "/reviews")
    for path in ("/reviews?show=all", "/accuracy", "/calibrations", "/reviews?lang=en"):
        page.goto(service.url + path, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.goto(f"{service.url}/calls/{analysed_call['id']}#findings")
    expect(page.locator("review-panel")).to_be_visible()
    expect(page.locator("#transcript")).to_be_hidden()
    assert watch.complaints == []
    context.close()
