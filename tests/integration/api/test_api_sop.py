"""SOP execution rates, checked against counting by hand."""

import datetime as dt
import random
from collections import Counter
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, text

from insights.sop_rates import execution_rates
from models.calls import CallFilter, NewCall, add_call
from models.database import Database
from models.tables import SopStateRow

STEPS = ("开场白/自我介绍", "开场白/来电目的", "结束语/礼貌结束")
STATES = ("executed", "missed", "undecidable", "not_applicable")


async def add(
    database: Database, states: dict[str, str], started_at: dt.datetime | None = None, **who: Any
) -> str:
    async with database.session() as session:
        call, _ = await add_call(session, NewCall(metadata={**who, "started_at": started_at}))
        rows = [
            {
                "call_id": call.id,
                "position": STEPS.index(node),
                "node": node,
                "state": state,
                "required": True,
                "weight": 1.0,
                "reason": "",
                "hits": [],
                "expected_rank": STEPS.index(node),
            }
            for node, state in states.items()
        ]
        await session.execute(insert(SopStateRow), rows)
        await session.commit()
        return str(call.id)


async def rates(client: httpx.AsyncClient, **query: Any) -> list[Any]:
    response = await client.get("/api/v1/sop/execution-rates", params=query)
    assert response.status_code == 200, response.text
    assert response.json()["definition"]["id"] == "execution_rate"
    groups: list[Any] = response.json()["groups"]
    return groups


async def test_undecidable_and_not_applicable_leave_the_denominator(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    for state in ("executed", "executed", "missed", "undecidable", "not_applicable"):
        await add(seeded, {STEPS[0]: state, STEPS[1]: "undecidable"})
    (group,) = await rates(admin)
    assert group["group"] == {}
    assert group["calls"] == 5
    first, second = group["steps"]
    assert first["node"] == STEPS[0]
    assert first["name"] == "自我介绍"
    assert [first[state] for state in STATES] == [2, 1, 1, 1]
    assert first["execution_rate"] == pytest.approx(2 / 3)
    # Wilson's interval for 2 of 3, computed by hand.
    assert first["interval"] == pytest.approx([0.207660, 0.938511], abs=1e-5)
    assert second["execution_rate"] is None
    assert second["interval"] is None


async def test_without_analysed_calls_there_is_no_group(admin: httpx.AsyncClient) -> None:
    assert await rates(admin) == []
    assert await rates(admin, group_by="agent") == []


async def test_groups_agree_with_counting_by_hand(seeded: Database) -> None:
    chance = random.Random(7)
    calls = []
    for _ in range(40):
        who = {
            "agent": chance.choice(["张敏", "李雷", None]),
            "team": chance.choice(["甲组", "乙组"]),
            "campaign": chance.choice(["春季班", None]),
        }
        states = {node: chance.choice(STATES) for node in STEPS if chance.random() < 0.8}
        if not states:
            continue
        await add(seeded, states, **who)
        calls.append((who, states))
    for group_by in ((), ("agent",), ("team", "agent"), ("campaign", "team", "agent")):
        expected: dict[Any, Counter[Any]] = {}
        sizes: Counter[Any] = Counter()
        for who, states in calls:
            key = tuple((name, who[name]) for name in group_by)
            sizes[key] += 1
            expected.setdefault(key, Counter()).update(states.items())
        async with seeded.session() as session:
            groups = await execution_rates(session, CallFilter(), group_by=group_by)
        assert {group.key: group.calls for group in groups} == dict(sizes)
        for group in groups:
            for step in group.steps:
                for state in STATES:
                    assert getattr(step, state) == expected[group.key][step.node, state]
            order = [STEPS.index(step.node) for step in group.steps]
            assert order == sorted(order)


async def test_periods_begin_at_local_midnight(admin: httpx.AsyncClient, seeded: Database) -> None:
    # 2025-01-05 is a Sunday; 16:30 UTC is already Monday in Beijing.
    for hour in (15, 16):
        await add(
            seeded,
            {STEPS[0]: "executed"},
            started_at=dt.datetime(2025, 1, 5, hour, 30, tzinfo=dt.UTC),
        )
    days = await rates(admin, group_by="period", period="day")
    assert [group["group"]["period"] for group in days] == ["2025-01-05", "2025-01-06"]
    weeks = await rates(admin, group_by="period", period="week")
    assert [group["group"]["period"] for group in weeks] == ["2024-12-30", "2025-01-06"]
    in_utc = await rates(admin, group_by="period", period="day", timezone="UTC")
    assert [(group["group"]["period"], group["calls"]) for group in in_utc] == [("2025-01-05", 2)]
    months = await rates(admin, group_by="period", period="month")
    assert [(group["group"]["period"], group["calls"]) for group in months] == [("2025-01-01", 2)]
    assert months[0]["calls_query"]["started_to"] == "2025-02-01T00:00:00+08:00"
    limited = await rates(admin, **{"from": "2025-01-06T00:00:00"})
    assert limited[0]["calls"] == 1


async def test_every_number_leads_to_its_calls(admin: httpx.AsyncClient, seeded: Database) -> None:
    day = dt.datetime(2025, 1, 6, 2, tzinfo=dt.UTC)
    missed = await add(seeded, {STEPS[0]: "missed"}, day, agent="张敏", team="甲组")
    await add(seeded, {STEPS[0]: "executed"}, day, agent="张敏", team="甲组")
    await add(seeded, {STEPS[0]: "missed"}, day, agent="李雷", team="甲组")
    await add(seeded, {STEPS[0]: "missed"}, day - dt.timedelta(days=9), agent="张敏", team="甲组")
    await add(seeded, {STEPS[0]: "missed"}, day, team="甲组")
    query = {"group_by": "agent,period", "period": "week", "team": "甲组"}
    groups = await rates(admin, **query)
    for group in groups:
        if group["group"]["agent"] is None:
            assert group["calls_query"] is None
            continue
        for step in group["steps"]:
            for state in STATES:
                found = await admin.get(
                    "/api/v1/calls",
                    params={**group["calls_query"], "node_state": f"{step['node']}:{state}"},
                )
                assert len(found.json()["items"]) == step[state]
    mine = next(group for group in groups if group["group"]["period"] == "2025-01-06")
    found = await admin.get(
        "/api/v1/calls", params={**mine["calls_query"], "node_state": f"{STEPS[0]}:missed"}
    )
    ids = [item["id"] for item in found.json()["items"]]
    assert (missed in ids) == (mine["group"]["agent"] == "张敏")


async def test_rates_cover_what_the_reader_may_see(as_user, seeded: Database) -> None:
    await add(seeded, {STEPS[0]: "executed"}, team="甲组", agent="张敏")
    await add(seeded, {STEPS[0]: "missed"}, team="乙组", agent="李雷")
    manager = await as_user(role="manager", teams=["甲组"])
    agent = await as_user(role="agent", agent="李雷")
    assert [group["group"] for group in await rates(manager, group_by="team")] == [{"team": "甲组"}]
    (own,) = await rates(agent)
    assert own["steps"][0]["execution_rate"] == 0.0
    assert await rates(manager, team="乙组") == []


async def test_one_tree_or_version(admin: httpx.AsyncClient, seeded: Database) -> None:
    call = await add(seeded, {STEPS[0]: "executed"})
    await add(seeded, {STEPS[0]: "missed"})
    async with seeded.session() as session:
        await session.execute(
            text(
                "UPDATE calls SET tree_version_id ="
                " (SELECT id FROM tree_versions WHERE name = '职业教育') WHERE id = :id"
            ),
            {"id": call},
        )
        await session.commit()
    for tree, calls in (
        ("职业教育", 1),
        ("职业教育@1", 1),
        ("职业教育@2", 0),
        ("保险", 0),
        ("x@y", 0),
    ):
        groups = await rates(admin, tree=tree)
        assert sum(group["calls"] for group in groups) == calls, tree
