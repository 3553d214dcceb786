"""Start, judge, close and read blind calibrations."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Editor, Writer
from api.blinding import blind_among, visible_call
from api.openapi import answers, sends, shows
from api.principal import Principal
from api.services import SessionDep
from api.v1.calibrations.schemas import (
    CALIBRATION_ID,
    CLOSED,
    NEW,
    OPEN,
    OWN_VERDICT,
    SUMMARY,
    AgreementFigures,
    Calibration,
    CalibrationItem,
    CalibrationList,
    CalibrationSummary,
    GivenVerdict,
    NewCalibration,
    OwnVerdict,
    RuleAgreement,
)
from core.errors import AppError
from insights.agreement import Agreement
from insights.calibration import JudgedItem, calibration_result
from models.access import find_user
from models.audit import record
from models.reviews import calibrations
from models.tables import Calibration as CalibrationRow
from models.tables import CalibrationItem as CalibrationItemRow
from models.tables import CalibrationVerdict

router = APIRouter(prefix="/calibrations", tags=["calibrations"])

CalibrationId = Annotated[
    uuid.UUID, Path(description="校准编号", **shows(calibration=CALIBRATION_ID))
]


@router.get(
    "",
    response_model=CalibrationList,
    summary="校准列表",
    description="从新到旧列出校准；质检员只看到自己参加的。",
    responses=answers({"items": [SUMMARY]}),
)
async def list_calibrations(principal: Writer, session: SessionDep) -> CalibrationList:
    """All calibrations, for a reviewer the own ones."""
    own = principal.user_id if principal.role == "reviewer" else None
    rows = await calibrations.list_calibrations(session, own)
    return CalibrationList(items=[await _summary(session, row) for row in rows])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=Calibration,
    summary="发起校准",
    description="几个人各自判定同一批项，互不可见，结束后一起看一致性（主管与管理员）。",
    responses=answers(
        OPEN,
        status=201,
        description="已发起",
        errors=["bad-calibration", "calibration-exists", "not-found"],
    ),
    openapi_extra=sends(NEW),
)
async def create_calibration(
    body: NewCalibration, principal: Editor, session: SessionDep
) -> Calibration:
    """Start a calibration."""
    members = []
    for username in body.members:
        user = await find_user(session, username)
        if user is None:
            raise AppError("bad-calibration", f"没有用户 {username}。请从用户列表里选择。")
        members.append(user)
    pairs = [(item.call_id, item.rule) for item in body.items]
    if not pairs and body.sample_id is not None:
        pairs = await calibrations.sampled_pairs(session, body.sample_id, body.limit)
    for call_id in {call_id for call_id, _ in pairs}:
        await visible_call(session, principal, call_id)
    row = await calibrations.create_calibration(
        session, name=body.name, members=members, items=pairs, created_by=principal.username
    )
    record(
        session, principal.actor, "calibration.opened", "calibration", row.id,
        after={"name": row.name, "members": body.members, "items": len(set(pairs))},
    )  # fmt: skip
    return await calibration_detail(session, principal, row)


@router.get(
    "/{calibration_id}",
    response_model=Calibration,
    summary="一次校准",
    description="进行中只返回自己的判定；结束后返回全部判定、机器结论、一致性与 κ。",
    responses=answers(CLOSED, errors=["not-found"]),
)
async def read_calibration(
    calibration_id: CalibrationId, principal: Writer, session: SessionDep
) -> Calibration:
    """One calibration as this person may see it."""
    row = await visible_calibration(session, principal, calibration_id)
    return await calibration_detail(session, principal, row)


@router.put(
    "/{calibration_id}/verdicts/{position}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="判定一项",
    description="保存自己对一项的判定，结束之前可以改。",
    responses=answers(status=204, description="已保存", errors=["not-found", "calibration-closed"]),
    openapi_extra=sends(OWN_VERDICT),
)
async def judge_item(
    calibration_id: CalibrationId,
    position: Annotated[int, Path(ge=0, le=10_000, description="项的序号", **shows(first=0))],
    body: OwnVerdict,
    principal: Writer,
    session: SessionDep,
) -> Response:
    """Store the own verdict on one item."""
    await calibrations.judge_item(
        session, calibration_id, position, principal.user_id, body.outcome, body.comment
    )
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/{calibration_id}/closing",
    response_model=Calibration,
    summary="结束校准",
    description="此后不能再判定，人人可见全部判定与一致性（主管与管理员）。",
    responses=answers(CLOSED, errors=["not-found", "calibration-closed"]),
)
async def close_calibration(
    calibration_id: CalibrationId, principal: Editor, session: SessionDep
) -> Calibration:
    """Close a calibration and see its results."""
    row = await calibrations.close_calibration(
        session, calibration_id, principal.username, dt.datetime.now(dt.UTC)
    )
    record(
        session, principal.actor, "calibration.closed", "calibration", row.id,
        before={"state": "open"}, after={"state": "closed"},
    )  # fmt: skip
    return await calibration_detail(session, principal, row)


async def visible_calibration(
    session: AsyncSession, principal: Principal, calibration_id: uuid.UUID
) -> CalibrationRow:
    """The calibration, if this person may see it: managers, administrators, and its members.

    Raises:
        AppError: `not-found` otherwise, so that nobody learns which ids exist.
    """
    row = await calibrations.get_calibration(session, calibration_id)
    members = {user.id for user in await calibrations.members_of(session, row.id)}
    if principal.role == "reviewer" and principal.user_id not in members:
        raise AppError("not-found", "没有这次校准；请从校准列表里选择。")
    return row


async def calibration_detail(
    session: AsyncSession, principal: Principal, row: CalibrationRow
) -> Calibration:
    """The calibration as this person may see it: blind while it is open."""
    names = {user.id: user.username for user in await calibrations.members_of(session, row.id)}
    items = await calibrations.items_of(session, row.id)
    verdicts = await calibrations.verdicts_of(session, row, principal.user_id)
    is_closed = row.state == "closed"
    # A call of this one may be in another calibration that is still open.
    blind = await blind_among(session, principal, {item.call_id for item in items})
    result = calibration_result(
        [
            JudgedItem(
                rule=item.rule,
                machine=item.machine_outcome,
                verdicts={
                    names[user]: given.outcome
                    for user, given in verdicts.get(item.position, {}).items()
                },
            )
            for item in items
        ]
    )
    titles = {item.rule: item.rule_name for item in items}

    def is_shown(item: CalibrationItemRow) -> bool:
        return is_closed and item.call_id not in blind

    entries = [
        CalibrationItem(
            position=item.position,
            call_id=item.call_id,
            rule=item.rule,
            rule_name=item.rule_name,
            ruleset=item.ruleset,
            mine=_mine(verdicts.get(item.position, {}), principal),
            machine_outcome=item.machine_outcome if is_shown(item) else None,
            verdicts=_all(verdicts.get(item.position, {}), names) if is_shown(item) else [],
        )
        for item in items
    ]
    summary = await _summary(session, row)
    return Calibration(
        **summary.model_dump(),
        entries=entries,
        overall=AgreementFigures(**_figures(result.overall)) if is_closed else None,
        rules=[
            RuleAgreement(rule=rule, rule_name=titles[rule], **_figures(found))
            for rule, found in result.by_rule.items()
        ]
        if is_closed
        else None,
        human_machine_kappa=result.human_machine if is_closed else None,
    )


async def _summary(session: AsyncSession, row: CalibrationRow) -> CalibrationSummary:
    progress = await calibrations.progress_of(session, row.id)
    members = await calibrations.members_of(session, row.id)
    state: Literal["open", "closed"] = "closed" if row.state == "closed" else "open"
    return CalibrationSummary(
        id=row.id,
        name=row.name,
        state=state,
        created_by=row.created_by,
        created_at=row.created_at,
        closed_by=row.closed_by or None,
        closed_at=row.closed_at,
        items=len(await calibrations.items_of(session, row.id)),
        progress={user.username: progress.get(user.id, 0) for user in members},
    )


def _figures(found: Agreement) -> dict[str, int | float | None]:
    return {"items": found.items, "agreement": found.agreement, "kappa": found.kappa}


def _mine(
    given: Mapping[uuid.UUID, CalibrationVerdict], principal: Principal
) -> GivenVerdict | None:
    own = given.get(principal.user_id)
    return None if own is None else _verdict(own, principal.username)


def _all(
    given: Mapping[uuid.UUID, CalibrationVerdict], names: Mapping[uuid.UUID, str]
) -> list[GivenVerdict]:
    found = [_verdict(row, names[user]) for user, row in given.items()]
    return sorted(found, key=lambda verdict: verdict.by)


def _verdict(row: CalibrationVerdict, name: str) -> GivenVerdict:
    return GivenVerdict(
        by=name, outcome="hit" if row.outcome == "hit" else "clear", comment=row.comment
    )
