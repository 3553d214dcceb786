import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.scope import CallScope
from asr.transcript import AudioCheck, AudioFacts, ChannelSpeech, EngineInfo, Transcript, Utterance
from core.span import Span
from events.hits import EventHit, SopReport, StepState
from models.calls import AudioPart, CallFilter, NewCall, add_call, list_calls
from models.database import Database
from models.results import (
    ChannelWaveform,
    StoredAnalysis,
    save_analysis,
    save_transcript,
    save_waveform,
)
from models.tables import Call
from qa_rules.findings import Finding, FindingEvidence, Score, ScoreLine


async def add(database: Database, **values: Any) -> Call:
    metadata = {
        name: values.pop(name)
        for name in (
            "agent",
            "team",
            "campaign",
            "domain",
            "direction",
            "started_at",
            "disposition",
        )
        if name in values
    }
    columns = {name: values.pop(name) for name in ("state", "score") if name in values}
    async with database.session() as session:
        row, _ = await add_call(session, NewCall(metadata=metadata, **values))
        for name, value in columns.items():
            setattr(row, name, value)
        await session.commit()
        return row


def utterance(index: int, role: Any, words: str) -> Utterance:
    channel = 0 if role == "agent" else 1
    start = index * 2000
    return Utterance(index, channel, role, start, start + 1500, words, words)


TRANSCRIPT = Transcript(
    audio=AudioFacts(6000, 8000, 2, "pcm_s16le", "wav"),
    engine=EngineInfo("reference"),
    speech=(
        ChannelSpeech(0, "agent", (Span(0, 5500),)),
        ChannelSpeech(1, "customer", (Span(2000, 3500),)),
    ),
    utterances=(
        utterance(0, "agent", "您好我是启航教育的小张"),
        utterance(1, "customer", "可以分期吗"),
        utterance(2, "agent", "保证包过"),
    ),
)


def hit(node: str, index: int) -> EventHit:
    said = TRANSCRIPT.utterances[index]
    return EventHit(
        utterance=index,
        role=said.role,
        char_start=0,
        char_end=len(said.text),
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        layer="keyword",
        form="raw",
        score=1.0,
        text=said.text,
        node=node,
        tree="测试@1",
    )


def step(node: str, state: Any, hits: tuple[int, ...] = ()) -> StepState:
    return StepState(node=node, state=state, required=True, weight=1.0, reason="测试", hits=hits)


def analysis() -> StoredAnalysis:
    said = TRANSCRIPT.utterances[2]
    proof = FindingEvidence(
        utterance=2,
        role="agent",
        char_start=0,
        char_end=4,
        start_ms=said.start_ms,
        end_ms=said.end_ms,
        layer="keyword",
        form="raw",
        score=1.0,
        text="保证包过",
    )
    return StoredAnalysis(
        hits=(hit("客户/询问价格", 1), hit("开场白/自我介绍", 0)),
        sop=SopReport(
            steps=(step("开场白/自我介绍", "executed", (1,)), step("开场白/来电目的", "missed")),
            coverage=0.5,
            order_adherence=None,
        ),
        findings=(
            Finding(
                rule="over-promise",
                rule_name="过度承诺",
                category="红线",
                severity="critical",
                outcome="hit",
                score_effect=-20.0,
                veto=False,
                reason="第 3 句",
                ruleset="测试@1",
                evidence=(proof,),
            ),
        ),
        score=Score(
            value=80.0,
            passed=True,
            vetoed=False,
            scorecard="测试",
            lines=(
                ScoreLine(label="起始", points=100.0),
                ScoreLine(label="过度承诺", points=-20.0),
            ),
        ),
        metrics={
            "dictionary_version": 1,
            "figures": {
                "silence_count": {"value": 0, "unit": "次", "missing_reason": ""},
                "talk_ratio": {"value": 0.5, "unit": "ratio", "missing_reason": ""},
            },
        },
        versions={"tree": "测试@1"},
    )


async def store_results(database: Database, call: Call) -> None:
    async with database.session() as session:
        await save_transcript(session, call.id, TRANSCRIPT)
        await save_analysis(session, call.id, analysis())
        channels = [
            ChannelWaveform(channel=0, per_second=20, peaks=bytes([0x80, 0x7F])),
            ChannelWaveform(channel=1, per_second=20, peaks=bytes([0xFF, 0x01])),
        ]
        await save_waveform(session, call.id, channels)
        await session.execute(text("UPDATE calls SET state = 'done', score = 80"))
        await session.commit()


async def listed(client: httpx.AsyncClient, **query: Any) -> list[str]:
    response = await client.get("/api/v1/calls", params=query)
    assert response.status_code == 200, response.text
    return [item["file_name"] for item in response.json()["items"]]


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


async def queued(database: Database) -> list[str]:
    async with database.session() as session:
        rows = await session.execute(text("SELECT task_name FROM procrastinate_jobs ORDER BY id"))
        return [row[0] for row in rows]


async def test_changed_metadata_is_analysed_again(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    call = await add(seeded, file_name="one.wav", agent="张敏")
    early = await admin.patch(f"/api/v1/calls/{call.id}", json={"team": "甲组"})
    assert early.status_code == 200
    assert early.json()["state"] == "received"
    assert await queued(seeded) == []

    await store_results(seeded, call)
    changed = await admin.patch(
        f"/api/v1/calls/{call.id}", json={"domain": "edu", "agent": None, "fields": {"等级": "B"}}
    )
    assert changed.json()["state"] == "analyzing"
    assert changed.json()["metadata"]["agent"] is None
    assert changed.json()["metadata"]["team"] == "甲组"
    assert changed.json()["metadata"]["fields"] == {"等级": "B"}
    assert await queued(seeded) == ["analyze_call"]
    same = await admin.patch(f"/api/v1/calls/{call.id}", json={"domain": "edu"})
    assert same.status_code == 200
    assert await queued(seeded) == ["analyze_call"]
    for body in ({"sorce": "x"}, {"direction": "sideways"}, {"ring_s": -1}, {"agent": "a\x00"}):
        refused = await admin.patch(f"/api/v1/calls/{call.id}", json=body)
        assert refused.status_code == 422, body
        assert refused.json()["error"]["code"] == "validation-failed"


async def test_a_manager_cannot_give_a_call_away(as_user, seeded: Database) -> None:
    call = await add(seeded, file_name="one.wav", team="甲组")
    manager = await as_user(role="manager", teams=["甲组"])
    refused = await manager.patch(f"/api/v1/calls/{call.id}", json={"team": "乙组"})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "out-of-scope"
    # The refused change was rolled back.
    assert (await manager.get(f"/api/v1/calls/{call.id}")).json()["metadata"]["team"] == "甲组"


async def test_reanalyze_and_retry(admin: httpx.AsyncClient, seeded: Database) -> None:
    call = await add(seeded, file_name="one.wav")
    too_early = await admin.post(f"/api/v1/calls/{call.id}/reanalyze")
    assert (too_early.status_code, too_early.json()["error"]["code"]) == (409, "not-ready")
    not_failed = await admin.post(f"/api/v1/calls/{call.id}/retry")
    assert (not_failed.status_code, not_failed.json()["error"]["code"]) == (409, "not-failed")
    async with seeded.session() as session:
        await session.execute(
            text(
                "UPDATE calls SET state = 'failed', failed_stage = 'transcribe',"
                " error_code = 'bad-audio', error_message = '不是录音。'"
            )
        )
        await session.commit()
    failed = (await admin.get(f"/api/v1/calls/{call.id}")).json()
    assert failed["error"] == {"stage": "transcribe", "code": "bad-audio", "message": "不是录音。"}
    retried = await admin.post(f"/api/v1/calls/{call.id}/retry")
    assert retried.status_code == 202
    assert retried.json() == {"call_id": str(call.id), "state": "received"}
    assert (await admin.get(f"/api/v1/calls/{call.id}")).json()["error"] is None
    await store_results(seeded, call)
    again = await admin.post(f"/api/v1/calls/{call.id}/reanalyze")
    assert again.json() == {"call_id": str(call.id), "state": "analyzing"}
    assert await queued(seeded) == ["transcribe_call", "analyze_call"]
    unknown = await admin.post(f"/api/v1/calls/{uuid.uuid4()}/retry")
    assert unknown.status_code == 404


@pytest.mark.parametrize("limit", [1, 200])
async def test_limits_at_their_ends(admin: httpx.AsyncClient, seeded: Database, limit: int) -> None:
    await add(seeded, file_name="one.wav")
    assert await listed(admin, limit=limit) == ["one.wav"]


async def fix(client: httpx.AsyncClient, call: Call, name: str, **values: Any) -> httpx.Response:
    return await client.post(f"/api/v1/calls/{call.id}/audio-fix", json={"fix": name, **values})


async def roles_of(client: httpx.AsyncClient, call: Call) -> tuple[list[str], list[str]]:
    """Roles of the utterances, and of the waveform's channels."""
    transcript = (await client.get(f"/api/v1/calls/{call.id}/transcript")).json()
    waveform = (await client.get(f"/api/v1/calls/{call.id}/waveform")).json()
    return (
        [u["role"] for u in transcript["utterances"]],
        [channel["role"] for channel in waveform["channels"]],
    )


async def test_swapped_roles_are_scored_anew_and_can_be_taken_back(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    call = await add(seeded, file_name="one.wav")
    await store_results(seeded, call)
    before = await roles_of(admin, call)
    assert before == (["agent", "customer", "agent"], ["agent", "customer"])
    for _ in range(2):  # the second changes nothing
        answer = await fix(admin, call, "swap-roles")
        assert answer.status_code == 202
        assert answer.json() == {"call_id": str(call.id), "state": "analyzing"}
    assert await roles_of(admin, call) == (
        ["customer", "agent", "customer"],
        ["customer", "agent"],
    )
    assert await queued(seeded) == ["analyze_call"]
    audio = (await admin.get(f"/api/v1/calls/{call.id}")).json()["audio"]
    assert audio["options"] == {"swap_roles": True, "mix_channels": False}
    assert {"swapped-channels", "unheard-speech"} <= {c["code"] for c in audio["facts"]["checks"]}
    await fix(admin, call, "swap-roles", undo=True)
    assert await roles_of(admin, call) == before
    assert await queued(seeded) == ["analyze_call", "analyze_call"]


async def test_a_call_is_heard_again_once_per_request(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    part = AudioPart(
        sha256="0" * 64, blob_key="a/b", file_name="one.wav", size_bytes=1, media_type="audio/wav"
    )
    call = await add(seeded, file_name="one.wav", parts=(part,), state="done")
    await store_results(seeded, call)
    for _ in range(2):
        again = await fix(admin, call, "re-transcribe")
        assert again.json() == {"call_id": str(call.id), "state": "received"}
    assert await queued(seeded) == ["transcribe_call"]
    for _ in range(2):
        mixed = await fix(admin, call, "treat-as-mono")
        assert mixed.json()["state"] == "received"
    assert await queued(seeded) == ["transcribe_call"] * 2
    audio = (await admin.get(f"/api/v1/calls/{call.id}")).json()["audio"]
    assert audio["options"]["mix_channels"] is True
    assert (await roles_of(admin, call))[0] == ["agent", "customer", "agent"]


@pytest.mark.parametrize(
    ("name", "values"),
    [("re-transcribe", {}), ("treat-as-mono", {}), ("re-transcribe", {"undo": True})],
)
async def test_a_fix_that_the_call_is_not_made_for(
    admin: httpx.AsyncClient, seeded: Database, name: str, values: dict[str, Any]
) -> None:
    call = await add(seeded, file_name="one.wav")
    refused = await fix(admin, call, name, **values)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "fix-not-applicable")
    assert await queued(seeded) == []
    assert (await fix(admin, call, "louder")).status_code == 422


async def test_the_call_page_shows_checks_and_applies_fixes_without_scripts(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    call = await add(seeded, file_name="one.wav", state="done")
    await store_results(seeded, call)
    flagged = AudioCheck("swapped-channels", 9.5, "points", 4.0, True, None, "swap-roles")
    facts = replace(TRANSCRIPT.audio, quality_flags=("swapped-channels",), checks=(flagged,))
    async with seeded.session() as session:
        await save_transcript(session, call.id, replace(TRANSCRIPT, audio=facts))
        await session.commit()
    page = (await admin.get(f"/calls/{call.id}")).text
    assert "声道可能接反" in page
    assert "9.5 分" in page
    assert f'action="/calls/{call.id}/audio-fix"' in page
    answer = await admin.post(
        f"/calls/{call.id}/audio-fix",
        data={"fix": "swap-roles"},
        headers={"Origin": "http://tingjian.test"},
    )
    assert answer.status_code == 303
    page = (await admin.get(f"/calls/{call.id}")).text
    assert "已互换角色" in page
    assert (await roles_of(admin, call))[1] == ["customer", "agent"]
