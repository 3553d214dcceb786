"""The pages of review, ledger and calibration: shown to whom, and their forms without scripts."""

import datetime as dt
import re

import httpx
import pytest
from conftest import PASSWORD, MakeClient
from fastapi import FastAPI
from reviewable_calls import call_with, finding
from sqlalchemy import update

from models.access import add_user, find_user
from models.actors import SYSTEM
from models.audit import record
from models.database import Database
from models.tables import Review

ORIGIN = {"Origin": "http://tingjian.test", "Sec-Fetch-Site": "same-origin"}


async def browser(
    app: FastAPI, seeded: Database, name: str, role: str, **who: object
) -> httpx.AsyncClient:
    """A signed-in browser."""
    async with seeded.session() as session:
        await add_user(session, username=name, password=PASSWORD, role=role, **who)  # type: ignore[arg-type]
        await session.commit()
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://tingjian.test", headers=ORIGIN
    )
    answer = await client.post("/sign-in", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 303
    return client


async def test_a_review_goes_all_the_way_by_forms_alone(app: FastAPI, seeded: Database) -> None:
    call = await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    queue = await li.get("/reviews", params={"show": "all"})
    assert queue.status_code == 200
    assert f"/calls/{call}" in queue.text
    taken = await li.post("/reviews/next", data={"came_from": "show=all"})
    assert taken.headers["location"] == f"/calls/{call}?from=show%3Dall#findings"
    page = (await li.get(f"/calls/{call}", params={"from": "show=all"})).text
    assert 'data-do="confirm"' in page
    assert 'href="/reviews?show=all"' in page

    address = f"/calls/{call}/review"
    refused = await li.post(f"{address}/submit", headers={"X-Fragment": "findings"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "review-incomplete")
    overturned = await li.post(
        f"{address}/verdict",
        data={"rule": "promise", "decision": "overturn", "reason_code": "context"},
        headers={"X-Fragment": "findings"},
    )
    assert overturned.status_code == 200
    assert "已推翻" in overturned.text
    assert "<html" not in overturned.text
    added = await li.post(
        f"{address}/verdict",
        data={
            "rule": "greeting", "decision": "add", "reason_code": "missed-by-rule",
            "utterance": "1",
        },
    )  # fmt: skip
    assert added.status_code == 303
    assert "您好我是启航教育的" in (await li.get(f"/calls/{call}/findings")).text
    assert (await li.post(f"{address}/submit", data={"comment": "不错"})).status_code == 303
    done = (await li.get(f"/calls/{call}")).text
    assert "已复核" in done
    assert 'data-do="confirm"' not in done

    agent = await browser(app, seeded, "zhang", "agent", agent="小张")
    seen = (await agent.get(f"/calls/{call}")).text
    assert f"{address}/appeal" in seen
    appeal = {"rules": ["greeting"], "reason": "说了"}
    assert (await agent.post(f"{address}/appeal", data=appeal)).status_code == 303
    boss = await browser(app, seeded, "boss", "manager", teams=["甲组"])
    assert f"{address}/decide" in (await boss.get(f"/calls/{call}")).text
    decision = {"upheld": ["greeting"], "comment": "确实说了"}
    assert (await boss.post(f"{address}/decide", data=decision)).status_code == 303
    final = (await agent.get(f"/calls/{call}")).text
    assert "终审" in final
    assert "确实说了" in final
    reopened = await boss.post(f"{address}/reopen")
    assert reopened.status_code == 303
    for client in (li, agent, boss):
        await client.aclose()


async def test_two_reviewers_who_ask_for_the_next_call_get_different_ones(
    app: FastAPI, seeded: Database
) -> None:
    first, second = await call_with(seeded), await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    wang = await browser(app, seeded, "wang", "reviewer")
    form = {"came_from": "show=all"}
    given = {
        (await client.post("/reviews/next", data=form)).headers["location"].split("?")[0]
        for client in (li, wang)
    }
    assert given == {f"/calls/{first}", f"/calls/{second}"}
    nothing = await li.post("/reviews/next", data={"came_from": "show=all&team=x"})
    assert "没有可以领取的通话" in (await li.get(nothing.headers["location"])).text
    for client in (li, wang):
        await client.aclose()


async def test_the_next_call_is_also_one_whose_lock_ran_out(app: FastAPI, seeded: Database) -> None:
    call = await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    boss = await browser(app, seeded, "boss", "manager", teams=["甲组"])
    form = {"came_from": "show=all"}
    assert f"/calls/{call}" in (await li.post("/reviews/next", data=form)).headers["location"]
    # A manager could take it over, but is not handed what somebody works on.
    assert "none=1" in (await boss.post("/reviews/next", data=form)).headers["location"]
    async with seeded.session() as session:
        past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
        await session.execute(update(Review).values(lock_expires_at=past))
        await session.commit()
    assert f"/calls/{call}" in (await boss.post("/reviews/next", data=form)).headers["location"]
    for client in (li, boss):
        await client.aclose()


async def test_samples_ledger_and_calibration_by_forms(app: FastAPI, seeded: Database) -> None:
    for _ in range(2):
        await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    li = await browser(app, seeded, "li", "reviewer")
    drawn = await admin.post(
        "/review-samples",
        data={
            "name": "抽", "called_from": "2026-03-01", "called_to": "2026-03-31", "hits": "2",
            "non_hits": "2",
        },
    )  # fmt: skip
    assert drawn.status_code == 303
    sampled = await admin.get(drawn.headers["location"])
    assert sampled.text.count("data-row") == 2
    sample = drawn.headers["location"].rpartition("=")[2]
    made = await admin.post(
        "/calibrations",
        data={"name": "盲", "members": ["root", "li"], "sample": sample, "limit": "2"},
    )
    assert made.status_code == 303
    address = made.headers["location"]
    for client in (admin, li):
        for position in (0, 1):
            answer = await client.post(f"{address}/verdicts/{position}", data={"outcome": "hit"})
            assert answer.status_code == 303
    blind = (await li.get(address)).text
    assert "root 违反" not in blind
    assert "?blind=1" in blind
    assert (await li.post(f"{address}/close")).status_code == 403
    assert (await admin.post(f"{address}/close")).status_code == 303
    assert "root 违反" in (await li.get(address)).text
    assert "盲" in (await li.get("/calibrations")).text
    assert "抽" in (await admin.get("/reviews")).text
    assert (await li.get("/accuracy")).status_code == 200
    assert (await admin.post("/accuracy/snapshots")).status_code == 303
    assert "accuracy@1" in (await admin.get("/accuracy?lang=en")).text
    for client in (admin, li):
        await client.aclose()


async def test_a_blind_call_page_tells_nothing_of_what_was_found(
    app: FastAPI, seeded: Database
) -> None:
    call = await call_with(seeded, finding("promise"))
    li = await browser(app, seeded, "li", "reviewer")
    blind = (await li.get(f"/calls/{call}", params={"blind": "1"})).text
    assert "放心包过的" in blind
    assert "规则promise" not in blind
    assert "规则promise" in (await li.get(f"/calls/{call}")).text
    await li.aclose()


async def test_whoever_judges_a_call_blind_sees_nothing_of_it_anywhere_until_the_end(
    app: FastAPI, seeded: Database
) -> None:
    call = await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    li = await browser(app, seeded, "li", "reviewer")
    wang = await browser(app, seeded, "wang", "reviewer")
    other = await browser(app, seeded, "zhao", "reviewer")
    item = {"call_id": call, "rule": "promise"}
    made = await admin.post(
        "/api/v1/calibrations", json={"name": "盲", "members": ["li", "wang"], "items": [item]}
    )
    assert made.status_code == 201
    page = (await li.get(f"/calls/{call}")).text
    assert "盲评校准里" in page
    assert "规则promise" in page, "what is asked"
    assert 'class="finding' not in page, "and nothing of what was found"
    results = f"/api/v1/calls/{call}"
    closed_off = (
        f"{results}/findings", f"{results}/timeline", f"{results}/judgements",
        f"/api/v1/reviews/{call}", f"/calls/{call}/findings",
    )  # fmt: skip
    for address in closed_off:
        assert (await li.get(address)).status_code == 409, address
        assert (await other.get(address)).status_code == 200, address
    assert (await li.post(f"/api/v1/reviews/{call}/lock", json={})).status_code == 409
    taken = await li.post("/reviews/next", data={"came_from": "show=all"})
    assert "none=1" in taken.headers["location"]

    assert (await admin.post(f"/calibrations/{made.json()['id']}/close")).status_code == 303
    assert 'class="finding' in (await li.get(f"/calls/{call}")).text
    assert (await li.get(f"{results}/findings")).status_code == 200
    for client in (admin, li, wang, other):
        await client.aclose()


async def test_administrators_read_the_audit_trail_and_nobody_else(
    app: FastAPI, seeded: Database
) -> None:
    call = await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    li = await browser(app, seeded, "li", "reviewer")
    await li.post(f"/calls/{call}/review/take")
    assert 'href="/audit"' in (await admin.get("/settings")).text
    page = (await admin.get("/audit", params={"action": "review."})).text
    assert "领取" in page
    assert f'href="/calls/{call}"' in page
    assert "Took" in (await admin.get("/audit?lang=en")).text
    assert "没有符合条件的记录" in (await admin.get("/audit?username=nobody&lang=zh")).text
    assert "领取" in (await admin.get("/audit?from=2026-01-01&to=9999-12-31")).text
    assert (await admin.get("/audit?from=x")).status_code == 422
    assert (await admin.get("/audit?cursor=x")).status_code == 400
    assert (await li.get("/audit")).status_code == 403
    for client in (admin, li):
        await client.aclose()


async def test_the_audit_trail_calls_people_by_their_names(app: FastAPI, seeded: Database) -> None:
    call = await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    li = await browser(app, seeded, "limin", "reviewer", display_name="李敏")
    async with seeded.session() as session:
        found = await find_user(session, "limin")
        assert found is not None
        record(session, SYSTEM, "review.finalised", "call", call)
        await session.commit()
    await li.post(f"/calls/{call}/review/take")
    await admin.post(f"/calls/{call}/review/assign", data={"username": "limin"})
    await admin.post(
        f"/settings/users/{found.id}", data={"role": "reviewer", "display_name": "李敏敏"}
    )

    page = (await admin.get("/audit")).text
    assert '<a href="/audit?username=limin">李敏敏</a>' in page
    assert '<div class="quiet small audit-login">limin</div>' in page, "the user name stays to be read"
    assert f'<span title="limin {found.id}">李敏敏</span>' in page, "who was changed"
    assert '<span title="limin">李敏敏</span>' in page, "who was given the review"
    assert '<a href="/audit?username=system">系统</a>' in page
    assert '<span class="quiet">状态</span> 复核中' in page
    assert '<span class="quiet">名字</span> 李敏敏' in page
    assert '<option value="limin" >李敏敏 (limin)</option>' in page
    english = (await admin.get("/audit?lang=en&username=system")).text
    assert '<a href="/audit?username=system">system</a>' in english
    took = (await admin.get("/audit?lang=en&username=limin")).text
    assert '<span class="quiet">state</span> in review' in took.lower()
    assert "李敏敏</a>" not in english
    assert "<option selected>gone</option>" in (await admin.get("/audit?username=gone")).text
    for client in (admin, li):
        await client.aclose()


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ("state=x", "状态"),
        ("severity=x", "严重程度不低于"),
        ("score_below=x", "机器分低于"),
        ("older_than_days=-1", "等待超过（天）"),
        ("sample=x", "抽样"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_named_and_the_others_stay(
    as_user: MakeClient, asked: str, label: str
) -> None:
    li = await as_user("li", role="reviewer")
    answer = await li.get(f"/reviews?{asked}&agent=小张")
    assert answer.status_code == 422
    assert f"筛选条件“{label}”填得不对" in answer.text
    assert 'name="agent" value="小张"' in answer.text
    assert "退出" in answer.text, "the way on is still there"


async def test_the_queue_tells_what_was_found_and_who_has_finished(
    app: FastAPI, seeded: Database
) -> None:
    few, many = finding("few"), [finding(f"r{n}", effect=-n) for n in (1, 2, 3, 4)]
    call = await call_with(seeded, few, finding("good", effect=5.0), finding("fine", "clear"))
    await call_with(seeded, *many)
    li = await browser(app, seeded, "li", "reviewer", display_name="李敏")
    items = {item["call_id"]: item for item in (await li.get("/api/v1/reviews")).json()["items"]}
    assert items[call]["hits"] == ["规则few"], "points that are earned are no problem"
    page = (await li.get("/reviews?show=all")).text
    assert "规则r4、规则r3、规则r2 " in page, "what costs most comes first"
    assert "还有 1 项" in page
    for step in ("take", "submit"):
        await li.post(f"/calls/{call}/review/{step}", data={"confirm_rest": "true"})
    page = (await li.get("/reviews?show=all&state=reviewed")).text
    assert ">李敏</td>" in page
    assert "可申诉至" in page
    assert items[call]["reviewer"] is None
    await li.aclose()


async def test_what_waits_for_a_person_is_one_click_away(app: FastAPI, seeded: Database) -> None:
    call = await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    boss = await browser(app, seeded, "boss", "manager", teams=["甲组"])
    agent = await browser(app, seeded, "zhang", "agent", agent="小张")
    assert "在我手上 " not in (await li.get("/reviews")).text
    await li.post(f"/calls/{call}/review/take")
    assert "在我手上 1 通" in (await li.get("/reviews")).text
    await li.post(f"/calls/{call}/review/submit", data={"confirm_rest": "true"})
    await agent.post(f"/calls/{call}/review/appeal", data={"rules": "promise", "reason": "没说"})
    assert "待裁决的申诉 1 通" in (await boss.get("/reviews")).text
    assert "待裁决的申诉" not in (await li.get("/reviews")).text
    for client in (li, boss, agent):
        await client.aclose()


async def test_no_match_says_so_and_offers_the_same_filters_in_all_calls(
    as_user: MakeClient,
) -> None:
    li = await as_user("li", role="reviewer")
    page = (await li.get("/reviews?agent=没有")).text
    assert "没有符合这些条件的通话" in page
    assert 'href="/reviews?agent=%E6%B2%A1%E6%9C%89&amp;show=all"' in page


async def test_a_refused_sample_keeps_what_was_typed(app: FastAPI, seeded: Database) -> None:
    await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    typed = {
        "name": "三月抽检", "called_from": "2026-03-01", "called_to": "2026-03-31", "hits": "3",
        "non_hits": "7",
    }  # fmt: skip
    assert (await admin.post("/review-samples", data=typed)).status_code == 303
    again = await admin.post("/review-samples", data=typed)
    assert again.status_code == 409
    assert "已有名为“三月抽检”的抽样" in again.text
    for value in typed.values():
        assert f'value="{value}"' in again.text, value
    assert "2026-03-01 – 2026-03-31" in again.text, "the last day is part of the period"
    for wrong in ({"hits": "x"}, {"called_from": ""}, {"rules": ["nonesuch"]}):
        refused = await admin.post("/review-samples", data={**typed, "name": "又", **wrong})
        assert refused.status_code == 422, wrong
        assert 'value="又"' in refused.text
    chosen = await admin.post("/review-samples", data={**typed, "name": "一条", "rules": "promise"})
    assert chosen.status_code == 303
    await admin.aclose()


async def test_a_refused_calibration_keeps_what_was_typed(app: FastAPI, seeded: Database) -> None:
    await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    await browser(app, seeded, "li", "reviewer")
    sample = {"name": "抽", "called_from": "2026-03-01", "called_to": "2026-03-31"}
    drawn = await admin.post("/review-samples", data=sample)
    typed = {"name": "盲", "sample": drawn.headers["location"].rpartition("=")[2], "limit": "9"}
    alone = await admin.post("/calibrations", data={**typed, "members": "li"})
    assert alone.status_code == 422
    assert "至少要两个人" in alone.text
    assert 'value="盲"' in alone.text
    assert 'value="9"' in alone.text
    assert 'value="li" checked' in alone.text
    made = await admin.post("/calibrations", data={**typed, "members": ["li", "root"]})
    assert made.status_code == 303
    await admin.aclose()


async def test_judging_goes_to_the_next_item_that_waits(app: FastAPI, seeded: Database) -> None:
    calls = [await call_with(seeded) for _ in range(3)]
    admin = await browser(app, seeded, "root", "admin")
    await browser(app, seeded, "li", "reviewer")
    made = await admin.post(
        "/api/v1/calibrations",
        json={
            "name": "盲", "members": ["root", "li"],
            "items": [{"call_id": call, "rule": "promise"} for call in calls],
        },
    )  # fmt: skip
    address = f"/calibrations/{made.json()['id']}"

    async def judge(position: int) -> str:
        answer = await admin.post(f"{address}/verdicts/{position}", data={"outcome": "hit"})
        return answer.headers["location"].rpartition("#")[2]

    page = (await admin.get(f"/calls/{calls[1]}")).text
    assert f'action="{address}/verdicts/1"' in page, "to be judged where it is heard"
    assert await judge(2) == "i0", "from the first one again"
    assert await judge(0) == "i1"
    assert "都已判完" not in (await admin.get(address)).text
    assert await judge(1) == "done"
    assert "都已判完" in (await admin.get(address)).text
    assert "我： 违反" in (await admin.get(f"/calls/{calls[1]}")).text
    await admin.aclose()


async def test_the_human_score_is_explained_beside_the_machines(
    app: FastAPI, seeded: Database
) -> None:
    call = await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    await li.post(f"/calls/{call}/review/take")
    assert "人工分怎么来的" not in (await li.get(f"/calls/{call}")).text
    verdict = {"rule": "promise", "decision": "overturn", "reason_code": "context"}
    await li.post(f"/calls/{call}/review/verdict", data=verdict)
    page = (await li.get(f"/calls/{call}")).text
    human, _, machine = page.partition("人工分怎么来的")[2].partition("机器分怎么来的")
    assert "合计" in human
    assert "合计" in machine
    await li.aclose()


async def test_what_cannot_be_shown_is_a_page_with_a_way_back(
    app: FastAPI, seeded: Database
) -> None:
    li = await browser(app, seeded, "li", "reviewer")
    came_from = {"Referer": "http://tingjian.test/reviews?show=all"}
    for address, status in (("/calls/none", 404), ("/audit", 403)):
        page = await li.get(address, headers=came_from)
        assert page.status_code == status
        assert 'href="/reviews?show=all"' in page.text
        assert "退出" in page.text
    elsewhere = await li.get("/audit", headers={"Referer": "http://other.test/x"})
    assert "other.test" not in elsewhere.text
    assert "返回上一页" not in elsewhere.text
    await li.aclose()


async def test_a_rule_set_can_be_read_in_words(app: FastAPI, seeded: Database) -> None:
    call = await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    names = re.findall(r'href="(/rule-sets/[^"/]+)"', (await li.get("/rule-sets")).text)
    page = (await li.get(f"{names[0]}/1")).text
    assert "规则一览" in page
    assert 'id="rule-over-promise"' in page
    assert "→ 扣" in page
    assert 'href="/rule-sets/r/1#rule-promise"' in (await li.get(f"/calls/{call}")).text
    await li.aclose()
