"""Browser: a manager's way from a draft to its publication, with trial, back-test and history."""

from typing import Any

from e2e_service import Service, Watch, sign_in
from playwright.sync_api import Browser, Page, expect

# Typing tens of thousands of characters takes the browser a minute: set them, and tell the page.
WRITE = """(text) => {
  const field = document.querySelector("#document");
  field.value = text;
  field.dispatchEvent(new Event("input"));
}"""
DRAFT_WORD = "今天天气真好呀"
# What a worker does takes as long as the weights take to load.
WORKED_MS = 120_000


def test_a_draft_is_edited_tried_tested_and_published(
    service: Service, browser: Browser, analysed_call: dict[str, Any]
) -> None:
    context = browser.new_context(locale="zh-CN")
    context.set_default_timeout(90_000)
    page = sign_in(context, service, "/trees")
    watch = Watch()
    watch.attach(page)
    page.get_by_role("link", name="保险", exact=True).click()
    page.get_by_role("button", name="以此新建草稿").first.click()

    # What is wrong is told with its line, and nothing that was typed is lost.
    text = page.locator("#document")
    original = text.input_value()
    write(page, original.replace("weight:", "weihgt:", 1))
    page.get_by_role("button", name="保存草稿").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("weihgt")
    assert "weihgt:" in text.input_value()
    page.get_by_role("button", name="到第").click()
    expect(page.locator("[data-show=caret]")).to_contain_text("行")
    # The refused save answers 422: that is what the browser noted.
    assert [line for line in watch.complaints if "422" not in line] == []
    watch.complaints.clear()

    write(page, original.replace("keywords:\n", f"keywords:\n            - {DRAFT_WORD}\n", 1))
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("status")).to_contain_text("已保存")

    # Trying a sentence answers in place.
    page.get_by_label("每行一句").fill(f"{DRAFT_WORD}\n客户：太贵了吧")
    page.get_by_role("button", name="试一试").click()
    expect(page.locator(".trial .fired").first).to_contain_text(DRAFT_WORD, timeout=WORKED_MS)
    expect(page.locator(".trial > li")).to_have_count(2)

    page.get_by_role("button", name="看差异").click()
    expect(page.locator(".change.changed ins").first).to_contain_text(DRAFT_WORD)
    page.go_back()

    page.get_by_role("button", name="开始回测").click()
    page.wait_for_url("**/runs/*")
    expect(page.locator(".figures-row")).to_be_visible(timeout=WORKED_MS)
    expect(page.locator(".figures-row dd").first).to_have_text("1")
    page.get_by_role("link", name="全部", exact=True).click()
    expect(page.locator("#calls tbody tr")).to_have_count(1)

    page.get_by_role("link", name="第 2 版").click()
    page.get_by_text("发布…").click()
    page.get_by_label("同时重新分析历史").check()
    page.get_by_label("从这一天起的通话").fill("2020-01-01")
    page.get_by_role("button", name="确认发布").click()
    page.wait_for_url("**/runs/*")
    expect(page.locator(".run-state[data-state=done]")).to_be_visible(timeout=WORKED_MS)
    assert watch.complaints == []
    context.close()

    with service.client() as client:
        call = client.get(f"/api/v1/calls/{analysed_call['id']}").json()
        versions = client.get("/api/v1/trees/保险").json()["versions"]
        client.post("/api/v1/trees/保险/versions/1/publish").raise_for_status()
    assert [row["state"] for row in versions] == ["published", "archived"]
    assert call["versions"]["tree"] == "保险@2"


def write(page: Page, text: str) -> None:
    """Put a text into the editor."""
    page.evaluate(WRITE, text)
