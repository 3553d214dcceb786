"""The way of a call through its review, on the real database."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from reviewed_calls import APPEAL, LOCK, NOW, USUAL, Desk, analysis_of, finding, transcript
from sqlalchemy import select

from core.errors import AppError
from models.access import get_user
from models.actors import Actor
from models.results import load_analysis, save_analysis, save_transcript
from models.reviews.reviews import find_review
from models.reviews.verdicts import current_verdicts, verdict_history
from models.tables import AuditEntry, Call, FindingVerdict, Review, WebhookMessage
from models.webhooks import add_endpoint
from pipeline.reviews import appeals, workflow
from pipeline.reviews.judging import Judgement, Span, judge
from pipeline.reviews.reanalysis import carry_over


async def take(desk: Desk, call: Call, actor: Actor, **options: Any) -> Review:
    async with desk.database.session() as session:
        now = options.pop("now", NOW)
        review = await workflow.take(session, call, actor, now=now, lock_for=LOCK, **options)
        await session.commit()
        return review


async def say(
    desk: Desk, call: Call, actor: Actor, judgement: Judgement, version: int | None = None
) -> tuple[Review, FindingVerdict]:
    async with desk.database.session() as session:
        found = await judge(
            session, call, actor, judgement, version=version, now=NOW, lock_for=LOCK
        )
        await session.commit()
        return found


async def submit(desk: Desk, call: Call, actor: Actor, **options: Any) -> Review:
    async with desk.database.session() as session:
        review = await workflow.submit(
            session, call, actor, version=None, now=NOW, appeal_for=APPEAL, **options
        )
        await session.commit()
        return review


async def refused(awaitable: Any) -> str:
    with pytest.raises(AppError) as caught:
        await awaitable
    return caught.value.code


CONFIRM_PROMISE = Judgement(rule="promise", decision="confirm")
OVERTURN_GREETING = Judgement(
    rule="greeting", decision="overturn", reason_code="asr-error", comment="说了您好"
)
ADD_RUDE = Judgement(
    rule="rude", decision="add", reason_code="missed-by-rule",
    span=Span(utterance=4, char_start=0, char_end=4),
)  # fmt: skip


async def reviewed(desk: Desk) -> Call:
    call = await desk.add()
    await take(desk, call, desk.people.li)
    for judgement in (CONFIRM_PROMISE, OVERTURN_GREETING, ADD_RUDE):
        await say(desk, call, desk.people.li, judgement)
    await submit(desk, call, desk.people.li)
    return call


async def test_from_taking_to_the_human_score(desk: Desk) -> None:
    async with desk.database.session() as session:
        await add_endpoint(session, url="http://127.0.0.1:9/")
        await session.commit()
    call = await reviewed(desk)
    async with desk.database.session() as session:
        review = await find_review(session, call.id)
        assert review is not None
        assert review.state == "reviewed"
        assert review.reviewer_id == desk.people.li.user_id
        assert review.appeal_until == NOW + APPEAL
        # 100 - 50 (confirmed) - 20 (added); the overturned 5 are given back.
        assert (call.score, review.score, review.passed) == (45.0, 30.0, False)
        assert review.score_document is not None
        assert sum(line["points"] for line in review.score_document["lines"]) == review.score
        machine = await load_analysis(session, call.id)
        assert machine is not None
        assert machine.findings == USUAL, "the machine's findings are never overwritten"
        verdicts = await current_verdicts(session, call.id)
        assert {rule: (v.decision, v.outcome) for rule, v in verdicts.items()} == {
            "promise": ("confirm", "hit"),
            "greeting": ("overturn", "clear"),
            "rude": ("add", "hit"),
        }
        added = verdicts["rude"].evidence[0]
        assert (added["text"], added["layer"], added["start_ms"]) == ("爱买不买", "human", 8000)
        told = list(await session.scalars(select(WebhookMessage.event_type)))
        assert sorted(told) == [
            *["finding.reviewed"] * 3, "review.assigned", "review.completed",
        ]  # fmt: skip
        trail = [
            (entry.action, entry.username, entry.request_id)
            for entry in await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        ]
        assert trail == [
            ("review.taken", "li", "r-li"),
            *[("finding.judged", "li", "r-li")] * 3,
            ("review.submitted", "li", "r-li"),
        ]


async def test_two_reviewers_who_race_for_a_call_never_both_win(desk: Desk) -> None:
    people = desk.people
    for _ in range(5):
        call = await desk.add()
        actors = [people.li, people.wang, people.admin, people.boss]
        results = await asyncio.gather(
            *(take(desk, call, actor) for actor in actors), return_exceptions=True
        )
        lost = [r for r in results if isinstance(r, BaseException)]
        assert len(lost) == len(actors) - 1
        assert {getattr(error, "code", error) for error in lost} == {"review-locked"}
        async with desk.database.session() as session:
            review = await find_review(session, call.id)
        winner = next(a for a, r in zip(actors, results, strict=True) if isinstance(r, Review))
        assert review is not None
        assert review.holder_id == winner.user_id


async def test_two_tabs_of_one_reviewer_do_not_overwrite_each_other(desk: Desk) -> None:
    call = await desk.add()
    review = await take(desk, call, desk.people.li)
    results = await asyncio.gather(
        say(desk, call, desk.people.li, CONFIRM_PROMISE, review.version),
        say(desk, call, desk.people.li, OVERTURN_GREETING, review.version),
        return_exceptions=True,
    )
    codes = [getattr(result, "code", "done") for result in results]
    assert sorted(codes) == ["done", "review-conflict"]
    async with desk.database.session() as session:
        assert len(await verdict_history(session, call.id)) == 1


async def test_a_verdict_and_a_new_analysis_wait_for_each_other(desk: Desk) -> None:
    call = await desk.add()
    await take(desk, call, desk.people.li)

    async def analyse() -> None:
        async with desk.database.session() as session:
            row = await session.get_one(Call, call.id, with_for_update=True)
            again = analysis_of((finding("promise"), *USUAL[1:]))
            await save_analysis(session, call.id, again)
            await carry_over(session, row, again)
            await session.commit()

    await asyncio.wait_for(
        asyncio.gather(*(analyse() for _ in range(3)),
                       *(say(desk, call, desk.people.li, OVERTURN_GREETING) for _ in range(3))),
        timeout=30,
    )  # fmt: skip
    async with desk.database.session() as session:
        assert set(await current_verdicts(session, call.id)) == {"greeting"}


async def test_locks_end_are_taken_over_and_given_back(desk: Desk) -> None:
    people, call = desk.people, await desk.add()
    await take(desk, call, people.li)
    assert await refused(take(desk, call, people.wang, take_over=True)) == "review-locked"
    assert await refused(take(desk, call, people.other_boss, take_over=True)) == "review-refused"
    later = NOW + LOCK
    review = await take(desk, call, people.wang, take_over=True, now=later)
    assert (review.holder_id, review.lock_expires_at) == (people.wang.user_id, later + LOCK)
    assert await refused(say(desk, call, people.li, CONFIRM_PROMISE)) == "review-refused"
    async with desk.database.session() as session:
        review = await workflow.release(session, call, people.boss, now=later)
        assert (review.state, review.holder_id) == ("pending", None)
        assert (
            await refused(
                workflow.assign(
                    session,
                    call,
                    people.boss,
                    await get_user(session, people.seller.user_id),
                    now=later,
                )  # type: ignore[arg-type]
            )
            == "bad-assignee"
        )
        review = await workflow.assign(
            session,
            call,
            people.boss,
            await get_user(session, people.wang.user_id),
            now=later,  # type: ignore[arg-type]
        )
        await session.commit()
    assert review.lock_expires_at is None
    much_later = later + dt.timedelta(days=30)
    assert (
        await refused(take(desk, call, people.li, take_over=True, now=much_later))
        == "review-locked"
    ), "what a manager assigned does not expire"


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement(rule="rude", decision="overturn", reason_code="context"),
        Judgement(rule="promise", decision="add", reason_code="context"),
        Judgement(rule="promise", decision="overturn"),
        Judgement(rule="promise", decision="overturn", reason_code="other"),
        Judgement(rule="rude", decision="add", reason_code="missed-by-rule"),
        Judgement(rule="rude", decision="add", reason_code="missed-by-rule",
                  span=Span(utterance=4, char_start=0, char_end=99)),
        Judgement(rule="rude", decision="add", reason_code="missed-by-rule",
                  span=Span(utterance=9, char_start=0, char_end=1)),
    ],
)  # fmt: skip
async def test_verdicts_that_do_not_fit_are_refused(desk: Desk, judgement: Judgement) -> None:
    call = await desk.add()
    await take(desk, call, desk.people.li)
    assert await refused(say(desk, call, desk.people.li, judgement)) == "bad-verdict"


async def test_a_review_is_complete_when_every_hit_is_judged(desk: Desk) -> None:
    call = await desk.add()
    await take(desk, call, desk.people.li)
    await say(desk, call, desk.people.li, OVERTURN_GREETING)
    assert await refused(submit(desk, call, desk.people.li)) == "review-incomplete"
    review = await submit(desk, call, desk.people.li, confirm_rest=True)
    assert (review.state, review.score) == ("reviewed", 50.0)


async def test_an_appeal_is_decided_by_somebody_else(desk: Desk) -> None:
    people, call = desk.people, await reviewed(desk)
    async with desk.database.session() as session:
        said = {"reason": "客户先问的", "now": NOW}
        assert (
            await refused(
                appeals.appeal(session, call, people.seller, rules=["greeting"], **said)  # type: ignore[arg-type]
            )
            == "bad-appeal"
        ), "the reviewer has taken that hit back already"
        row = await appeals.appeal(
            session,
            call,
            people.seller,
            rules=["promise", "rude"],
            **said,  # type: ignore[arg-type]
        )
        await session.commit()
        assert row.state == "open"
    async with desk.database.session() as session:
        assert (
            await refused(appeals.decide(session, call, people.li, upheld=[], comment="x", now=NOW))
            == "forbidden"
        )
        await session.rollback()
        decided = await appeals.decide(
            session, call, people.boss, upheld=["rude"], comment="语气正常", now=NOW
        )
        await session.commit()
        assert (decided.state, decided.decided_by_name) == ("upheld", "boss")
        review = await find_review(session, call.id)
        assert review is not None
        assert (review.state, review.score) == ("final", 50.0)
        stages = {
            v.rule: (v.stage, v.outcome)
            for v in (await current_verdicts(session, call.id)).values()
        }
        assert stages == {
            "promise": ("final", "hit"),
            "rude": ("final", "clear"),
            "greeting": ("review", "clear"),
        }


async def test_the_reviewer_does_not_decide_on_the_own_review(desk: Desk) -> None:
    people, call = desk.people, await desk.add()
    await take(desk, call, people.boss)
    await submit(desk, call, people.boss, confirm_rest=True)
    async with desk.database.session() as session:
        await appeals.appeal(
            session, call, people.seller, rules=["promise"], reason="没有说", now=NOW
        )
        await session.commit()
        assert (
            await refused(
                appeals.decide(session, call, people.boss, upheld=[], comment="x", now=NOW)
            )
            == "review-refused"
        )


async def test_reviews_become_final_when_the_time_to_appeal_is_over(desk: Desk) -> None:
    call = await reviewed(desk)
    async with desk.database.session() as session:
        assert await workflow.finalise_overdue(session, NOW + APPEAL - dt.timedelta(seconds=1)) == 0
        assert await workflow.finalise_overdue(session, NOW + APPEAL) == 1
        await session.commit()
        review = await find_review(session, call.id)
        assert review is not None
        assert (review.state, review.final_by) == ("final", None)
        assert (
            await refused(
                appeals.appeal(
                    session, call, desk.people.seller, rules=["promise"], reason="晚了", now=NOW
                )
            )
            == "review-state"
        )


async def analyse_again(desk: Desk, call: Call, findings: Any, shift_ms: int = 0) -> Review:
    async with desk.database.session() as session:
        row = await session.get_one(Call, call.id, with_for_update=True)
        again = analysis_of(findings)
        await save_transcript(session, call.id, transcript(shift_ms))
        await save_analysis(session, call.id, again)
        await carry_over(session, row, again)
        await session.commit()
        review = await find_review(session, call.id)
        assert review is not None
        return review


async def test_a_new_analysis_keeps_verdicts_on_the_same_rule_and_utterance(desk: Desk) -> None:
    call = await reviewed(desk)
    # The transcript was heard anew: everything lies a little later, but it is the same call.
    review = await analyse_again(desk, call, USUAL, shift_ms=300)
    assert (review.stale, review.score) == (False, 30.0)
    moved = (finding("promise", "hit", (4,)), finding("greeting"), finding("rude"))
    review = await analyse_again(desk, call, moved)
    async with desk.database.session() as session:
        standing = {v.rule: v.standing for v in await verdict_history(session, call.id)}
    assert standing == {"promise": "detached", "greeting": "detached", "rude": "current"}
    assert review.stale, "a hit that nobody has judged"
    # The machine's new hit counts until somebody judges it; the added one stays.
    assert review.score == 30.0


async def test_a_rule_that_is_gone_leaves_its_verdict_in_the_history(desk: Desk) -> None:
    call = await reviewed(desk)
    review = await analyse_again(desk, call, (finding("greeting", "hit", (0,)),))
    async with desk.database.session() as session:
        assert set(await current_verdicts(session, call.id)) == {"greeting"}
        assert len(await verdict_history(session, call.id)) == 3
    assert review.score == 100.0
