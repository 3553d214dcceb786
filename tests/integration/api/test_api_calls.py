"""The list of calls with its filters and scopes, and what is read of one call."""

import datetime as dt
from typing import Any

import httpx
import pytest
from stored_calls import (
    TRANSCRIPT,
    add,
    listed,
    store_results,
)

from api.scope import CallScope
from models.calls import CallFilter, list_calls
from models.database import Database


async def test_pages_do_not_move_under_inserts(admin: httpx.AsyncClient, seeded: Database) -> None:
    for number in range(5):
        await add(seeded, file_name=f"{number}.wav")
    first = (await admin.get("/api/v1/calls", params={"limit": 2})).json()
    await add(seeded, file_name="late.wav")
    second = await admin.get("/api/v1/calls", params={"limit": 2, "cursor": first["next_cursor"]})
    third = await admin.get(
        "/api/v1/calls", params={"limit": 2, "cursor": second.json()["next_cursor"]}
    )
    names = [
        item["file_name"] for page in (first, second.json(), third.json()) for item in page["items"]
    ]
    assert names == ["4.wav", "3.wav", "2.wav", "1.wav", "0.wav"]
    assert third.json()["next_cursor"] is None
    assert (await listed(admin))[0] == "late.wav"


async def test_filters_narrow_the_list(admin: httpx.AsyncClient, seeded: Database) -> None:
    day = dt.datetime(2025, 1, 6, 9, tzinfo=dt.UTC)
    one = await add(
        seeded, file_name="one.wav", agent="张敏", team="甲组", domain="edu", started_at=day,
        direction="outbound", external_id="E-100%",
    )  # fmt: skip
    await store_results(seeded, one)
    await add(seeded, file_name="two.wav", agent="李雷", team="甲组", state="failed", score=40)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"agent": "张敏"}, ["one.wav"]),
        ({"team": "甲组"}, ["two.wav", "one.wav"]),
        ({"team": "甲组", "state": "failed"}, ["two.wav"]),
        ({"domain": "edu", "direction": "outbound"}, ["one.wav"]),
        ({"started_from": "2025-01-06T17:00:00", "started_to": "2025-01-06T17:00:01"}, ["one.wav"]),
        ({"started_to": "2025-01-06T17:00:00"}, []),
        ({"score_min": 60}, ["one.wav"]),
        ({"score_max": 60}, ["two.wav"]),
        ({"rule": "over-promise"}, ["one.wav"]),
        ({"rule": "过度承诺"}, ["one.wav"]),
        ({"node": "开场白"}, ["one.wav"]),
        ({"node": "开场白/自我介绍"}, ["one.wav"]),
        ({"node": "开场"}, []),
        ({"node_state": "开场白/来电目的:missed"}, ["one.wav"]),
        ({"node_state": "开场白/来电目的:executed"}, []),
        ({"q": "分期"}, ["one.wav"]),
        ({"q": "E-100%"}, ["one.wav"]),
        ({"q": "%"}, ["one.wav"]),
        ({"q": "two"}, ["two.wav"]),
        ({"agent": "nobody"}, []),
    ]
    for query, expected in cases:
        assert await listed(admin, **query) == expected, query


async def test_scope_is_the_same_in_sql_and_as_a_predicate(seeded: Database) -> None:
    rows = [
        await add(seeded, file_name=f"{number}.wav", team=team, agent=agent)
        for number, (team, agent) in enumerate(
            (team, agent)
            for team in (None, "", "甲组", "乙组")
            for agent in (None, "", "张敏", "李雷")
        )
    ]
    scopes = [
        CallScope(),
        CallScope(teams=frozenset()),
        CallScope(teams=frozenset({"甲组"})),
        CallScope(teams=frozenset({"甲组", "乙组"})),
        CallScope(agent="张敏"),
        CallScope(teams=frozenset({"乙组"}), agent="李雷"),
    ]
    for scope in scopes:
        async with seeded.session() as session:
            page = await list_calls(session, scope.narrow(CallFilter()), limit=100)
        assert {row.id for row in page.items} == {row.id for row in rows if scope.allows(row)}


async def test_managers_and_agents_see_their_own(as_user, seeded: Database) -> None:
    mine = await add(seeded, file_name="mine.wav", team="甲组", agent="张敏")
    await store_results(seeded, mine)
    other = await add(seeded, file_name="other.wav", team="乙组", agent="李雷")
    nobody = await add(seeded, file_name="nobody.wav")
    manager = await as_user(role="manager", teams=["甲组"])
    agent = await as_user(role="agent", agent="张敏")
    unassigned = [await as_user(role="manager"), await as_user(role="agent")]
    reviewer = await as_user(role="reviewer")
    for client in (manager, agent):
        assert await listed(client) == ["mine.wav"]
        # Asking for another team does not widen what one may see.
        assert await listed(client, team="乙组") == []
        assert (await client.get(f"/api/v1/calls/{mine.id}")).status_code == 200
        for row in (other, nobody):
            for part in ("", "/transcript", "/timeline", "/findings", "/metrics", "/audio"):
                response = await client.get(f"/api/v1/calls/{row.id}{part}")
                assert response.status_code == 404
                assert response.json()["error"]["code"] == "not-found"
    for client in unassigned:
        assert await listed(client) == []
    assert len(await listed(reviewer)) == 3
    assert (await manager.post(f"/api/v1/calls/{other.id}/reanalyze")).status_code == 404


async def test_results_of_a_call(admin: httpx.AsyncClient, seeded: Database) -> None:
    call = await add(seeded, file_name="one.wav")
    for part in ("transcript", "timeline", "findings", "metrics", "waveform"):
        early = await admin.get(f"/api/v1/calls/{call.id}/{part}")
        assert early.status_code == 409
        assert early.json()["error"]["code"] == "not-ready"
        assert early.json()["error"]["detail"] == {"state": "received"}
    await store_results(seeded, call)

    detail = (await admin.get(f"/api/v1/calls/{call.id}")).json()
    assert detail["counts"] == {
        "utterances": 3,
        "events": 2,
        "findings_hit": 1,
        "findings_undecidable": 0,
    }
    assert detail["sop"]["executed"] == 1
    assert detail["sop"]["missed"] == 1
    assert detail["sop"]["coverage"] == 0.5
    assert sum(line["points"] for line in detail["score"]["lines"]) == detail["score"]["value"]
    assert detail["versions"] == {"tree": "测试@1"}

    transcript = (await admin.get(f"/api/v1/calls/{call.id}/transcript")).json()
    assert [item["text"] for item in transcript["utterances"]] == [
        said.text for said in TRANSCRIPT.utterances
    ]
    timeline = (await admin.get(f"/api/v1/calls/{call.id}/timeline")).json()
    assert [entry["node"] for entry in timeline["entries"]] == ["开场白/自我介绍", "客户/询问价格"]
    assert [entry["position"] for entry in timeline["entries"]] == [1, 0]
    assert timeline["entries"][0]["stage"] == "开场白"
    assert timeline["entries"][0]["name"] == "自我介绍"
    assert timeline["sop"]["steps"][0]["hits"] == [1]
    findings = (await admin.get(f"/api/v1/calls/{call.id}/findings")).json()
    assert findings["findings"][0]["evidence"][0]["text"] == "保证包过"
    assert findings["score"]["value"] == 80.0
    waveform = (await admin.get(f"/api/v1/calls/{call.id}/waveform")).json()
    assert waveform["channels"] == [
        {"channel": 0, "role": "agent", "per_second": 20, "peaks": [-128, 127]},
        {"channel": 1, "role": "customer", "per_second": 20, "peaks": [-1, 1]},
    ]
    metrics = (await admin.get(f"/api/v1/calls/{call.id}/metrics")).json()
    assert metrics["dictionary_version"] == 1
    # In the order of the dictionary, whatever the database made of it.
    assert list(metrics["figures"]) == ["talk_ratio", "silence_count"]


@pytest.mark.parametrize("limit", [1, 200])
async def test_limits_at_their_ends(admin: httpx.AsyncClient, seeded: Database, limit: int) -> None:
    await add(seeded, file_name="one.wav")
    assert await listed(admin, limit=limit) == ["one.wav"]
