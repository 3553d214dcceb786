"""Blind calibration: several people judge the same findings, and see the others' after it."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Text, and_, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id
from models.access import may_review
from models.tables import (
    Calibration,
    CalibrationItem,
    CalibrationMember,
    CalibrationVerdict,
    FindingRow,
    ReviewSampleItem,
    User,
)

MOST_ITEMS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A rule to judge on one call; `outcome` is what its member said of it so far, or None."""

    calibration_id: uuid.UUID
    calibration_name: str
    position: int
    rule: str
    rule_name: str
    ruleset: str
    outcome: str | None
    comment: str


async def create_calibration(
    session: AsyncSession,
    *,
    name: str,
    members: Sequence[User],
    items: Sequence[tuple[uuid.UUID, str]],
    created_by: str,
) -> Calibration:
    """An open calibration of these (call, rule) pairs, in this order, without repeats.

    Raises:
        AppError: `calibration-exists` for a name that is taken; `bad-calibration` with fewer than
            two people who can judge, without items, or for a pair that is no finding.
    """
    people = {user.id: user for user in members}
    if len(people) < 2 or not all(map(may_review, people.values())):
        raise _bad("请选择至少两位可用的质检员、主管或管理员")
    pairs = list(dict.fromkeys(items))
    if not 1 <= len(pairs) <= MOST_ITEMS:
        raise _bad(f"请选择 1 至 {MOST_ITEMS} 个判定项")
    row = Calibration(id=new_id(), name=name, created_by=created_by)
    try:
        async with session.begin_nested():
            session.add(row)
            await session.flush()
    except IntegrityError as error:
        raise AppError("calibration-exists", f"已有名为“{name}”的校准。请换一个名字。") from error
    session.add_all(CalibrationMember(calibration_id=row.id, user_id=user) for user in people)
    for position, (call_id, rule) in enumerate(pairs):
        session.add(await _item(session, row.id, position, call_id, rule))
    await session.flush()
    await session.refresh(row)
    return row


async def sampled_pairs(
    session: AsyncSession, sample_id: uuid.UUID, limit: int
) -> list[tuple[uuid.UUID, str]]:
    """Up to `limit` (call, rule) pairs of a sample, hits and non-hits of each rule by turns."""
    stratum = ReviewSampleItem.stratum
    place = func.row_number().over(
        partition_by=(ReviewSampleItem.rule, stratum),
        order_by=func.md5(ReviewSampleItem.rule + cast(ReviewSampleItem.call_id, Text)),
    )
    rows = await session.execute(
        select(ReviewSampleItem.call_id, ReviewSampleItem.rule)
        .where(ReviewSampleItem.sample_id == sample_id)
        .order_by(place, ReviewSampleItem.rule, stratum)
        .limit(limit)
    )
    return [(row.call_id, row.rule) for row in rows]


async def get_calibration(session: AsyncSession, calibration_id: uuid.UUID) -> Calibration:
    """The calibration with this id.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(Calibration, calibration_id)
    if row is None:
        raise AppError("not-found", "没有这次校准；请从校准列表里选择。")
    return row


async def list_calibrations(
    session: AsyncSession, member: uuid.UUID | None = None
) -> Sequence[Calibration]:
    """All calibrations (that a user judges in), newest first."""
    query = select(Calibration).order_by(Calibration.id.desc())
    if member is not None:
        query = query.where(
            Calibration.id.in_(
                select(CalibrationMember.calibration_id).where(CalibrationMember.user_id == member)
            )
        )
    return list(await session.scalars(query))


async def open_items(
    session: AsyncSession, call_id: uuid.UUID, member: uuid.UUID | None
) -> Sequence[OpenItem]:
    """What a member has to judge on one call in calibrations that are open, oldest first."""
    own = and_(
        CalibrationVerdict.calibration_id == CalibrationItem.calibration_id,
        CalibrationVerdict.position == CalibrationItem.position,
        CalibrationVerdict.user_id == member,
    )
    rows = await session.execute(
        select(Calibration, CalibrationItem, CalibrationVerdict)
        .join(CalibrationItem, CalibrationItem.calibration_id == Calibration.id)
        .join(CalibrationMember, CalibrationMember.calibration_id == Calibration.id)
        .outerjoin(CalibrationVerdict, own)
        .where(
            Calibration.state == "open",
            CalibrationMember.user_id == member,
            CalibrationItem.call_id == call_id,
        )
        .order_by(Calibration.id, CalibrationItem.position)
    )
    return [
        OpenItem(
            calibration_id=calibration.id,
            calibration_name=calibration.name,
            position=item.position,
            rule=item.rule,
            rule_name=item.rule_name,
            ruleset=item.ruleset,
            outcome=given.outcome if given else None,
            comment=given.comment if given else "",
        )
        for calibration, item, given in rows
    ]


async def members_of(session: AsyncSession, calibration_id: uuid.UUID) -> Sequence[User]:
    """Who judges in a calibration, by name."""
    return list(
        await session.scalars(
            select(User)
            .join(CalibrationMember, CalibrationMember.user_id == User.id)
            .where(CalibrationMember.calibration_id == calibration_id)
            .order_by(User.username)
        )
    )


async def items_of(session: AsyncSession, calibration_id: uuid.UUID) -> Sequence[CalibrationItem]:
    """The findings to judge, in order."""
    return list(
        await session.scalars(
            select(CalibrationItem)
            .where(CalibrationItem.calibration_id == calibration_id)
            .order_by(CalibrationItem.position)
        )
    )


async def verdicts_of(
    session: AsyncSession, calibration: Calibration, viewer: uuid.UUID | None
) -> Mapping[int, Mapping[uuid.UUID, CalibrationVerdict]]:
    """Position -> user -> verdict. While it is open, only the viewer's own, whoever that is."""
    query = select(CalibrationVerdict).where(CalibrationVerdict.calibration_id == calibration.id)
    if calibration.state == "open":
        query = query.where(CalibrationVerdict.user_id == viewer)
    found: dict[int, dict[uuid.UUID, CalibrationVerdict]] = {}
    for row in await session.scalars(query):
        found.setdefault(row.position, {})[row.user_id] = row
    return found


async def progress_of(session: AsyncSession, calibration_id: uuid.UUID) -> Mapping[uuid.UUID, int]:
    """User -> how many items they have judged; nothing of what they said."""
    rows = await session.execute(
        select(CalibrationVerdict.user_id, func.count())
        .where(CalibrationVerdict.calibration_id == calibration_id)
        .group_by(CalibrationVerdict.user_id)
    )
    return {row[0]: row[1] for row in rows}


async def judge_item(
    session: AsyncSession,
    calibration_id: uuid.UUID,
    position: int,
    user_id: uuid.UUID | None,
    outcome: Literal["hit", "clear"],
    comment: str = "",
) -> None:
    """Store what a member says of an item, in place of what they said before.

    Raises:
        AppError: `not-found`; `calibration-closed`; `forbidden` for who is no member.
    """
    row = await _held(session, calibration_id)
    if row.state != "open":
        raise AppError("calibration-closed", "这次校准已经结束，不能再判定。请查看结果。")
    key = {"calibration_id": calibration_id, "user_id": user_id}
    if user_id is None or await session.get(CalibrationMember, key) is None:
        raise AppError("forbidden", "你不在这次校准的名单里。请联系发起人。")
    if await session.get(CalibrationItem, (calibration_id, position)) is None:
        raise AppError("not-found", "没有这个判定项；请刷新后重试。")
    values = {"outcome": outcome, "comment": comment.strip()}
    await session.execute(
        insert(CalibrationVerdict)
        .values(calibration_id=calibration_id, position=position, user_id=user_id, **values)
        .on_conflict_do_update(
            index_elements=["calibration_id", "position", "user_id"],
            set_={**values, "created_at": func.now()},
        )
    )


async def close_calibration(
    session: AsyncSession, calibration_id: uuid.UUID, closed_by: str, now: dt.datetime
) -> Calibration:
    """The calibration, closed: everybody may see everything, nobody may judge any more.

    Raises:
        AppError: `not-found`; `calibration-closed`.
    """
    row = await _held(session, calibration_id)
    if row.state == "closed":
        raise AppError("calibration-closed", "这次校准已经结束。请查看结果。")
    row.state, row.closed_by, row.closed_at = "closed", closed_by, now
    await session.flush()
    return row


async def _held(session: AsyncSession, calibration_id: uuid.UUID) -> Calibration:
    # Judging and closing take turns: no verdict comes in after the others were shown.
    row = await session.scalar(
        select(Calibration)
        .where(Calibration.id == calibration_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise AppError("not-found", "没有这次校准；请从校准列表里选择。")
    return row


async def _item(
    session: AsyncSession, calibration_id: uuid.UUID, position: int, call_id: uuid.UUID, rule: str
) -> CalibrationItem:
    finding = await session.scalar(
        select(FindingRow).where(FindingRow.call_id == call_id, FindingRow.rule == rule)
    )
    if finding is None:
        raise _bad(f"通话 {call_id} 没有规则 {rule} 的质检结果")
    return CalibrationItem(
        calibration_id=calibration_id,
        position=position,
        call_id=call_id,
        rule=rule,
        rule_name=finding.rule_name,
        ruleset=finding.ruleset,
        machine_outcome=finding.outcome,
    )


def _bad(reason: str) -> AppError:
    return AppError("bad-calibration", f"不能这样发起校准：{reason}。")
