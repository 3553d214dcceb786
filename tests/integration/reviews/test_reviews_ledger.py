"""Samples with known chances, blind calibration, and the ledger that is made of them."""

import asyncio
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from reviewed_calls import LOCK, NOW, Desk, finding
from sqlalchemy import select, update

from core.errors import AppError
from insights.intervals import wilson_interval
from insights.ledger import accuracy_ledger, precision_figures
from insights.qa_figures import qa_figures
from models.access import get_user
from models.calls import CallFilter
from models.reviews import calibrations, samples
from models.reviews.accuracy import accuracies_in_use, accuracy_named, freeze_accuracy
from models.reviews.queue import QueueFilter, count_queue, list_queue
from models.tables import Call, Review, ReviewSample, ReviewSampleItem, User
from pipeline.reviews import workflow
from pipeline.reviews.judging import Judgement, judge
from qa_rules.scoring.accuracy import NOTHING_MEASURED

DAY = dt.timedelta(days=1)


def design(**changes: Any) -> samples.SampleDesign:
    values: dict[str, Any] = {
        "name": "三月抽检", "seed": "2026-03", "called_from": NOW - DAY, "called_to": NOW + DAY,
        "hits": 4, "non_hits": 6,
    }  # fmt: skip
    return samples.SampleDesign(**{**values, **changes})


async def calls_with_promises(desk: Desk, hits: int, clears: int) -> list[Call]:
    """Calls where `promise` hits, and calls where it does not; no other findings."""
    made = [await desk.add((finding("promise", "hit", (2,)),)) for _ in range(hits)]
    return made + [await desk.add((finding("promise"),)) for _ in range(clears)]


async def items(desk: Desk, sample_id: uuid.UUID) -> list[ReviewSampleItem]:
    async with desk.database.session() as session:
        return list(
            await session.scalars(
                select(ReviewSampleItem)
                .where(ReviewSampleItem.sample_id == sample_id)
                .order_by(ReviewSampleItem.call_id)
            )
        )


async def drawn(desk: Desk, **changes: Any) -> ReviewSample:
    async with desk.database.session() as session:
        sample = await samples.create_sample(
            session, design(**changes), created_by="admin", now=NOW
        )
        await session.commit()
        return sample


async def verdict(desk: Desk, call_id: uuid.UUID, judgement: Judgement) -> None:
    async with desk.database.session() as session:
        call = await session.get_one(Call, call_id)
        await workflow.take(session, call, desk.people.li, now=NOW, lock_for=LOCK)
        await judge(session, call, desk.people.li, judgement, version=None, now=NOW, lock_for=LOCK)
        await session.commit()


async def test_a_sample_is_random_repeatable_and_knows_its_chances(desk: Desk) -> None:
    await calls_with_promises(desk, 8, 12)
    await desk.add((finding("promise", "not_applicable"),))
    await desk.add((finding("promise", "hit", (2,)),), called_at=NOW + 2 * DAY)
    sample = await drawn(desk)
    first = await items(desk, sample.id)
    chances = {item.stratum: (item.population, item.drawn, item.probability) for item in first}
    assert chances == {"hit": (8, 4, 0.5), "non_hit": (12, 6, 0.5)}
    assert Counter(item.stratum for item in first) == {"hit": 4, "non_hit": 6}

    async with desk.database.session() as session:
        assert (
            await samples.draw(session, await session.get_one(ReviewSample, sample.id), NOW) == 10
        )
        await session.commit()
    again = await items(desk, sample.id)
    assert {item.call_id for item in again} == {item.call_id for item in first}
    other = await items(desk, (await drawn(desk, name="另一次", seed="other")).id)
    assert {item.call_id for item in other} != {item.call_id for item in first}

    await calls_with_promises(desk, 0, 1)
    async with desk.database.session() as session:
        await samples.draw(session, await session.get_one(ReviewSample, sample.id), NOW)
        await session.commit()
    grown = await items(desk, sample.id)
    kept = {item.call_id for item in grown} & {item.call_id for item in first}
    assert len(kept) >= 9, "one more call changes at most one finding"
    assert {item.population for item in grown} == {8, 13}


async def test_a_name_is_taken_once_and_a_period_runs_forward(desk: Desk) -> None:
    await drawn(desk)
    for changes, code in (
        ({}, "sample-exists"),
        ({"name": "x", "called_to": NOW - DAY}, "bad-sample"),
    ):
        with pytest.raises(AppError) as caught:
            await drawn(desk, **changes)
        assert caught.value.code == code


async def test_sampled_findings_must_each_be_judged(desk: Desk) -> None:
    (call,) = await calls_with_promises(desk, 0, 1)
    await drawn(desk)
    async with desk.database.session() as session:
        await workflow.take(session, call, desk.people.li, now=NOW, lock_for=LOCK)
        with pytest.raises(AppError) as caught:
            await workflow.submit(
                session, call, desk.people.li, version=None, now=NOW, appeal_for=DAY,
                confirm_rest=True,
            )  # fmt: skip
    assert caught.value.code == "review-incomplete"


async def test_the_queue_finds_what_needs_a_person(desk: Desk) -> None:
    bad = await desk.add((finding("promise", "hit", (2,)), finding("rude", "hit", (4,))))
    (fine, sampled) = [await desk.add((finding("greeting"),)) for _ in range(2)]
    await drawn(desk, rules=("promise",), hits=1, non_hits=1)
    other = await desk.add((finding("greeting", "hit", (0,)),), team="乙组", agent="别人")
    async with desk.database.session() as session:
        await session.execute(select(User))
        await workflow.take(session, other, desk.people.wang, now=NOW, lock_for=LOCK)
        await session.commit()

        async def found(**limits: Any) -> set[uuid.UUID]:
            page = await list_queue(session, QueueFilter(**limits))
            assert len(page.items) == await count_queue(session, QueueFilter(**limits))
            return {entry.call.id for entry in page.items}

        assert await found() == {bad.id, fine.id, sampled.id, other.id}
        assert await found(attention=True) == {bad.id}
        await workflow.take(session, bad, desk.people.li, now=NOW, lock_for=LOCK)
        assert await found(attention=True) == {bad.id}
        own = update(Review).where(Review.call_id == bad.id)
        await session.execute(own.values(state="reviewed", holder_id=None))
        assert await found(attention=True) == set(), "what is reviewed waits for nobody"
        await session.execute(own.values(stale=True))
        assert await found(attention=True) == await found(stale=True) == {bad.id}
        await session.rollback()
        assert await found(severity="major") == {bad.id}
        assert await found(states=("pending",)) == {bad.id, fine.id, sampled.id}
        assert await found(states=("assigned",)) == {other.id}
        assert await found(holder_id=desk.people.wang.user_id) == {other.id}
        assert await found(calls=CallFilter(team="乙组")) == {other.id}
        assert await found(calls=CallFilter(rule="rude")) == {bad.id}
        assert await found(calls=CallFilter(score_max=59.0)) == {bad.id}

        seen: list[uuid.UUID] = []
        cursor = None
        for _ in range(4):
            page = await list_queue(session, QueueFilter(), cursor, 1, "oldest")
            seen += [entry.call.id for entry in page.items]
            cursor = page.next_cursor
        assert seen == sorted([bad.id, fine.id, sampled.id, other.id])
        assert cursor is None


async def test_the_ledger_weighs_verdicts_by_what_they_stand_for(desk: Desk) -> None:
    await calls_with_promises(desk, 8, 12)
    sample = await drawn(desk)
    chosen = await items(desk, sample.id)
    hits = [item.call_id for item in chosen if item.stratum == "hit"]
    clears = [item.call_id for item in chosen if item.stratum == "non_hit"]
    for place, call_id in enumerate(hits):
        decision = Judgement(rule="promise", decision="confirm") if place else Judgement(
            rule="promise", decision="overturn", reason_code="context"
        )  # fmt: skip
        await verdict(desk, call_id, decision)
    for call_id in clears[:-1]:
        await verdict(desk, call_id, Judgement(rule="promise", decision="confirm"))
    async with desk.database.session() as session:
        ledger = await accuracy_ledger(session)
    (entry,) = ledger.entries
    assert (entry.ruleset, entry.rule, entry.rule_name) == ("复核测试", "promise", "过度承诺")
    assert entry.versions == ("复核测试@1",)
    assert (entry.verdicts, entry.sampled, entry.waiting, entry.is_sampled) == (9, 9, 1, True)
    precision, recall = entry.accuracy.precision, entry.accuracy.recall
    assert precision is not None
    assert recall is not None
    assert (precision.value, precision.low, precision.high) == (0.75, *wilson_interval(3, 4))  # type: ignore[misc]
    assert recall.value == 1.0
    assert recall.low < 0.9
    assert ledger.error is None
    assert entry.accuracy.corrected_precision is None


async def test_without_a_sample_the_ledger_says_so_and_knows_no_recall(desk: Desk) -> None:
    for call in await calls_with_promises(desk, 2, 1):
        await verdict(desk, call.id, Judgement(rule="promise", decision="confirm"))
    async with desk.database.session() as session:
        (entry,) = (await accuracy_ledger(session)).entries
    assert not entry.is_sampled
    assert (entry.verdicts, entry.sampled) == (3, 0)
    assert entry.accuracy.precision is not None
    assert entry.accuracy.precision.judged == 2
    assert entry.accuracy.recall is None


async def calibrate(desk: Desk, calls: Sequence[Call], names: Sequence[str]) -> uuid.UUID:
    async with desk.database.session() as session:
        users = [await get_user(session, getattr(desk.people, name).user_id) for name in names]
        row = await calibrations.create_calibration(
            session, name="盲评", members=users, created_by="admin",
            items=[(call.id, "promise") for call in calls],
        )  # fmt: skip
        await session.commit()
        return row.id


async def test_nobody_sees_the_others_until_the_calibration_is_closed(desk: Desk) -> None:
    people = desk.people
    calls = await calls_with_promises(desk, 3, 3)
    row_id = await calibrate(desk, calls, ("li", "wang", "boss"))
    async with desk.database.session() as session:
        for position in range(6):
            for actor in (people.li, people.wang, people.boss):
                outcome = (
                    "hit" if position < 3 and (actor, position) != (people.boss, 0) else "clear"
                )
                await calibrations.judge_item(session, row_id, position, actor.user_id, outcome)  # type: ignore[arg-type]
        await session.commit()
        row = await calibrations.get_calibration(session, row_id)
        for viewer in (people.li.user_id, people.admin.user_id, None):
            seen = await calibrations.verdicts_of(session, row, viewer)
            others = {user for given in seen.values() for user in given} - {viewer}
            assert others == set()
        progress = await calibrations.progress_of(session, row_id)
        assert set(progress.values()) == {6}
        assert (await accuracy_ledger(session)).human_human.items == 0, "open: not even as a sum"

        await calibrations.close_calibration(session, row_id, "admin", NOW)
        await session.commit()
        everything = await calibrations.verdicts_of(session, row, people.li.user_id)
        assert all(len(given) == 3 for given in everything.values())
        with pytest.raises(AppError) as caught:
            await calibrations.judge_item(session, row_id, 0, people.li.user_id, "clear")
        assert caught.value.code == "calibration-closed"
        await session.rollback()
        ledger = await accuracy_ledger(session)
    assert ledger.human_human.items == 6
    assert ledger.human_human.kappa is not None
    assert 0.7 < ledger.human_human.kappa < 1
    assert ledger.error is not None
    assert ledger.error.false_clear > 0


async def test_a_verdict_and_the_end_of_a_calibration_take_turns(desk: Desk) -> None:
    calls = await calls_with_promises(desk, 1, 0)
    row_id = await calibrate(desk, calls, ("li", "wang"))

    async def say() -> None:
        async with desk.database.session() as session:
            await calibrations.judge_item(session, row_id, 0, desk.people.li.user_id, "hit")
            await session.commit()

    async def close() -> None:
        async with desk.database.session() as session:
            await calibrations.close_calibration(session, row_id, "admin", NOW)
            await session.commit()

    results = await asyncio.gather(say(), close(), return_exceptions=True)
    assert results[1] is None
    assert getattr(results[0], "code", "done") in ("done", "calibration-closed")


async def test_frozen_figures_keep_their_name_and_value(desk: Desk) -> None:
    for call in await calls_with_promises(desk, 3, 0):
        await verdict(desk, call.id, Judgement(rule="promise", decision="confirm"))
    async with desk.database.session() as session:
        assert (await accuracies_in_use(session)).of(None) == NOTHING_MEASURED
        figures = precision_figures(await accuracy_ledger(session))
        await freeze_accuracy(session, figures, "admin")
        first = (await accuracies_in_use(session)).of(None)
        await freeze_accuracy(session, {}, "admin")
        await session.commit()
        assert (await accuracies_in_use(session)).of(None).reference == "accuracy@2"
        assert await accuracy_named(session, "accuracy@1") == first
        assert await accuracy_named(session, "") == NOTHING_MEASURED
        (figure,) = first.figures.values()
        assert (figure.rule, figure.judged, figure.precision) == ("promise", 3, 1.0)
        with pytest.raises(AppError):
            await accuracy_named(session, "accuracy@9")


async def test_coverage_counts_calls_not_findings(desk: Desk) -> None:
    calls = await calls_with_promises(desk, 2, 2)
    async with desk.database.session() as session:
        await workflow.take(session, calls[0], desk.people.li, now=NOW, lock_for=LOCK)
        await workflow.submit(
            session, calls[0], desk.people.li, version=None, now=NOW, appeal_for=DAY,
            confirm_rest=True,
        )  # fmt: skip
        await session.commit()
        figures = await qa_figures(session, CallFilter())
        nobody = await qa_figures(session, CallFilter(team="没有"))
    assert (figures.qa_coverage, figures.review_coverage, figures.appeal_rate) == (1.0, 0.25, 0.0)
    assert (nobody.qa_coverage, nobody.appeal_success_rate) == (None, None)
