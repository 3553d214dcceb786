"""Read the accuracy ledger, and put its figures to use."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from api.auth import Admin, Reader, Writer
from api.openapi import answers, sends, shows
from api.services import SessionDep
from api.v1.accuracy.filters import LedgerChoiceDep, ledger_calls
from api.v1.accuracy.schemas import (
    COVERAGE,
    LEDGER,
    NEW_SNAPSHOT,
    SNAPSHOT,
    AccuracyLedger,
    CoverageFigures,
    NewSnapshot,
    Snapshot,
    SnapshotList,
    coverage_of,
    ledger_of,
)
from api.v1.calls.filters import CallFilterDep
from insights.ledger import accuracy_ledger, precision_figures
from insights.qa_figures import qa_figures
from models.audit import record
from models.calls import CallFilter
from models.reviews.accuracy import accuracies_in_use, freeze_accuracy, list_snapshots
from models.tables import AccuracySnapshot

router = APIRouter(prefix="/accuracy", tags=["accuracy"])


@router.get(
    "",
    response_model=AccuracyLedger,
    summary="准确率账本",
    description=(
        "每条规则的精确率与召回率（人工判定，95% 区间）、人–人与人–机 κ。"
        "不写条件时为全部通话，人人可看；"
        "可只看某个团队、活动、时段：主管要写明自己的团队，坐席不能筛选。"
        "规则内容没变的版本合并计算；重叠的抽样里同一判定只计一次；自己正在盲评的通话暂不计入。"
    ),
    responses=answers(LEDGER, errors=["out-of-scope"]),
)
async def read_ledger(
    principal: Reader,
    session: SessionDep,
    chosen: LedgerChoiceDep,
    ruleset: Annotated[
        str | None,
        Query(description="只看这个规则集", max_length=200, **shows(name="edu-telesales")),
    ] = None,
    rule: Annotated[
        str | None, Query(description="只看这条规则", max_length=200, **shows(rule="overpromise"))
    ] = None,
) -> AccuracyLedger:
    """The ledger: open to everybody, agents too, who are judged by these rules."""
    where = ledger_calls(principal, chosen)
    ledger = await accuracy_ledger(session, ruleset=ruleset, rule=rule, where=where)
    in_use = await accuracies_in_use(session)
    return ledger_of(ledger, in_use.of(chosen.team).reference)


@router.get(
    "/coverage",
    response_model=CoverageFigures,
    summary="质检覆盖",
    description="质检覆盖率、人工复核率、申诉率与申诉成功率；条件与通话列表相同。",
    responses=answers(COVERAGE),
)
async def read_coverage(
    principal: Reader, session: SessionDep, where: CallFilterDep
) -> CoverageFigures:
    """Coverage of the calls within the reader's scope."""
    return coverage_of(await qa_figures(session, principal.call_scope.narrow_results(where)))


@router.get(
    "/snapshots",
    response_model=SnapshotList,
    summary="快照列表",
    description="从新到旧列出冻结的账本；评分采用最新的一份。",
    responses=answers({"items": [SNAPSHOT]}),
)
async def read_snapshots(_principal: Writer, session: SessionDep) -> SnapshotList:
    """All snapshots."""
    return SnapshotList(items=[_snapshot(row) for row in await list_snapshots(session)])


@router.post(
    "/snapshots",
    status_code=status.HTTP_201_CREATED,
    response_model=Snapshot,
    summary="采用当前账本",
    description=(
        "冻结当前账本供评分采用（管理员）：此后分析的通话里，"
        "精确率低于 min_precision 的规则只提示不扣分。写了 team 就只用于这个团队的通话，"
        "用该团队自己的判定；本团队判定不足的规则仍用全部通话的数字。同时有两种快照时，较新的一份有效。"
        "已有得分不变，重新分析后才变；每个得分都写明采用的快照。"
    ),
    responses=answers(SNAPSHOT, status=201, description="已采用"),
    openapi_extra=sends(NEW_SNAPSHOT, "不写 team 则用于全部通话"),
)
async def freeze(
    principal: Admin, session: SessionDep, body: NewSnapshot | None = None
) -> Snapshot:
    """Freeze the ledger's figures and use them from now on."""
    team = body.team if body is not None else None
    before = (await accuracies_in_use(session)).of(team).reference
    figures = precision_figures(await accuracy_ledger(session))
    if team is not None:
        own = precision_figures(await accuracy_ledger(session, where=CallFilter(team=team)))
        figures |= {key: figure for key, figure in own.items() if figure.enough}
    row = await freeze_accuracy(session, figures, principal.username, team)
    record(
        session, principal.actor, "accuracy.frozen", "accuracy", row.version,
        before={"in_use": before},
        after={"in_use": f"accuracy@{row.version}", "team": team},
    )  # fmt: skip
    return _snapshot(row)


def _snapshot(row: AccuracySnapshot) -> Snapshot:
    return Snapshot(
        reference=f"accuracy@{row.version}",
        team=row.team,
        created_by=row.created_by,
        created_at=row.created_at,
        rules=len(row.document),
    )
