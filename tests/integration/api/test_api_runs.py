"""Runs over REST: who may begin, see and cancel them."""

from typing import Any

import httpx
import pytest

LINES = {"lines": [{"role": "agent", "text": "这通电话会录音"}]}
TREE = "/api/v1/trees/电销通用/versions/1"
RULES = "/api/v1/rule-sets/电销通用/versions/1"


@pytest.mark.parametrize("version", [TREE, RULES])
async def test_a_back_test_is_queued_shown_and_cancelled(as_user, version: str) -> None:
    manager = await as_user(role="manager", teams=["甲组"])
    begun = await manager.post(f"{version}/backtests", json={"team": "甲组", "sample": 10})
    assert begun.status_code == 202, begun.text
    run = begun.json()
    assert (run["kind"], run["state"], run["version"]) == ("backtest", "queued", 1)
    # What its author may see is not part of what was asked.
    assert run["request"] == {"team": "甲组", "sample": 10}
    url = f"/api/v1/runs/{run['id']}"
    full = (await manager.get(url)).json()
    assert (full["result"], full["failures"]) == (None, [])
    assert (await manager.get(f"{url}/changes")).json() == {"items": [], "next_cursor": None}
    assert (await manager.get(f"{url}/calls")).json() == {"items": [], "next_cursor": None}
    for _ in range(2):
        cancelled = (await manager.post(f"{url}/cancel")).json()
        assert cancelled["state"] == "cancelled"
        assert cancelled["finished_at"] is not None


async def test_a_run_quotes_calls_so_it_is_its_authors(as_user) -> None:
    manager = await as_user("wang", role="manager", teams=["甲组"])
    other = await as_user("li", role="manager", teams=["乙组"])
    reviewer = await as_user(role="reviewer")
    agent = await as_user(role="agent", agent="张敏")
    run = (await manager.post(f"{TREE}/backtests", json={})).json()
    url = f"/api/v1/runs/{run['id']}"
    assert (await other.get(url)).status_code == 404
    assert (await other.post(f"{url}/cancel")).status_code == 404
    assert (await reviewer.get(url)).status_code == 200
    assert (await reviewer.post(f"{url}/cancel")).status_code == 403
    assert (await agent.get(url)).status_code == 404
    for client in (reviewer, agent):
        assert (await client.post(f"{TREE}/backtests", json={})).status_code == 403
    assert (await other.get("/api/v1/trees/电销通用/runs")).json()["items"] == []
    assert len((await manager.get("/api/v1/trees/电销通用/runs")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (LINES, 202),
        ({}, 422),
        ({"lines": [{"role": "agent", "text": ""}]}, 422),
        ({**LINES, "call_id": "0194a1b2-33c4-7d55-8e66-0f1122334455"}, 422),
        ({"call_id": "0194a1b2-33c4-7d55-8e66-0f1122334455"}, 404),
    ],
)
async def test_a_trial_takes_sentences_or_a_call(
    admin: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await admin.post(f"{TREE}/trials", json=body)
    assert answer.status_code == status, answer.text
    if status == 202:
        assert answer.json()["request"]["lines"] == LINES["lines"]
    # Trials are not listed: they are answers to a question, not work.
    assert (await admin.get("/api/v1/trees/电销通用/runs")).json()["items"] == []


async def test_only_what_is_published_re_analyses_history(as_user) -> None:
    admin, manager = await as_user("admin"), await as_user(role="manager", teams=["甲组"])
    body = {"history_from": "2025-01-01T00:00:00+08:00"}
    begun = await admin.post(f"{TREE}/reanalyses", json=body)
    assert (begun.status_code, begun.json()["kind"]) == (202, "reanalysis")
    assert (await manager.post(f"{TREE}/reanalyses", json=body)).status_code == 403
    text = (await admin.get(TREE, params={"format": "yaml"})).text
    await admin.post("/api/v1/trees", content=text.encode())
    refused = await admin.post("/api/v1/trees/电销通用/versions/2/reanalyses", json=body)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "not-published"


async def test_an_unknown_run_or_name_is_not_found(admin: httpx.AsyncClient) -> None:
    missing = await admin.get("/api/v1/runs/0194a1b2-33c4-7d55-8e66-0f1122334455")
    assert missing.status_code == 404
    assert (await admin.get("/api/v1/trees/没有/runs")).status_code == 404
