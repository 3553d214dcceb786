"""What the accuracy ledger counts, read from the tables of reviews."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Subquery,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from insights.rule_accuracy import Stratum, StratumCount
from insights.sampled_findings import DrawnCell, Frame, weighted_counts
from models.calls import CallFilter, filter_conditions
from models.tables import (
    Calibration,
    CalibrationItem,
    CalibrationVerdict,
    Call,
    FindingVerdict,
    ReviewSample,
    ReviewSampleItem,
)

RuleKey = tuple[str, str]
"""Rule set reference (`name@version`) and rule id."""

_STRATA: tuple[Stratum, ...] = ("hit", "non_hit")


async def sampled_counts(
    session: AsyncSession, where: CallFilter
) -> dict[RuleKey, list[StratumCount]]:
    """The sampled findings of each rule on the calls of `where`, weighted to all of them.

    A finding that several samples drew, or could have drawn, counts once.
    """
    frames = await _frames(session)
    cells = await _cells(session, where, frames)
    found: dict[RuleKey, list[StratumCount]] = defaultdict(list)
    for rule_key in frames:
        for stratum in _STRATA:
            found[rule_key] += weighted_counts(
                stratum, frames[rule_key].get(stratum, {}), cells[rule_key].get(stratum, [])
            )
    return {key: counts for key, counts in found.items() if counts}


async def loose_verdicts(
    session: AsyncSession, where: CallFilter
) -> dict[RuleKey, dict[str, tuple[int, int]]]:
    """Verdicts on the calls outside every sample: machine outcome -> (verdicts, of which hit)."""
    item, verdict = ReviewSampleItem, _standing()
    sampled = exists().where(
        item.call_id == verdict.c.call_id,
        item.rule == verdict.c.rule,
        item.ruleset == verdict.c.ruleset,
        _same_stratum(verdict),
    )
    rows = await session.execute(
        select(
            verdict.c.rule,
            verdict.c.ruleset,
            verdict.c.machine_outcome,
            func.count().label("n"),
            func.count().filter(verdict.c.outcome == "hit").label("positive"),
        )
        .join(Call, Call.id == verdict.c.call_id)
        .where(~sampled, *filter_conditions(where))
        .group_by(verdict.c.rule, verdict.c.ruleset, verdict.c.machine_outcome)
    )
    found: dict[RuleKey, dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in rows:
        found[row.ruleset, row.rule][row.machine_outcome] = (row.n, row.positive)
    return found


async def calibrated_items(
    session: AsyncSession, where: CallFilter
) -> dict[RuleKey, list[tuple[int, int]]]:
    """Each item of a closed calibration on the calls as (judgements, of which hit)."""
    item, verdict = CalibrationItem, CalibrationVerdict
    rows = await session.execute(
        select(
            item.rule,
            item.ruleset,
            func.count().label("n"),
            func.count().filter(verdict.outcome == "hit").label("positive"),
        )
        .join(Calibration, Calibration.id == item.calibration_id)
        .join(Call, Call.id == item.call_id)
        .join(
            verdict,
            and_(verdict.calibration_id == item.calibration_id, verdict.position == item.position),
        )
        .where(Calibration.state == "closed", *filter_conditions(where))
        .group_by(item.calibration_id, item.position, item.rule, item.ruleset)
    )
    found: dict[RuleKey, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        found[row.ruleset, row.rule].append((row.n, row.positive))
    return found


def _standing() -> Subquery:
    """The last verdict on each rule, call and rule set version that stands or stood to the end."""
    return (
        select(FindingVerdict)
        .where(FindingVerdict.standing.in_(("current", "detached")))
        .ext(distinct_on(FindingVerdict.call_id, FindingVerdict.rule, FindingVerdict.ruleset))
        .order_by(
            FindingVerdict.call_id,
            FindingVerdict.rule,
            FindingVerdict.ruleset,
            FindingVerdict.id.desc(),
        )
        .subquery()
    )


def _same_stratum(verdict: Subquery, stratum: Any = ReviewSampleItem.stratum) -> Any:
    # A verdict says something of the machine's outcome that it was given on, not of a later one.
    return (verdict.c.machine_outcome == "hit") == (stratum == "hit")


_Frames = Mapping[RuleKey, Mapping[str, Mapping[str, Frame]]]
"""Rule -> stratum -> sample id -> what that sample drew from."""


async def _frames(session: AsyncSession) -> _Frames:
    item, sample = ReviewSampleItem, ReviewSample
    rows = await session.execute(
        select(
            item.rule,
            item.ruleset,
            item.stratum,
            item.sample_id,
            sample.seed,
            func.max(item.population).label("population"),
            func.count().label("drawn"),
        )
        .join(sample, sample.id == item.sample_id)
        .group_by(item.rule, item.ruleset, item.stratum, item.sample_id, sample.seed)
    )
    found: dict[RuleKey, dict[str, dict[str, Frame]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row.ruleset, row.rule][row.stratum][str(row.sample_id)] = Frame(
            seed=row.seed, population=row.population, drawn=row.drawn
        )
    return found


async def _cells(
    session: AsyncSession, where: CallFilter, frames: _Frames
) -> Mapping[RuleKey, Mapping[str, Sequence[DrawnCell]]]:
    """The drawn findings of each rule and stratum by the frames that they lie in."""
    merged: dict[tuple[RuleKey, str, frozenset[str]], list[int]] = defaultdict(lambda: [0] * 4)
    for row in await session.execute(_drawn_groups(where)):
        key = (row.ruleset, row.rule)
        known = frames[key][row.stratum].keys()
        lies_in = {str(name) for name in (*row.drawn_by, *(row.frames or ()))} & known
        counts = merged[key, row.stratum, frozenset(lies_in)]
        for place, number in enumerate((row.drawn, row.drawn_inside, row.judged, row.positive)):
            counts[place] += number
    found: dict[RuleKey, dict[str, list[DrawnCell]]] = defaultdict(lambda: defaultdict(list))
    for (key, stratum, lies_in_frames), counts in merged.items():
        drawn, inside, judged, positive = counts
        found[key][stratum].append(
            DrawnCell(
                frames=lies_in_frames,
                drawn=drawn,
                drawn_inside=inside,
                judged=judged,
                positive=positive,
            )
        )
    return found


def _drawn_groups(where: CallFilter) -> Any:
    """Drawn findings, each once, counted by who drew them and whose design takes their call."""
    item, verdict, place = ReviewSampleItem, _standing(), _places(where)
    finding = (item.rule, item.ruleset, item.stratum, item.call_id)
    drawn = (
        select(*finding, _in_order(item.sample_id).label("drawn_by")).group_by(*finding).subquery()
    )
    group = (drawn.c.rule, drawn.c.ruleset, drawn.c.stratum, drawn.c.drawn_by, place.c.frames)
    return (
        select(
            *group,
            func.count().label("drawn"),
            func.count().filter(place.c.inside).label("drawn_inside"),
            func.count(verdict.c.id).label("judged"),
            func.count().filter(verdict.c.outcome == "hit").label("positive"),
        )
        .join(place, place.c.call_id == drawn.c.call_id)
        .outerjoin(
            verdict,
            and_(
                verdict.c.call_id == drawn.c.call_id,
                verdict.c.rule == drawn.c.rule,
                verdict.c.ruleset == drawn.c.ruleset,
                _same_stratum(verdict, drawn.c.stratum),
                place.c.inside,
            ),
        )
        .group_by(*group)
    )


def _places(where: CallFilter) -> Subquery:
    """Every call with drawn findings: whether it counts, and the samples that would take it.

    A sample would have drawn from a call that is as the sample was asked for, and was there by
    then; `frames` is NULL where there is none such.
    """
    sample = ReviewSample
    calls = select(ReviewSampleItem.call_id).distinct().subquery()
    taken = and_(
        Call.called_at >= sample.called_from,
        Call.called_at < sample.called_to,
        or_(sample.team.is_(None), sample.team == Call.team),
        or_(sample.campaign.is_(None), sample.campaign == Call.campaign),
        Call.received_at <= sample.drawn_at,
    )
    inside = func.coalesce(func.bool_and(and_(true(), *filter_conditions(where))), false())
    return (
        select(
            calls.c.call_id,
            inside.label("inside"),
            _in_order(sample.id).filter(taken).label("frames"),
        )
        .join(Call, Call.id == calls.c.call_id)
        .join(sample, true())
        .group_by(calls.c.call_id)
        .subquery()
    )


def _in_order(column: Any) -> Any:
    return func.array_agg(aggregate_order_by(column, column))
