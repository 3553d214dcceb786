"""Calls: adding them once, finding them again, and moving them through their states."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from core.ids import new_id, sha256_text
from models.paging import Page, decode_cursor, encode_cursor
from models.reviews.blinding import calls_judged_blind
from models.tables import (
    Call,
    CallAudio,
    CallContent,
    CallIdentity,
    EventHitRow,
    FindingRow,
    SopStateRow,
    UtteranceRow,
)

CallStage = Literal["transcribe", "analyze"]
# What people may change after the upload; everything else is ours.
METADATA_COLUMNS = (
    "domain", "agent", "team", "campaign", "customer_id", "lead_source", "direction",
    "disposition", "started_at", "ring_s", "talk_s", "fields",
)  # fmt: skip
_RUNNING_STATE: dict[CallStage, str] = {"transcribe": "transcribing", "analyze": "analyzing"}
_ENTRY_STATES: dict[CallStage, tuple[str, ...]] = {
    "transcribe": ("received", "transcribing"),
    "analyze": ("analyzing",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPart:
    """One stored file of a call, in channel order."""

    sha256: str
    blob_key: str
    file_name: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call as it comes in. `metadata` holds values of METADATA_COLUMNS; `parts` 1 or 2 files."""

    source: str = "upload"
    external_id: str | None = None
    file_name: str = ""
    roles: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[AudioPart, ...] = ()

    @property
    def content_sha256(self) -> str | None:
        """The file's hash, for a pair the hash of both in order; None without audio."""
        if not self.parts:
            return None
        if len(self.parts) == 1:
            return self.parts[0].sha256
        return sha256_text(":".join(part.sha256 for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls to list; every given limit must hold. None = no limit.

    Times compare with `called_at`, from inclusive, to exclusive. `rule` = calls where that rule
    (id or name) hit. `node` = calls with a hit at that path or below it. `node_state` =
    (path, SOP state). `q` = text in an utterance, the file name, the external or customer id.
    `teams` and `own_agent` limit what a reader may see, beside the filters they chose.

    `reader` is who reads: of calls that they judge blind no result may decide anything. Filters on
    results (score, rule, event, SOP state) do not match those calls; with `reads_results`, when
    what was found in the calls is read or summed up, they are left out altogether.
    """

    agent: str | None = None
    team: str | None = None
    campaign: str | None = None
    state: str | None = None
    domain: str | None = None
    direction: str | None = None
    disposition: str | None = None
    lead_source: str | None = None
    external_id: str | None = None
    started_from: dt.datetime | None = None
    started_to: dt.datetime | None = None
    score_min: float | None = None
    score_max: float | None = None
    passed: bool | None = None
    rule: str | None = None
    node: str | None = None
    node_state: tuple[str, str] | None = None
    q: str | None = None
    teams: tuple[str, ...] | None = None
    own_agent: str | None = None
    reader: uuid.UUID | None = None
    reads_results: bool = False

    @property
    def asks_for_results(self) -> bool:
        """Whether a limit is on what was found in the calls."""
        found = (self.score_min, self.score_max, self.passed, self.rule, self.node, self.node_state)
        return any(limit is not None for limit in found)


async def add_call(session: AsyncSession, call: NewCall) -> tuple[Call, bool]:
    """The stored call, and whether it is new: the same call twice is one row.

    A call is the same when its (source, external id) is known; or, when either side carries no
    external id, when its content is. So one recording under two external ids is two calls (the
    sender says that they differ), and a recording that was first uploaded by hand and then sent
    by a platform is one, which takes over the platform's id. Concurrent callers with the same
    call wait for each other's transaction; exactly one of them creates the row.
    """
    _refuse_nul(call)
    if call.external_id is not None:
        known = await _by_identity(session, call.source, call.external_id)
        if known is not None:
            return known, False
    digest = call.content_sha256
    try:
        async with session.begin_nested():
            same = None if digest is None else await _by_content(session, digest)
            if same is not None and await _is_same(session, same, call):
                return same, False
            row = await _insert(session, call)
            claimed = await _claim(session, row, digest)
            if not claimed:
                raise _LostRaceError
    except _LostRaceError:
        # The winner has committed: what could not be inserted can be read now.
        return await add_call(session, call)
    return row, True


class _LostRaceError(Exception):
    """Another transaction stored the same call first."""


async def get_call(session: AsyncSession, call_id: uuid.UUID) -> Call:
    """The call with this id.

    Raises:
        AppError: `not-found`.
    """
    row = await session.get(Call, call_id)
    if row is None:
        raise AppError("not-found", f"没有通话 {call_id}。请检查编号。")
    return row


async def call_audio(session: AsyncSession, call_id: uuid.UUID) -> tuple[CallAudio, ...]:
    """The stored files of a call by position; empty for a call without audio."""
    rows = await session.scalars(
        select(CallAudio).where(CallAudio.call_id == call_id).order_by(CallAudio.position)
    )
    return tuple(rows)


async def list_calls(
    session: AsyncSession,
    where: CallFilter | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Call]:
    """One page of calls, newest received first.

    Raises:
        AppError: `bad-cursor`.
    """
    query = select(Call).where(*filter_conditions(where or CallFilter()))
    if cursor is not None:
        query = query.where(Call.id < decode_cursor(cursor))
    rows = list(await session.scalars(query.order_by(Call.id.desc()).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(tuple(rows), encode_cursor(rows[-1].id) if more else None)


def filter_conditions(where: CallFilter) -> list[ColumnElement[bool]]:
    """The filter as SQL conditions on `Call`, to be joined by AND."""
    equal = (
        "agent", "team", "campaign", "state", "domain", "direction", "disposition",
        "lead_source", "external_id", "passed",
    )  # fmt: skip
    conditions: list[ColumnElement[bool]] = [
        getattr(Call, name) == getattr(where, name)
        for name in equal
        if getattr(where, name) is not None
    ]
    if where.started_from is not None:
        conditions.append(Call.called_at >= where.started_from)
    if where.started_to is not None:
        conditions.append(Call.called_at < where.started_to)
    if where.score_min is not None:
        conditions.append(Call.score >= where.score_min)
    if where.score_max is not None:
        conditions.append(Call.score <= where.score_max)
    if where.teams is not None:
        conditions.append(Call.team.in_(where.teams))
    if where.own_agent is not None:
        conditions.append(Call.agent == where.own_agent)
    if where.reader is not None and (where.reads_results or where.asks_for_results):
        conditions.append(Call.id.not_in(calls_judged_blind(where.reader)))
    return [*conditions, *_result_conditions(where)]


async def start_stage(
    session: AsyncSession, call_id: uuid.UUID, stage: CallStage
) -> tuple[Call, uuid.UUID] | None:
    """The call and the token of this try, with the try counted; None if the stage is not due.

    A later try takes the token away from an earlier one, so that only one can write results.
    """
    token = new_id()
    started = f"{stage}_started_at"
    row = await session.scalar(
        update(Call)
        .where(Call.id == call_id, Call.state.in_(_ENTRY_STATES[stage]))
        .values(
            state=_RUNNING_STATE[stage],
            attempts=Call.attempts + 1,
            stage_token=token,
            **{started: func.now()},
        )
        .returning(Call)
        .execution_options(populate_existing=True)
    )
    return None if row is None else (row, token)


async def hold_stage(
    session: AsyncSession, call_id: uuid.UUID, stage: CallStage, token: uuid.UUID
) -> Call | None:
    """The call, locked until the transaction ends; None when this try is no longer the one."""
    return await session.scalar(
        select(Call)
        .where(Call.id == call_id, Call.state == _RUNNING_STATE[stage], Call.stage_token == token)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _result_conditions(where: CallFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.rule is not None:
        rule = or_(FindingRow.rule == where.rule, FindingRow.rule_name == where.rule)
        conditions.append(
            exists().where(FindingRow.call_id == Call.id, rule, FindingRow.outcome == "hit")
        )
    if where.node is not None:
        below = EventHitRow.node.startswith(f"{where.node}/", autoescape=True)
        node = or_(EventHitRow.node == where.node, below)
        conditions.append(exists().where(EventHitRow.call_id == Call.id, node))
    if where.node_state is not None:
        path, state = where.node_state
        conditions.append(
            exists().where(
                SopStateRow.call_id == Call.id, SopStateRow.node == path, SopStateRow.state == state
            )
        )
    if where.q:
        said = exists().where(
            UtteranceRow.call_id == Call.id,
            or_(_contains(UtteranceRow.text, where.q), _contains(UtteranceRow.normalised, where.q)),
        )
        named = [
            _contains(column, where.q)
            for column in (Call.file_name, Call.external_id, Call.customer_id)
        ]
        conditions.append(or_(said, *named))
    return conditions


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.icontains(text, autoescape=True)
    return found


async def _by_identity(session: AsyncSession, source: str, external_id: str) -> Call | None:
    return await session.scalar(
        select(Call)
        .join(CallIdentity, CallIdentity.call_id == Call.id)
        .where(CallIdentity.source == source, CallIdentity.external_id == external_id)
    )


async def _by_content(session: AsyncSession, digest: str) -> Call | None:
    # Later calls with the same content and their own external id are not in CallContent: the
    # first one stands for the content.
    return await session.scalar(
        select(Call)
        .join(CallContent, CallContent.call_id == Call.id)
        .where(CallContent.sha256 == digest)
    )


async def _is_same(session: AsyncSession, stored: Call, call: NewCall) -> bool:
    if call.external_id is None:
        return True
    # The stored one may lack an id that this sender now gives; only one sender can give it.
    taken = await session.execute(
        update(Call)
        .where(Call.id == stored.id, Call.external_id.is_(None))
        .values(source=call.source, external_id=call.external_id)
        .returning(Call.id)
    )
    if taken.scalar() is None:
        return False
    owned = await session.execute(
        insert(CallIdentity)
        .values(source=call.source, external_id=call.external_id, call_id=stored.id)
        .on_conflict_do_nothing()
        .returning(CallIdentity.call_id)
    )
    if owned.scalar() is None:
        raise _LostRaceError
    await session.refresh(stored)
    return True


def _refuse_nul(call: NewCall) -> None:
    given = (call.source, call.external_id, call.file_name, dict(call.metadata))
    if "\\u0000" in json.dumps(given, default=str):
        # PostgreSQL cannot store it, and no recorder means it.
        raise AppError("bad-metadata", "通话信息里含有 NUL 字符。请去掉后重新提交。")


async def _insert(session: AsyncSession, call: NewCall) -> Call:
    unknown = set(call.metadata) - set(METADATA_COLUMNS)
    if unknown:
        raise AppError(
            "bad-metadata",
            f"不认识的通话字段：{'、'.join(sorted(unknown))}。自定义内容请放进 fields。",
        )
    row = Call(
        id=new_id(),
        source=call.source,
        external_id=call.external_id,
        file_name=call.file_name,
        roles=list(call.roles),
        **call.metadata,
    )
    session.add(row)
    await session.flush()
    session.add_all(
        CallAudio(
            call_id=row.id,
            position=position,
            sha256=part.sha256,
            blob_key=part.blob_key,
            file_name=part.file_name,
            size_bytes=part.size_bytes,
            media_type=part.media_type,
        )
        for position, part in enumerate(call.parts)
    )
    await session.flush()
    return row


async def _claim(session: AsyncSession, row: Call, digest: str | None) -> bool:
    """Whether the new row may stay: it owns its identity, or else its content."""
    if row.external_id is not None:
        won = await session.execute(
            insert(CallIdentity)
            .values(source=row.source, external_id=row.external_id, call_id=row.id)
            .on_conflict_do_nothing()
            .returning(CallIdentity.call_id)
        )
        if won.scalar() is None:
            return False
    if digest is None:
        return True
    owned = await session.execute(
        insert(CallContent)
        .values(sha256=digest, call_id=row.id)
        .on_conflict_do_nothing()
        .returning(CallContent.call_id)
    )
    if owned.scalar() is not None:
        return True
    if row.external_id is None:
        return False
    # Content is known. Fine if its call has an external id of its own; otherwise that call and
    # this one are the same, and the next round finds it.
    holder = await _by_content(session, digest)
    return holder is not None and holder.external_id is not None
