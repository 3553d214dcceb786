"""The page of the review queue: what it shows, its filters, the next call."""

import datetime as dt
import uuid

import pytest
from conftest import MakeClient
from fastapi import FastAPI
from reviewable_calls import call_with, finding
from signed_in import browser
from sqlalchemy import update

from models.database import Database
from models.tables import Review


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


async def test_reviews_whose_results_changed_come_back_into_the_queue(
    app: FastAPI, seeded: Database
) -> None:
    call, other = await call_with(seeded), await call_with(seeded)
    li = await browser(app, seeded, "li", "reviewer")
    for done in (call, other):
        for step in ("take", "submit"):
            await li.post(f"/calls/{done}/review/{step}", data={"confirm_rest": "true"})
    assert "<tr data-row>" not in (await li.get("/reviews")).text
    async with seeded.session() as session:
        await session.execute(
            update(Review).where(Review.call_id == uuid.UUID(call)).values(stale=True)
        )
        await session.commit()
    for address in ("/reviews", "/reviews?show=stale"):
        page = (await li.get(address)).text
        assert f"/calls/{call}" in page
        assert f"/calls/{other}" not in page
        assert "结果有变" in page
    assert (await li.get("/reviews?state=reviewed")).text.count("<tr data-row>") == 2
    await li.post(f"/calls/{await call_with(seeded)}/review/take")
    assert (await li.get("/reviews?mine=1")).text.count("<tr data-row>") == 1
    await li.aclose()


async def test_no_match_says_so_and_offers_the_same_filters_in_all_calls(
    as_user: MakeClient,
) -> None:
    li = await as_user("li", role="reviewer")
    page = (await li.get("/reviews?agent=没有")).text
    assert "没有符合这些条件的通话" in page
    assert 'href="/reviews?agent=%E6%B2%A1%E6%9C%89&amp;show=all"' in page
