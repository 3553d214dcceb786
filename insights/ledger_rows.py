"""What the accuracy ledger counts, read from the tables of reviews."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Subquery,
    and_,
    exists,
    func,
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
    ReviewSampleCall,
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
        # A sample of other rules drew from the call as well, but not from this rule's findings.
        lies_in = {str(name) for name in row.frames} & frames[key][row.stratum].keys()
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
    """Drawn findings, each once, counted by the samples whose populations they lay in."""
    drawn, verdict = _drawn_findings(), _standing()
    inside = and_(true(), *filter_conditions(where))
    group = (drawn.c.rule, drawn.c.ruleset, drawn.c.stratum, drawn.c.frames)
    return (
        select(
            *group,
            func.count().label("drawn"),
            func.count().filter(inside).label("drawn_inside"),
            func.count(verdict.c.id).label("judged"),
            func.count().filter(verdict.c.outcome == "hit").label("positive"),
        )
        .join(Call, Call.id == drawn.c.call_id)
        .outerjoin(
            verdict,
            and_(
                verdict.c.call_id == drawn.c.call_id,
                verdict.c.rule == drawn.c.rule,
                verdict.c.ruleset == drawn.c.ruleset,
                _same_stratum(verdict, drawn.c.stratum),
                inside,
            ),
        )
        .group_by(*group)
    )


def _drawn_findings() -> Subquery:
    """Every drawn finding once, with `frames`: the samples that it could have been drawn by.

    Those are the samples that drew from its call, under the same rule set version and with the
    same outcome, by what they kept of it: the call may have gone elsewhere since.
    """
    item, member = ReviewSampleItem, ReviewSampleCall
    finding = (item.rule, item.ruleset, item.stratum, item.call_id)
    drawn = select(*finding).distinct().subquery()
    return (
        select(
            *drawn.c,
            func.array_agg(aggregate_order_by(member.sample_id, member.sample_id)).label("frames"),
        )
        .join(
            member,
            and_(
                member.call_id == drawn.c.call_id,
                member.ruleset == drawn.c.ruleset,
                member.hits.has_key(drawn.c.rule) == (drawn.c.stratum == "hit"),
            ),
        )
        .group_by(*drawn.c)
        .subquery()
    )
