"""The ledger of some calls, overlapping samples, frozen figures of one team."""

import datetime as dt
from typing import Any

import pytest
from reviewed_calls import LOCK, NOW, Desk, analysis_of, finding
from sqlalchemy import select, update

from insights.ledger import LedgerEntry, accuracy_ledger
from models.calls import CallFilter
from models.results import save_analysis
from models.reviews import samples
from models.reviews.accuracy import accuracies_in_use, freeze_accuracy
from models.tables import Call, ReviewSample, ReviewSampleItem
from pipeline.reviews import workflow
from pipeline.reviews.judging import Judgement, judge
from qa_rules.scoring.accuracy import PrecisionFigure

DAY = dt.timedelta(days=1)
# Calls of these tests are received now; samples are drawn after that.
LATER = dt.datetime.now(dt.UTC) + DAY
CONFIRM = Judgement(rule="promise", decision="confirm")
OVERTURN = Judgement(rule="promise", decision="overturn", reason_code="context")


async def add_hits(desk: Desk, count: int, **metadata: Any) -> list[Call]:
    return [await desk.add((finding("promise", "hit", (2,)),), **metadata) for _ in range(count)]


async def draw(desk: Desk, name: str, **changes: Any) -> ReviewSample:
    values: dict[str, Any] = {
        "name": name, "seed": name, "called_from": NOW - 10 * DAY, "called_to": NOW + 10 * DAY,
        "hits": 4, "non_hits": 4,
    }  # fmt: skip
    async with desk.database.session() as session:
        design = samples.SampleDesign(**{**values, **changes})
        row = await samples.create_sample(session, design, created_by="admin", now=LATER)
        await session.commit()
        return row


async def calls_of(desk: Desk, sample: ReviewSample) -> list[Call]:
    """The calls that the sample drew."""
    item = ReviewSampleItem
    async with desk.database.session() as session:
        return list(
            await session.scalars(
                select(Call)
                .join(item, item.call_id == Call.id)
                .where(item.sample_id == sample.id)
                .order_by(Call.id)
            )
        )


async def say(desk: Desk, calls: list[Call], judgement: Judgement) -> None:
    async with desk.database.session() as session:
        for row in calls:
            call = await session.get_one(Call, row.id)
            await workflow.take(session, call, desk.people.li, now=NOW, lock_for=LOCK)
            await judge(
                session, call, desk.people.li, judgement, version=None, now=NOW, lock_for=LOCK
            )
        await session.commit()


async def entry_of(desk: Desk, where: CallFilter | None = None) -> LedgerEntry:
    async with desk.database.session() as session:
        (entry,) = (await accuracy_ledger(session, where=where)).entries
    return entry


def figure(entry: LedgerEntry) -> tuple[float, int, float]:
    precision = entry.accuracy.precision
    assert precision is not None
    return round(precision.value, 4), precision.judged, round(precision.effective, 4)


async def test_a_verdict_in_two_samples_counts_once(desk: Desk) -> None:
    calls = await add_hits(desk, 8)
    await draw(desk, "一", hits=8)
    await say(desk, calls[:6], CONFIRM)
    await say(desk, calls[6:], OVERTURN)
    alone = await entry_of(desk)
    assert figure(alone) == (0.75, 8, 8.0)
    await draw(desk, "二", hits=8)
    both = await entry_of(desk)
    assert figure(both) == (0.75, 8, 8.0), "the same eight verdicts tell no more than before"
    assert (both.verdicts, both.sampled) == (8, 8)


async def test_samples_of_periods_that_overlap_weigh_each_part_by_its_size(desk: Desk) -> None:
    early = await add_hits(desk, 4, called_at=NOW - 5 * DAY)
    middle = await add_hits(desk, 2)
    late = await add_hits(desk, 6, called_at=NOW + 5 * DAY)
    await draw(desk, "前", called_to=NOW + DAY, hits=99)
    await draw(desk, "后", called_from=NOW - DAY, hits=99)
    await say(desk, early + middle, CONFIRM)
    await say(desk, late[:3], OVERTURN)
    # Twelve hits: four early and two in both samples, all true; of six late ones, none of the
    # three that were judged. Counting the middle twice would give (4 + 2 + 2) / 14.
    value, judged, _ = figure(await entry_of(desk))
    assert (value, judged) == (0.5, 9)


@pytest.mark.parametrize(
    ("one", "other", "designs"),
    [
        ({"team": "甲组"}, {"team": "乙组"}, ({"team": "甲组"}, {"team": "乙组"})),
        ({"campaign": "春"}, {"campaign": "秋"}, ({"campaign": "春"}, {"campaign": "秋"})),
        (
            {"started_at": NOW}, {"started_at": NOW - 5 * DAY},
            ({"called_from": NOW - DAY}, {"called_to": NOW - DAY}),
        ),
    ],
)  # fmt: skip
async def test_a_call_weighs_where_it_was_drawn_from_wherever_it_goes(
    desk: Desk, one: dict[str, Any], other: dict[str, Any], designs: tuple[dict[str, Any], ...]
) -> None:
    named = {"started_at": "called_at"}
    for values in (one, other):
        await add_hits(desk, 4, **{named.get(name, name): v for name, v in values.items()})
    first = await draw(desk, "一", hits=2, **designs[0])
    second = await draw(desk, "二", hits=2, **designs[1])
    confirmed = await calls_of(desk, first)
    await say(desk, confirmed, CONFIRM)
    await say(desk, await calls_of(desk, second), OVERTURN)
    assert figure(await entry_of(desk)) == (0.5, 4, 4.0)
    async with desk.database.session() as session:
        await session.execute(update(Call).where(Call.id == confirmed[0].id).values(other))
        await session.commit()
    # Two populations of four: had the call been counted into the second as well, there would be
    # fewer than eight hits, and the more of them true.
    assert figure(await entry_of(desk)) == (0.5, 4, 4.0)
    # Who asks for some calls asks for those that are there now.
    where = CallFilter(**{"started_to": NOW - DAY} if "started_at" in other else other)
    assert figure(await entry_of(desk, where)) == (0.3333, 3, 3.0)
    # Drawn again, it is drawn from where it is.
    async with desk.database.session() as session:
        for row in (first, second):
            await samples.draw(session, await session.get_one(ReviewSample, row.id), LATER)
        populations = await session.scalars(
            select(ReviewSampleItem.population).distinct().order_by(ReviewSampleItem.population)
        )
        assert list(populations) == [3, 5]


async def test_an_outcome_that_changes_between_two_draws_lies_in_one_of_them(desk: Desk) -> None:
    calls = await add_hits(desk, 4)
    first = await draw(desk, "一", hits=2)
    confirmed = await calls_of(desk, first)
    await say(desk, confirmed, CONFIRM)
    async with desk.database.session() as session:
        await save_analysis(session, confirmed[0].id, analysis_of((finding("promise"),)))
        await session.commit()
    left = [row for row in calls if row.id not in {call.id for call in confirmed}]
    await draw(desk, "二", hits=3)
    await say(desk, left[:1], OVERTURN)
    # The first drew two of four hits; one of them is no hit for the second, which drew all three
    # that there still were: one hit lay in the first alone and is true, three in both, of which
    # one of two judged is. (1 + 3 / 2) / 4.
    value, judged, _ = figure(await entry_of(desk))
    assert (value, judged) == (0.625, 3)


async def test_the_ledger_of_a_team_a_campaign_and_a_period(desk: Desk) -> None:
    first = await add_hits(desk, 3, team="甲组", campaign="春")
    second = await add_hits(desk, 5, team="乙组", called_at=NOW + 2 * DAY)
    await draw(desk, "全部", hits=8)
    await say(desk, first, CONFIRM)
    await say(desk, second, OVERTURN)
    assert figure(await entry_of(desk))[:2] == (0.375, 8)
    for where in (
        CallFilter(team="甲组"), CallFilter(campaign="春"), CallFilter(started_to=NOW + DAY),
    ):  # fmt: skip
        assert figure(await entry_of(desk, where))[:2] == (1.0, 3), where
    own = await entry_of(desk, CallFilter(team="乙组"))
    assert (figure(own)[:2], own.is_sampled, own.verdicts) == ((0.0, 5), True, 5)
    async with desk.database.session() as session:
        nothing = await accuracy_ledger(session, where=CallFilter(team="没有"))
    assert nothing.entries == ()


async def test_loose_verdicts_are_counted_where_they_were_made(desk: Desk) -> None:
    await say(desk, await add_hits(desk, 2, team="甲组"), CONFIRM)
    await say(desk, await add_hits(desk, 1, team="乙组"), OVERTURN)
    assert figure(await entry_of(desk))[1] == 3
    own = await entry_of(desk, CallFilter(team="乙组"))
    assert (figure(own)[:2], own.is_sampled) == ((0.0, 1), False)


async def test_a_verdict_on_another_outcome_is_not_of_the_stratum(desk: Desk) -> None:
    (call,) = await add_hits(desk, 1)
    await draw(desk, "一")
    await say(desk, [call], CONFIRM)
    async with desk.database.session() as session:
        # Analysed again: the rule does not hit any more, and a new sample draws it as a non-hit.
        await save_analysis(session, call.id, analysis_of((finding("promise"),)))
        await session.commit()
    await draw(desk, "二")
    entry = await entry_of(desk)
    assert (entry.sampled, entry.waiting) == (1, 1), "the old verdict says nothing of the non-hit"


async def test_figures_of_a_team_are_used_for_its_calls_alone(desk: Desk) -> None:
    good = PrecisionFigure(rule="promise", judged=50, precision=0.9, low=0.8, high=0.95)
    bad = PrecisionFigure(rule="promise", judged=50, precision=0.4, low=0.3, high=0.5)
    async with desk.database.session() as session:
        await freeze_accuracy(session, {"x": good}, "admin")
        await freeze_accuracy(session, {"x": bad}, "admin", team="甲组")
        in_use = await accuracies_in_use(session)
        assert in_use.of("甲组").figures == {"x": bad}
        assert [in_use.of(team).reference for team in (None, "乙组", "甲组")] == [
            "accuracy@1", "accuracy@1", "accuracy@2",
        ]  # fmt: skip
        await freeze_accuracy(session, {}, "admin")
        assert (await accuracies_in_use(session)).of("甲组").reference == "accuracy@3"
        await session.rollback()
