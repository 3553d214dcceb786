"""Random samples of hits and non-hits, with the chance at which each was drawn."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Insert,
    Numeric,
    Text,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.calls import CallFilter, filter_conditions
from models.tables import (
    Call,
    FindingRow,
    FindingVerdict,
    ReviewSample,
    ReviewSampleCall,
    ReviewSampleItem,
)

# A rule that does not apply to a call says nothing of it, so there is nothing to check.
_CHECKABLE = ("hit", "clear", "undecidable")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDesign:
    """What to draw: so many hits and non-hits of each rule, from the calls of a period.

    `called_from` inclusive, `called_to` exclusive, of `called_at`. Empty `rules` = every rule.
    """

    name: str
    seed: str
    called_from: dt.datetime
    called_to: dt.datetime
    hits: int
    non_hits: int
    team: str | None = None
    campaign: str | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleProgress:
    """How far a sample is: findings drawn, of which judged, and the calls that hold them."""

    items: int
    judged: int
    calls: int


async def create_sample(
    session: AsyncSession, design: SampleDesign, *, created_by: str, now: dt.datetime
) -> ReviewSample:
    """The sample, drawn.

    Raises:
        AppError: `sample-exists` for a name that is taken; `bad-sample` for a period that ends
            before it begins.
    """
    if design.called_to <= design.called_from:
        raise AppError("bad-sample", "抽样的截止时间必须晚于开始时间。请更正。")
    row = ReviewSample(
        id=new_id(),
        name=design.name,
        seed=design.seed,
        called_from=design.called_from,
        called_to=design.called_to,
        team=design.team,
        campaign=design.campaign,
        rules=list(design.rules),
        hits=design.hits,
        non_hits=design.non_hits,
        created_by=created_by,
        drawn_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(row)
            await session.flush()
    except IntegrityError as error:
        raise AppError("sample-exists", f"已有名为“{design.name}”的抽样。请换一个名字。") from error
    await draw(session, row, now)
    await session.refresh(row)
    return row


async def draw(session: AsyncSession, sample: ReviewSample, now: dt.datetime) -> int:
    """Number of findings drawn, in place of what the sample held before.

    Within each rule, rule set version and stratum the findings are put in the order of
    `md5(seed:rule:call)` and the first ones are taken: a simple random sample without
    replacement, the same again for the same calls, and for one more call at most one finding
    different. Rules that do not apply to a call are left out. The calls that were drawn from are
    kept as they are now (`ReviewSampleCall`).
    """
    for table in (ReviewSampleItem, ReviewSampleCall):
        await session.execute(delete(table).where(table.sample_id == sample.id))
    stratum = case((FindingRow.outcome == "hit", "hit"), else_="non_hit")
    pool = (
        select(FindingRow.rule, FindingRow.call_id, FindingRow.ruleset, stratum.label("stratum"))
        .join(Call, Call.id == FindingRow.call_id)
        .where(FindingRow.outcome.in_(_CHECKABLE), *_calls_of(sample))
        .cte("pool")
    )
    # One statement: what is analysed meanwhile is in the population and in the calls, or in none.
    await session.execute(_drawing(sample, pool).add_cte(_keeping(sample, pool)))
    sample.drawn_at = now
    await session.flush()
    return (await progress_of(session, [sample.id]))[sample.id].items


def _drawing(sample: ReviewSample, pool: CTE) -> Insert:
    """The first findings of each rule, rule set version and stratum of the pool, as items."""
    group = (pool.c.rule, pool.c.ruleset, pool.c.stratum)
    key = func.md5(literal(sample.seed) + ":" + pool.c.rule + ":" + cast(pool.c.call_id, Text))
    ranked = select(
        pool,
        func.row_number().over(partition_by=group, order_by=key).label("place"),
        func.count().over(partition_by=group).label("population"),
    ).subquery()
    wanted = case((ranked.c.stratum == "hit", sample.hits), else_=sample.non_hits)
    drawn = func.least(wanted, ranked.c.population)
    columns = ("sample_id", "rule", "call_id", "ruleset", "stratum", "population", "drawn",
               "probability")  # fmt: skip
    chosen = select(
        literal(sample.id),
        ranked.c.rule,
        ranked.c.call_id,
        ranked.c.ruleset,
        ranked.c.stratum,
        ranked.c.population,
        drawn,
        cast(cast(drawn, Numeric) / ranked.c.population, Float),
    ).where(ranked.c.place <= wanted)
    return insert(ReviewSampleItem).from_select(columns, chosen)


def _keeping(sample: ReviewSample, pool: CTE) -> CTE:
    """The calls of the pool, kept with the rules that hit on them."""
    hits = func.jsonb_agg(pool.c.rule).filter(pool.c.stratum == "hit")
    members = select(
        literal(sample.id), pool.c.call_id, pool.c.ruleset, func.coalesce(hits, literal([], JSONB))
    ).group_by(pool.c.call_id, pool.c.ruleset)
    columns = ("sample_id", "call_id", "ruleset", "hits")
    return insert(ReviewSampleCall).from_select(columns, members).cte("kept")


async def list_samples(session: AsyncSession) -> Sequence[ReviewSample]:
    """All samples, newest first."""
    return list(await session.scalars(select(ReviewSample).order_by(ReviewSample.id.desc())))


async def get_sample(session: AsyncSession, sample_id: uuid.UUID) -> ReviewSample:
    """The sample with this id.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(ReviewSample, sample_id)
    if row is None:
        raise AppError("not-found", "没有这个抽样；请从抽样列表里选择。")
    return row


async def progress_of(
    session: AsyncSession, sample_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, SampleProgress]:
    """Sample id -> how far it is; every id is there."""
    item = ReviewSampleItem
    judged = (
        select(FindingVerdict.id)
        .where(
            FindingVerdict.call_id == item.call_id,
            FindingVerdict.rule == item.rule,
            FindingVerdict.ruleset == item.ruleset,
            FindingVerdict.standing.in_(("current", "detached")),
        )
        .exists()
    )
    rows = await session.execute(
        select(
            item.sample_id,
            func.count().label("items"),
            func.count().filter(judged).label("judged"),
            func.count(item.call_id.distinct()).label("calls"),
        )
        .where(item.sample_id.in_(sample_ids))
        .group_by(item.sample_id)
    )
    found = {
        row.sample_id: SampleProgress(items=row.items, judged=row.judged, calls=row.calls)
        for row in rows
    }
    nothing = SampleProgress(items=0, judged=0, calls=0)
    return {identifier: found.get(identifier, nothing) for identifier in sample_ids}


async def sampled_rules(
    session: AsyncSession, call_id: uuid.UUID
) -> Mapping[str, ReviewSampleItem]:
    """Rule id -> why its finding on this call is to be judged; the newest sample counts."""
    rows = await session.scalars(
        select(ReviewSampleItem)
        .where(ReviewSampleItem.call_id == call_id)
        .order_by(ReviewSampleItem.sample_id)
    )
    return {row.rule: row for row in rows}


def _calls_of(sample: ReviewSample) -> list[ColumnElement[bool]]:
    where = CallFilter(
        team=sample.team,
        campaign=sample.campaign,
        started_from=sample.called_from,
        started_to=sample.called_to,
    )
    rules: Any = (
        FindingRow.rule.in_([str(rule) for rule in sample.rules]) if sample.rules else true()
    )
    return [*filter_conditions(where), rules]
