"""Changing a call: metadata, another analysis, another try, fixes of its audio."""

import uuid
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from stored_calls import (
    TRANSCRIPT,
    add,
    queued,
    store_results,
)

from asr.transcript import AudioCheck
from models.calls import AudioPart
from models.database import Database
from models.results import (
    save_transcript,
)
from models.tables import Call


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
