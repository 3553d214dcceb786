"""Browser: a manager types in a node with a few examples, sees what it is worth, takes an act."""

from e2e_service import Service, Watch, sign_in
from playwright.sync_api import Browser, expect

TREE = """\
tree: 自建节点
domain: general
nodes:
  - key: wechat
    name: 留微信
    role: agent
    description: 坐席请客户加微信
    match:
      examples: [咱俩加个微信吧, 您通过一下好友申请, 我加您微信发您看看, 您微信号是多少]
  - key: pet
    name: 聊宠物
    role: agent
    match: {examples: [您家猫几岁了, 狗狗打疫苗了吗, 养宠物挺费心的]}
"""
WORKED_MS = 120_000


def test_examples_are_measured_and_an_act_is_taken(service: Service, browser: Browser) -> None:
    with service.client() as client:
        answer = client.post("/api/v1/trees", content=TREE.encode())
        assert answer.status_code == 201, answer.text
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    context.set_default_timeout(60_000)
    page = sign_in(context, service, "/trees/自建节点/1")
    watch = Watch()
    watch.attach(page)
    nodes = page.locator("#nodes")
    nodes.get_by_role("button", name="测算").click()
    # The worker measures; the part of the page follows by itself.
    rows = nodes.locator("tbody tr")
    expect(rows).to_have_count(2, timeout=WORKED_MS)
    expect(rows.first).to_contain_text("留微信")
    expect(rows.first).to_contain_text("自动")
    expect(rows.first.locator("strong")).to_have_count(2)
    expect(rows.nth(1).get_by_role("button", name="接受")).to_have_count(0)
    rows.first.get_by_role("button", name="接受").click()
    expect(page.get_by_role("status").first).to_contain_text("已写上内置事件")
    assert "act: 下一步/添加微信" in page.locator("#document").input_value()
    # The node is the act model's now: one is left that stands on its examples.
    expect(rows).to_have_count(1, timeout=WORKED_MS)
    expect(rows.first).to_contain_text("聊宠物")

    # What was learned is on the page of the tree: here too little was judged, and it says so.
    page.get_by_role("navigation", name="位置").get_by_role("link", name="自建节点").click()
    learning = page.locator("#learning")
    expect(learning).to_contain_text("还没有学习过")
    learning.get_by_role("button", name="现在学习").click()
    expect(learning.locator(".chip")).to_have_text("失败", timeout=WORKED_MS)
    expect(learning.locator(".reason")).to_contain_text("至少需要 10 条")
    assert watch.complaints == []
    context.close()
