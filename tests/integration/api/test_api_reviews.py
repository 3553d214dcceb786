"""Review, appeal, sampling, calibration, ledger and audit trail over the API."""

from pathlib import Path
from typing import Any

import httpx
from conftest import MakeClient
from reviewable_calls import WHEN, call_with
from sqlalchemy import update

from models.database import Database
from models.tables import Review
from pipeline.intake import CallMetadata, RecordingFile, accept_recording
from pipeline.storage import BlobStore


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def reviewed(client: httpx.AsyncClient, call: str) -> dict[str, Any]:
    assert (await client.post(f"/api/v1/reviews/{call}/lock", json={})).status_code == 200
    answer = await client.post(f"/api/v1/reviews/{call}/submission", json={"confirm_rest": True})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_reviewer_takes_judges_and_submits(as_user: MakeClient, seeded: Database) -> None:
    call = await call_with(seeded)
    li, wang = await as_user("li", role="reviewer"), await as_user("wang", role="reviewer")
    queue = (await li.get("/api/v1/reviews", params={"state": "pending"})).json()["items"]
    assert [item["call_id"] for item in queue] == [call]
    assert queue[0]["version"] == 0

    review = (await li.post(f"/api/v1/reviews/{call}/lock", json={})).json()
    assert review["state"] == "assigned"
    assert set(review["actions"]) == {"take", "release", "judge", "submit"}
    assert [item["waiting"] for item in review["findings"]] == [True, False]
    assert code(await wang.post(f"/api/v1/reviews/{call}/lock", json={})) == (409, "review-locked")
    assert code(await li.post(f"/api/v1/reviews/{call}/submission", json={})) == (
        409, "review-incomplete",
    )  # fmt: skip

    verdict = {
        "rule": "promise", "decision": "overturn", "reason_code": "context",
        "version": review["version"],
    }  # fmt: skip
    judged = (await li.post(f"/api/v1/reviews/{call}/verdicts", json=verdict)).json()
    assert judged["findings"][0]["verdict"]["outcome"] == "clear"
    assert judged["human_score"]["value"] == 100.0
    assert judged["machine_score"]["value"] == 90.0
    assert code(await li.post(f"/api/v1/reviews/{call}/verdicts", json=verdict)) == (
        409, "review-conflict",
    )  # fmt: skip
    added = {
        "rule": "greeting", "decision": "add", "reason_code": "missed-by-rule",
        "span": {"utterance": 0, "char_start": 0, "char_end": 2},
    }  # fmt: skip
    answer = await li.post(f"/api/v1/reviews/{call}/verdicts", json=added)
    assert answer.json()["findings"][1]["verdict"]["evidence"][0]["text"] == "您好"
    done = (await li.post(f"/api/v1/reviews/{call}/submission", json={"comment": "好"})).json()
    assert (done["state"], done["reviewer"], done["comment"]) == ("reviewed", "li", "好")
    assert [entry["rule"] for entry in done["history"]] == ["promise", "greeting"]
    findings = (await li.get(f"/api/v1/calls/{call}/findings")).json()
    assert findings["findings"][0]["outcome"] == "hit", "the machine's result is as it was"


async def test_an_agent_sees_a_finished_review_and_appeals(
    as_user: MakeClient, seeded: Database
) -> None:
    call = await call_with(seeded)
    li = await as_user("li", role="reviewer")
    scopes = ("read", "appeal")
    agent = await as_user("zhang", role="agent", agent="小张", scopes=scopes)
    other = await as_user("zhao", role="agent", agent="小赵", scopes=scopes)
    boss = await as_user("boss", role="manager", teams=["甲组"])
    assert code(await other.get(f"/api/v1/reviews/{call}")) == (404, "not-found")

    await li.post(f"/api/v1/reviews/{call}/lock", json={})
    await li.post(
        f"/api/v1/reviews/{call}/verdicts", json={"rule": "promise", "decision": "confirm"}
    )
    early = (await agent.get(f"/api/v1/reviews/{call}")).json()
    assert (early["history"], early["human_score"], early["actions"]) == ([], None, [])
    await li.post(f"/api/v1/reviews/{call}/submission", json={})
    seen = (await agent.get(f"/api/v1/reviews/{call}")).json()
    assert seen["actions"] == ["appeal"]
    assert len(seen["history"]) == 1
    assert code(await agent.post(f"/api/v1/reviews/{call}/lock", json={})) == (403, "forbidden")

    appeal = {"call_id": call, "rules": ["promise"], "reason": "客户先说的"}
    assert code(await other.post("/api/v1/appeals", json=appeal)) == (404, "not-found")
    assert code(await agent.post("/api/v1/appeals", json={**appeal, "rules": ["greeting"]})) == (
        422, "bad-appeal",
    )  # fmt: skip
    opened = await agent.post("/api/v1/appeals", json=appeal)
    assert opened.status_code == 201
    listed = (await boss.get("/api/v1/appeals", params={"state": "open"})).json()["items"]
    assert [item["appeal"]["id"] for item in listed] == [opened.json()["id"]]
    address = f"/api/v1/appeals/{opened.json()['id']}"
    decision = {"upheld": ["promise"], "comment": "确为转述"}
    assert code(await li.post(f"{address}/decision", json=decision)) == (403, "forbidden")
    decided = (await boss.post(f"{address}/decision", json=decision)).json()
    assert (decided["state"], decided["decided_by"]) == ("upheld", "boss")
    final = (await agent.get(f"/api/v1/reviews/{call}")).json()
    assert (final["state"], final["human_score"]["value"]) == ("final", 100.0)
    assert code(await agent.post(f"{address}/withdrawal")) == (409, "review-state")


async def test_after_the_deadline_nobody_appeals(as_user: MakeClient, seeded: Database) -> None:
    call = await call_with(seeded)
    await reviewed(await as_user("li", role="reviewer"), call)
    agent = await as_user("zhang", role="agent", agent="小张", scopes=("read", "appeal"))
    async with seeded.session() as session:
        await session.execute(update(Review).values(appeal_until=WHEN))
        await session.commit()
    answer = await agent.post(
        "/api/v1/appeals", json={"call_id": call, "rules": ["promise"], "reason": "x"}
    )
    assert code(answer) == (403, "review-refused")


async def test_managers_assign_reopen_and_stay_in_their_teams(
    as_user: MakeClient, seeded: Database
) -> None:
    call, foreign = await call_with(seeded), await call_with(seeded, team="乙组")
    await as_user("li", role="reviewer")
    boss = await as_user("boss", role="manager", teams=["甲组"])
    given = await boss.post(f"/api/v1/reviews/{call}/assignment", json={"username": "li"})
    assert (given.json()["holder"], given.json()["lock_expires_at"]) == ("li", None)
    answer = await boss.post(f"/api/v1/reviews/{call}/assignment", json={"username": "nobody"})
    assert code(answer) == (422, "bad-assignee")
    assert code(await boss.get(f"/api/v1/reviews/{foreign}")) == (404, "not-found")
    queue = (await boss.get("/api/v1/reviews")).json()["items"]
    assert [item["call_id"] for item in queue] == [call]

    taken = await boss.post(f"/api/v1/reviews/{call}/lock", json={"take_over": True})
    assert taken.json()["holder"] == "boss"
    await reviewed(boss, call)
    reopened = (await boss.post(f"/api/v1/reviews/{call}/reopening", json={})).json()
    assert (reopened["state"], len(reopened["history"])) == ("pending", 1)


async def test_samples_calibrations_and_the_ledger(as_user: MakeClient, seeded: Database) -> None:
    for _ in range(3):
        await call_with(seeded)
    boss, li = (
        await as_user("boss", role="manager", teams=["甲组"]),
        await as_user("li", role="reviewer"),
    )
    wang, admin = await as_user("wang", role="reviewer"), await as_user("admin")
    design = {
        "name": "抽", "called_from": "2026-03-01", "called_to": "2026-04-01", "hits": 2,
        "non_hits": 2, "team": "甲组",
    }  # fmt: skip
    assert (await li.post("/api/v1/review-samples", json=design)).status_code == 403
    assert code(await boss.post("/api/v1/review-samples", json={**design, "team": None})) == (
        403, "out-of-scope",
    )  # fmt: skip
    sample = (await boss.post("/api/v1/review-samples", json=design)).json()
    assert (sample["items"], sample["judged"], sample["seed"]) == (4, 0, "抽")
    again = (await boss.post(f"/api/v1/review-samples/{sample['id']}/draw")).json()
    assert again["items"] == 4
    sampled = (await li.get("/api/v1/reviews", params={"sample": sample["id"]})).json()["items"]
    assert sampled
    assert all(item["samples"] == ["抽"] for item in sampled)

    made = await boss.post(
        "/api/v1/calibrations",
        json={"name": "盲评", "members": ["li", "wang"], "sample_id": sample["id"], "limit": 4},
    )
    assert made.status_code == 201, made.text
    address = f"/api/v1/calibrations/{made.json()['id']}"
    for entry in made.json()["entries"]:
        outcome = {"outcome": "hit" if entry["rule"] == "promise" else "clear"}
        for client in (li, wang):
            answer = await client.put(f"{address}/verdicts/{entry['position']}", json=outcome)
            assert answer.status_code == 204
    blind = (await li.get(address)).json()
    assert blind["overall"] is None
    assert all(e["verdicts"] == [] and e["machine_outcome"] is None for e in blind["entries"])
    assert all(e["mine"]["by"] == "li" for e in blind["entries"])
    assert code(await boss.put(f"{address}/verdicts/0", json={"outcome": "hit"})) == (
        403, "forbidden",
    )  # fmt: skip
    closed = (await boss.post(f"{address}/closing")).json()
    assert closed["overall"] == {"items": 4, "agreement": 1.0, "kappa": 1.0}
    assert {rule["rule"] for rule in closed["rules"]} == {"promise", "greeting"}
    assert closed["human_machine_kappa"] == 1.0

    for item in sampled:
        call = item["call_id"]
        await li.post(f"/api/v1/reviews/{call}/lock", json={})
        for entry in (await li.get(f"/api/v1/reviews/{call}")).json()["findings"]:
            if entry["waiting"]:
                rule = entry["finding"]["rule"]
                await li.post(
                    f"/api/v1/reviews/{call}/verdicts", json={"rule": rule, "decision": "confirm"}
                )
    ledger = (await li.get("/api/v1/accuracy")).json()
    promise = next(entry for entry in ledger["entries"] if entry["rule"] == "promise")
    assert promise["precision"]["value"] == 1.0
    assert promise["is_sampled"]
    assert ledger["in_use"] is None
    assert (await li.post("/api/v1/accuracy/snapshots")).status_code == 403
    assert (await admin.post("/api/v1/accuracy/snapshots")).json()["reference"] == "accuracy@1"
    assert (await li.get("/api/v1/accuracy")).json()["in_use"] == "accuracy@1"
    coverage = (await li.get("/api/v1/accuracy/coverage")).json()
    assert (coverage["checkable"], coverage["qa_coverage"]) == (3, 1.0)


async def test_every_act_is_in_the_audit_trail_and_only_for_administrators(
    as_user: MakeClient, seeded: Database
) -> None:
    call = await call_with(seeded)
    li, admin = await as_user("li", role="reviewer", display_name="李敏"), await as_user("admin")
    await reviewed(li, call)
    assert (await li.get("/api/v1/audit")).status_code == 403
    trail = (await admin.get("/api/v1/audit", params={"object_id": call})).json()["items"]
    assert [entry["action"] for entry in trail] == [
        "review.submitted", "finding.judged", "review.taken",
    ]  # fmt: skip
    assert {(entry["username"], entry["name"]) for entry in trail} == {("li", "李敏")}
    assert len({entry["user_id"] for entry in trail}) == 1
    assert all(entry["request_id"] and entry["key_id"] for entry in trail)
    judged = (await admin.get("/api/v1/audit", params={"action": "finding."})).json()["items"]
    assert judged[0]["after"]["outcome"] == "hit"
    page = (await admin.get("/api/v1/audit", params={"object_id": call, "limit": 2})).json()
    rest = await admin.get(
        "/api/v1/audit", params={"object_id": call, "cursor": page["next_cursor"]}
    )
    assert [entry["action"] for entry in rest.json()["items"]] == ["review.taken"]
    assert code(await admin.get("/api/v1/audit", params={"cursor": "x"})) == (400, "bad-cursor")


async def test_reading_alone_changes_nothing(as_user: MakeClient, seeded: Database) -> None:
    call = await call_with(seeded)
    reader = await as_user("li", role="reviewer", scopes=("read",))
    bodies: dict[str, dict[str, Any]] = {
        "lock": {}, "verdicts": {"rule": "promise", "decision": "confirm"}, "submission": {},
        "reopening": {}, "assignment": {"username": "li"},
    }  # fmt: skip
    for path, body in bodies.items():
        answer = await reader.post(f"/api/v1/reviews/{call}/{path}", json=body)
        assert code(answer) == (403, "forbidden"), path


async def test_listening_is_in_the_audit_trail_once(
    as_user: MakeClient, seeded: Database, store: BlobStore, tmp_path: Path
) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"RIFF" + bytes(2000))
    li, admin = await as_user("li", role="reviewer"), await as_user("admin")
    async with seeded.session() as session:
        accepted = await accept_recording(
            session, store,
            [RecordingFile(file_name="a.wav", content=sound, media_type="audio/wav")],
            CallMetadata(),
        )  # fmt: skip
        await session.commit()
    for start in (0, 100, 200):
        await li.get(
            f"/api/v1/calls/{accepted.call_id}/audio", headers={"Range": f"bytes={start}-"}
        )
    trail = (await admin.get("/api/v1/audit", params={"action": "recording.read"})).json()["items"]
    assert [(e["username"], e["object_id"]) for e in trail] == [("li", str(accepted.call_id))]


async def test_the_ledger_is_narrowed_within_what_one_may_see(
    as_user: MakeClient, seeded: Database
) -> None:
    for team in ("甲组", "乙组"):
        call = await call_with(seeded, team=team)
        await reviewed(await as_user("li", role="reviewer"), call)
    admin, li = await as_user("admin"), await as_user("li", role="reviewer")
    boss = await as_user("boss", role="manager", teams=["甲组"])
    agent = await as_user("zhang", role="agent", agent="小张")

    async def verdicts(client: httpx.AsyncClient, **query: str) -> int:
        answer = await client.get("/api/v1/accuracy", params=query)
        assert answer.status_code == 200, answer.text
        return sum(entry["verdicts"] for entry in answer.json()["entries"])

    for client in (admin, li, boss, agent):
        assert await verdicts(client) == 2, "of all calls for everybody"
    assert await verdicts(admin, team="乙组") == await verdicts(boss, team="甲组") == 1
    assert await verdicts(li, called_from="2026-03-03") == 0
    for client, query in (
        (boss, {"team": "乙组"}), (boss, {"campaign": "春"}), (agent, {"team": "甲组"}),
    ):  # fmt: skip
        answer = await client.get("/api/v1/accuracy", params=query)
        assert code(answer) == (403, "out-of-scope"), query

    one = (await admin.post("/api/v1/accuracy/snapshots", json={"team": "甲组"})).json()
    assert (one["reference"], one["team"]) == ("accuracy@1", "甲组")
    assert (await boss.get("/api/v1/accuracy", params={"team": "甲组"})).json()["in_use"] == (
        "accuracy@1"
    )
    assert (await boss.get("/api/v1/accuracy")).json()["in_use"] is None


async def test_the_next_call_and_a_verdict_taken_back(
    as_user: MakeClient, seeded: Database
) -> None:
    calls = [await call_with(seeded) for _ in range(2)]
    li, wang = await as_user("li", role="reviewer"), await as_user("wang", role="reviewer")
    mine = (await li.post("/api/v1/reviews/next", params={"order": "oldest"})).json()
    theirs = (await wang.post("/api/v1/reviews/next", params={"order": "oldest"})).json()
    assert [mine["call_id"], theirs["call_id"]] == calls
    assert (mine["state"], mine["holder"]) == ("assigned", "li")
    empty = await wang.post("/api/v1/reviews/next", params={"team": "没有"})
    assert (empty.status_code, empty.content) == (204, b"")

    address = f"/api/v1/reviews/{calls[0]}/verdicts"
    await li.post(address, json={"rule": "promise", "decision": "confirm"})
    back = (await li.delete(f"{address}/promise")).json()
    assert back["findings"][0]["verdict"] is None
    assert [entry["standing"] for entry in back["history"]] == ["withdrawn"]
    assert code(await li.delete(f"{address}/promise")) == (404, "not-found")
    assert code(await wang.delete(f"{address}/promise")) == (403, "review-refused")
