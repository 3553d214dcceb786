"""The pages of review, ledger and calibration: shown to whom, and their forms without scripts."""

import re

from fastapi import FastAPI
from reviewable_calls import call_with, finding
from signed_in import browser

from models.database import Database


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
