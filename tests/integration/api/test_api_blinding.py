"""Who judges a call blind learns nothing of what machine or people found in it, by no route."""

import re
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from conftest import BASE, PASSWORD, MakeClient
from fastapi import FastAPI
from secret_call import (
    HUMAN_SCORE,
    MACHINE_SCORE,
    MARK,
    SECRET_RULE,
    TESTED_SCORE,
    TREE,
    Runs,
    add_runs,
    add_secret_call,
    correct,
)
from sqlalchemy import update

from models.access import find_user
from models.actors import Actor
from models.database import Database
from models.tables import Review

FIGURES = (
    "0.4127", "16.73",
    *(str(score) for score in (MACHINE_SCORE, HUMAN_SCORE, TESTED_SCORE)),
    # As the pages round them.
    *(f"{score:.1f}" for score in (MACHINE_SCORE, HUMAN_SCORE, TESTED_SCORE)),
)  # fmt: skip
# A figure, and not the seconds of a time of day.
LEAK = re.compile(
    rf"{MARK}|{SECRET_RULE}|"
    rf"(?<!\d:)(?<![\d.])(?:{'|'.join(map(re.escape, FIGURES))})(?!\d)"
)
ALL_OVER_IT = {
    "/api/v1/calls", "/api/v1/calls/{call_id}", "/api/v1/calls/{call_id}/timeline",
    "/api/v1/calls/{call_id}/findings", "/api/v1/calls/{call_id}/judgements",
    "/api/v1/calls/{call_id}/metrics", "/api/v1/corrections",
    "/api/v1/calls/{call_id}/corrections", "/api/v1/sop/execution-rates", "/api/v1/runs/{run_id}",
    "/api/v1/runs/{run_id}/changes", "/api/v1/runs/{run_id}/calls", "/api/v1/reviews",
    "/api/v1/reviews/{call_id}", "/api/v1/appeals", "/api/v1/calibrations/{calibration_id}",
    "/api/v1/accuracy", "/api/v1/audit", "/api/v1/webhook-deliveries",
    "/calls", "/calls/rows", "/calls/{call_id}", "/sop", "/reviews", "/calls/{call_id}/findings",
    "/accuracy", "/calibrations/{calibration_id}", "/audit", "/runs/{run_id}",
}  # fmt: skip
"""Where somebody who does not judge the call blind reads of it: the walk must be able to fail."""


@dataclass(frozen=True)
class Told:
    """The call, the open calibration of it, a closed one, and the runs that tell of it."""

    call: uuid.UUID
    open: str
    closed: str
    runs: Runs

    def paths(self, template: str) -> list[str]:
        """The addresses of a route for everything that is about the call.

        Raises:
            KeyError: for a parameter that nobody has thought of yet.
        """
        values: dict[str, list[object]] = {
            "call_id": [self.call],
            "run_id": [self.runs.backtest, self.runs.trial],
            "calibration_id": [self.open, self.closed],
            "name": [TREE], "version": [1], "kind": ["trees", "rule-sets"],
            "path": ["css/base.css"],
        }  # fmt: skip
        paths = [template]
        for name in re.findall(r"{(\w+)", template):
            paths = [
                re.sub(rf"{{{name}[^}}]*}}", str(value), path)
                for path in paths
                for value in values[name]
            ]
        if template == "/reviews":
            paths += [f"{path}?show=all" for path in paths]
        if template.endswith("/diff"):
            paths = [f"{path}?old=1&new=1" for path in paths]
        return paths


@pytest.fixture
async def told(app: FastAPI, seeded: Database, as_user: MakeClient) -> Told:
    """A call that is analysed, reviewed, appealed, calibrated, corrected, back-tested and told."""
    watcher, li = await as_user("watcher"), await as_user("li", role="reviewer")
    boss = await as_user("boss", role="manager", teams=["甲组"])
    agent = await as_user("zhang", role="agent", agent="小张", scopes=("read", "appeal"))
    await as_user("blind")
    hook = {"url": "http://127.0.0.1:9/", "event_types": []}
    assert (await watcher.post("/api/v1/webhook-endpoints", json=hook)).status_code == 201
    call = await add_secret_call(seeded)

    closed = await _calibration(boss, call, "早先的", ["li", "watcher"])
    for client in (li, watcher):
        await client.put(
            f"/api/v1/calibrations/{closed}/verdicts/0",
            json={"outcome": "clear", "comment": f"{MARK}盲评"},
        )
    assert (await boss.post(f"/api/v1/calibrations/{closed}/closing")).status_code == 200

    await li.post(f"/api/v1/reviews/{call}/lock", json={})
    for verdict in (
        {"rule": "asked", "decision": "overturn", "reason_code": "context"},
        {"rule": SECRET_RULE, "decision": "confirm"},
    ):
        answer = await li.post(
            f"/api/v1/reviews/{call}/verdicts", json={**verdict, "comment": f"{MARK}评语"}
        )
        assert answer.status_code == 200, answer.text
    submission = {"comment": f"{MARK}总评"}
    assert (await li.post(f"/api/v1/reviews/{call}/submission", json=submission)).is_success
    appeal = {"call_id": str(call), "rules": [SECRET_RULE], "reason": f"{MARK}理由"}
    opened = (await agent.post("/api/v1/appeals", json=appeal)).json()
    decision = {"upheld": [], "comment": f"{MARK}裁决"}
    await boss.post(f"/api/v1/appeals/{opened['id']}/decision", json=decision)
    async with seeded.session() as session:
        await session.execute(update(Review).values(score=HUMAN_SCORE))
        user = await find_user(session, "watcher")
        await session.commit()
    assert user is not None
    by = Actor(username="watcher", role="admin", user_id=user.id)
    await correct(seeded, call, by)
    runs = await add_runs(seeded, call, by)
    return Told(call, await _calibration(boss, call, "盲评", ["blind", "li"]), closed, runs)


async def _calibration(boss: httpx.AsyncClient, call: uuid.UUID, name: str, who: list[str]) -> str:
    body = {"name": name, "members": who, "items": [{"call_id": str(call), "rule": "asked"}]}
    answer = await boss.post("/api/v1/calibrations", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def browsers(app: FastAPI, told: Told) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Browsers of the blind member and of a colleague who is none; both are administrators."""
    clients = {}
    for name in ("blind", "watcher"):
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=BASE,
            headers={"Origin": BASE, "Sec-Fetch-Site": "same-origin"},
        )
        answer = await client.post("/sign-in", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 303
        clients[name] = client
    yield clients
    for client in clients.values():
        await client.aclose()


async def test_no_route_and_no_page_tells_a_blind_member(
    app: FastAPI, told: Told, browsers: dict[str, httpx.AsyncClient]
) -> None:
    found: dict[str, set[str]] = {"blind": set(), "watcher": set()}
    for template in (*_operations(app), *_pages(app)):
        for path in told.paths(template):
            for name, client in browsers.items():
                answer = await client.get(path)
                assert answer.status_code < 500, path
                if LEAK.search(answer.text):
                    found[name].add(template)
    assert found["blind"] == set()
    assert found["watcher"] >= ALL_OVER_IT, ALL_OVER_IT - found["watcher"]


async def test_filters_on_results_do_not_find_the_call(
    told: Told, browsers: dict[str, httpx.AsyncClient]
) -> None:
    filters: list[dict[str, Any]] = [
        {"score_max": 70}, {"score_min": 10}, {"rule": SECRET_RULE}, {"node": f"{MARK}节点"},
        {"node_state": f"{MARK}步骤:missed"},
    ]  # fmt: skip
    for query in filters:
        for path in ("/api/v1/calls", "/calls", "/calls/rows"):
            seen = {
                name: f"{told.call}" in (await client.get(path, params=query)).text
                for name, client in browsers.items()
            }
            assert seen == {"blind": False, "watcher": True}, (path, query)
    for name, client in browsers.items():
        ledger = (await client.get("/api/v1/accuracy")).json()["entries"]
        verdicts = {entry["rule"]: entry["verdicts"] for entry in ledger}
        assert verdicts.get("asked", 0) == (0 if name == "blind" else 1)
        coverage = (await client.get("/api/v1/accuracy/coverage")).json()
        assert coverage["reviewed"] == (0 if name == "blind" else 1)


async def test_the_call_itself_stays_in_reach(
    told: Told, browsers: dict[str, httpx.AsyncClient]
) -> None:
    blind = browsers["blind"]
    listed = (await blind.get("/api/v1/calls")).json()["items"]
    assert [(item["id"], item["is_blind"], item["score"]) for item in listed] == [
        (str(told.call), True, None)
    ]
    shown = (await blind.get(f"/api/v1/calls/{told.call}")).json()
    assert (shown["is_blind"], shown["score"], shown["sop"]) == (True, None, None)
    assert shown["counts"]["utterances"] == 3
    assert shown["counts"]["findings_hit"] is None
    said = (await blind.get(f"/api/v1/calls/{told.call}/transcript")).json()
    assert len(said["utterances"]) == 3
    assert "放心包过的" in (await blind.get(f"/calls/{told.call}")).text
    refused = await blind.get(f"/api/v1/calls/{told.call}/findings")
    assert refused.json()["error"]["code"] == "blind-calibration"
    trial = {"call_id": str(told.call)}
    tried = await blind.post(f"/api/v1/trees/{TREE}/versions/1/trials", json=trial)
    assert tried.json()["error"]["code"] == "blind-calibration"


async def test_after_closing_everything_is_seen(
    told: Told, browsers: dict[str, httpx.AsyncClient]
) -> None:
    answer = await browsers["watcher"].post(f"/api/v1/calibrations/{told.open}/closing")
    assert answer.status_code == 200
    shown = (await browsers["blind"].get(f"/api/v1/calls/{told.call}")).json()
    assert (shown["is_blind"], shown["score"]["value"]) == (False, MACHINE_SCORE)
    assert (await browsers["blind"].get(f"/api/v1/calls/{told.call}/findings")).is_success


def _operations(app: FastAPI) -> list[str]:
    return [path for path, item in app.openapi()["paths"].items() if "get" in item]


def _pages(app: FastAPI) -> list[str]:
    return sorted({
        path
        for path, methods in _routes(app.routes, "")
        if "GET" in methods and not path.startswith("/api/")
    })  # fmt: skip


def _routes(routes: Any, prefix: str) -> Iterator[tuple[str, set[str]]]:
    for route in routes:
        if hasattr(route, "original_router"):
            before = prefix + route.include_context.prefix
            yield from _routes(route.original_router.routes, before)
        elif hasattr(route, "path"):
            yield prefix + route.path, set(getattr(route, "methods", None) or ())
