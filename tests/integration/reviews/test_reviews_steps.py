"""Every step of a review leaves its entry in the audit trail and tells the webhooks."""

from collections.abc import Awaitable
from typing import Any

import pytest
from reviewed_calls import APPEAL, LOCK, NOW, Desk
from sqlalchemy import select

from core.errors import AppError
from models.access import get_user
from models.actors import SYSTEM, Actor
from models.reviews.reviews import find_review
from models.reviews.states import TRANSITIONS
from models.reviews.verdicts import current_verdicts, verdict_history
from models.tables import AuditEntry, Call, WebhookMessage
from models.webhooks import EVENT_TYPES, add_endpoint
from pipeline.reviews import appeals, workflow
from pipeline.reviews.judging import Judgement, judge, retract, stored_results

CONFIRM = Judgement(rule="promise", decision="confirm")
OVERTURN = Judgement(rule="promise", decision="overturn", reason_code="context")
URL = "https://qa.example.com"


class Told:
    """One call, and what each step on it left behind."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self.desk = desk
        self.call = call
        self.steps: list[tuple[str, str, str | None]] = []
        self.payloads: list[dict[str, Any]] = []

    async def after(self, name: str, work: Any) -> None:
        """Do a step, and keep (step, audit action, event) of each thing that it left."""
        async with self.desk.database.session() as session:
            trail = set(await session.scalars(select(AuditEntry.id)))
            told = set(await session.scalars(select(WebhookMessage.id)))
            await work(session, await session.get_one(Call, self.call.id))
            await session.commit()
            entries = list(
                await session.scalars(
                    select(AuditEntry).where(AuditEntry.id.not_in(trail)).order_by(AuditEntry.id)
                )
            )
            messages = list(
                await session.scalars(
                    select(WebhookMessage)
                    .where(WebhookMessage.id.not_in(told))
                    .order_by(WebhookMessage.id)
                )
            )
        events = [message.event_type for message in messages]
        self.payloads += [message.payload for message in messages]
        actions = [entry.action for entry in entries]
        self.steps.append((name, " ".join(actions), " ".join(events) or None))


async def test_each_step_is_recorded_and_told(desk: Desk) -> None:
    async with desk.database.session() as session:
        await add_endpoint(session, url="http://127.0.0.1:9/")
        await session.commit()
    people, told = desk.people, Told(desk, await desk.add())
    timed = {"now": NOW, "base_url": URL}
    locked = {**timed, "lock_for": LOCK}

    def take(who: Actor, **more: Any) -> Any:
        return lambda s, c: workflow.take(s, c, who, **locked, **more)

    def says(judgement: Judgement) -> Any:
        return lambda s, c: judge(s, c, people.boss, judgement, version=None, **locked)

    def submit(s: Any, c: Call) -> Awaitable[Any]:
        more = {"version": None, "appeal_for": APPEAL, "confirm_rest": True}
        return workflow.submit(s, c, people.boss, **timed, **more)

    def appeal(s: Any, c: Call) -> Awaitable[Any]:
        return appeals.appeal(s, c, people.seller, rules=["promise"], reason="没有说", **timed)

    async def assign(s: Any, c: Call) -> None:
        wang = await get_user(s, people.wang.user_id)  # type: ignore[arg-type]
        await workflow.assign(s, c, people.boss, wang, **timed)

    await told.after("take", take(people.li))
    await told.after("take", take(people.li))
    await told.after("release", lambda s, c: workflow.release(s, c, people.li, **timed))
    await told.after("assign", assign)
    await told.after("take_over", take(people.boss, take_over=True))
    await told.after("judge", says(OVERTURN))
    await told.after(
        "judge", lambda s, c: retract(s, c, people.boss, "promise", version=None, **locked)
    )
    await told.after("judge", says(CONFIRM))
    await told.after("submit", submit)
    await told.after("appeal", appeal)
    await told.after("withdraw", lambda s, c: appeals.withdraw(s, c, people.seller, **timed))
    await told.after("appeal", appeal)
    await told.after(
        "decide",
        lambda s, c: appeals.decide(s, c, people.admin, upheld=["promise"], comment="对", **timed),
    )
    await told.after(
        "reopen", lambda s, c: workflow.reopen(s, c, people.boss, version=None, **timed)
    )
    await told.after("take", take(people.boss))
    await told.after("submit", submit)
    await told.after(
        "finalise", lambda s, _: workflow.finalise_overdue(s, NOW + APPEAL, base_url=URL)
    )
    assert told.steps == [
        ("take", "review.taken", "review.assigned"),
        ("take", "review.taken", None),
        ("release", "review.released", "review.released"),
        ("assign", "review.assigned", "review.assigned"),
        ("take_over", "review.taken_over", "review.assigned"),
        ("judge", "finding.judged", "finding.reviewed"),
        ("judge", "finding.withdrawn", "finding.withdrawn"),
        ("judge", "finding.judged", "finding.reviewed"),
        ("submit", "finding.judged review.submitted", "finding.reviewed review.completed"),
        ("appeal", "appeal.opened", "appeal.opened"),
        ("withdraw", "appeal.withdrawn", "appeal.withdrawn"),
        ("appeal", "appeal.opened", "appeal.opened"),
        ("decide", "finding.judged appeal.decided", "finding.reviewed appeal.decided"),
        ("reopen", "review.reopened", "review.reopened"),
        ("take", "review.taken", "review.assigned"),
        ("submit", "review.submitted", "review.completed"),
        ("finalise", "review.finalised", "review.finalised"),
    ]
    assert {step for step, _, _ in told.steps} == {move.action for move in TRANSITIONS}
    known = {name for _, _, events in told.steps if events for name in events.split()}
    assert known == set(EVENT_TYPES) - {"call.completed", "call.failed"}
    for payload in told.payloads:
        assert payload["data"]["call_id"] == str(told.call.id)
        assert payload["data"]["links"]["page"].startswith(URL)
    steps = [payload["data"] for payload in told.payloads if "before" in payload["data"]]
    assert [(d["before"], d["state"], d["by"], d["holder"]) for d in steps] == [
        ("pending", "assigned", "li", "li"),
        ("assigned", "pending", "li", None),
        ("pending", "assigned", "boss", "wang"),
        ("assigned", "assigned", "boss", "boss"),
        ("final", "pending", "boss", None),
        ("pending", "assigned", "boss", "boss"),
        ("reviewed", "final", SYSTEM.username, None),
    ]


async def test_a_verdict_is_taken_back_before_submission_only(desk: Desk) -> None:
    people, call = desk.people, await desk.add()
    async with desk.database.session() as session:
        row = await session.get_one(Call, call.id)
        review = await workflow.take(session, row, people.li, now=NOW, lock_for=LOCK)
        options: dict[str, Any] = {"now": NOW, "lock_for": LOCK}
        await judge(session, row, people.li, OVERTURN, version=None, **options)
        assert review.score is not None
        seen = review.version
        review = await retract(session, row, people.li, "promise", version=seen, **options)
        assert (review.score, review.version) == (None, seen + 1)
        assert await current_verdicts(session, call.id) == {}
        history = await verdict_history(session, call.id)
        assert [(entry.outcome, entry.standing) for entry in history] == [("clear", "withdrawn")]
        for version, rule, code in (
            (None, "promise", "not-found"), (seen, "promise", "review-conflict"),
        ):  # fmt: skip
            with pytest.raises(AppError) as caught:
                await retract(session, row, people.li, rule, version=version, **options)
            assert caught.value.code == code
        waiting = await workflow.unjudged(session, row, (await stored_results(session, row))[0])
        assert {finding.rule for finding in waiting} == {"promise", "greeting"}
        await workflow.submit(
            session, row, people.li, version=None, now=NOW, appeal_for=APPEAL, confirm_rest=True
        )
        with pytest.raises(AppError) as caught:
            await retract(session, row, people.li, "promise", version=None, **options)
        assert caught.value.code == "review-state"
        assert (await find_review(session, call.id)).state == "reviewed"  # type: ignore[union-attr]
        await session.commit()
