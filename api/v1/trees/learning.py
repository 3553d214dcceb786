"""What a tree can learn: figures of its nodes, proposals from corrections, and heads."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from api.auth import Editor, Reader
from api.documents import DocumentNoun
from api.documents.noun import missing, name_path, stored_version, version_path
from api.documents.schemas import VersionSummary, summary
from api.openapi import answers, sends, shows
from api.services import SessionDep
from api.v1.trees import learning_schemas as shapes
from api.v1.trees.drafting import (
    draft_from_proposals,
    link_act,
    open_proposals,
    start_learning,
    start_measuring,
)
from core.ids import sha256_text
from models.corrections import count_corrections
from models.heads import accept_head, list_heads, load_figures, retire_head
from models.versions import list_versions


def add_learning(router: APIRouter, noun: DocumentNoun) -> None:
    """The operations on figures, proposals and heads of trees."""
    _add_figures(router, noun)
    _add_proposals(router, noun)
    _add_heads(router, noun)


def _add_figures(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)

    @router.get(
        "/{name}/versions/{version}/nodes",
        response_model=shapes.NodeReport,
        summary="节点的阈值与预期",
        description=(
            "每个有例句的节点：自动或手写的阈值、预期的精确率与召回率、看起来对应的内置事件。"
            "state 为 missing 时先用 POST 同一地址测算。"
        ),
        responses=answers(shapes.NODE_REPORT, errors=["not-found"]),
        operation_id="read_tree_nodes",
    )
    async def read_nodes(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        _principal: Reader,
        session: SessionDep,
    ) -> shapes.NodeReport:
        row = await stored_version(session, noun, name, version)
        return shapes.node_report(await load_figures(session, sha256_text(row.document)))

    @router.post(
        "/{name}/versions/{version}/nodes",
        status_code=status.HTTP_202_ACCEPTED,
        response_model=shapes.NodeReport,
        summary="测算节点的阈值与预期",
        description="通常几秒；结果用 GET 同一地址读取。内容相同的版本共用一份结果。",
        responses=answers(
            {"state": "measuring", "reason": "", "nodes": []},
            status=202,
            description="已排队或已有结果",
            errors=["not-found"],
        ),
        operation_id="measure_tree_nodes",
    )
    async def measure_nodes(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        _principal: Editor,
        session: SessionDep,
    ) -> shapes.NodeReport:
        row = await stored_version(session, noun, name, version)
        return shapes.node_report(await start_measuring(session, row.document))

    @router.post(
        "/{name}/versions/{version}/acts",
        status_code=status.HTTP_201_CREATED,
        response_model=VersionSummary,
        summary="接受内置事件的建议",
        description=(
            "给节点写上 act。版本是草稿就改这个草稿，否则从它新建草稿；发布之前不影响任何结果。"
        ),
        responses=answers(
            noun.example.version("draft"),
            status=201,
            description="草稿已改好",
            errors=["not-found", "bad-tree"],
        ),
        openapi_extra=sends(shapes.LINK),
        operation_id="link_tree_act",
    )
    async def link(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        body: shapes.ActLink,
        principal: Editor,
        session: SessionDep,
    ) -> VersionSummary:
        row = await stored_version(session, noun, name, version)
        return summary(await link_act(session, row, body.key, body.act, principal.actor))


def _add_proposals(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)

    @router.get(
        "/{name}/proposals",
        response_model=shapes.ProposalList,
        summary="更正带来的例句建议",
        description="补记的句子建议为例句，推翻的命中建议为反例；已有的、太长的、有争议的不列。",
        responses=answers(shapes.PROPOSALS, errors=["not-found"]),
        operation_id="read_tree_proposals",
    )
    async def read_proposals(
        name: Annotated[str, named], principal: Editor, session: SessionDep
    ) -> shapes.ProposalList:
        version, found = await open_proposals(session, noun, name, principal.user_id)
        return shapes.proposal_list(version.version, found)

    @router.post(
        "/{name}/proposals",
        status_code=status.HTTP_201_CREATED,
        response_model=VersionSummary,
        summary="把建议加入新草稿",
        description="从正在使用的版本新建草稿，加入所选的句子；不选就全部加入。",
        responses=answers(
            noun.example.version("draft"),
            status=201,
            description="草稿已建好",
            errors=["not-found", "no-proposals"],
        ),
        openapi_extra=sends({"ids": []}),
        operation_id="take_tree_proposals",
    )
    async def take_proposals(
        name: Annotated[str, named],
        body: shapes.ProposalChoice,
        principal: Editor,
        session: SessionDep,
    ) -> VersionSummary:
        chosen = {str(item) for item in body.ids}
        return summary(await draft_from_proposals(session, noun, name, chosen, principal.actor))


def _add_heads(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)
    number_path = Path(ge=1, le=2**31 - 1, description="第几个学习结果", **shows(first=1))

    @router.get(
        "/{name}/heads",
        response_model=shapes.HeadList,
        summary="一棵树的学习结果",
        description="从更正学到的权重，最新的在前，附回测数字；rejected 的也保留，说明为什么。",
        responses=answers(shapes.HEADS, errors=["not-found"]),
        operation_id="read_tree_heads",
    )
    async def read_heads(
        name: Annotated[str, named], _principal: Reader, session: SessionDep
    ) -> shapes.HeadList:
        if not await list_versions(session, "tree", name):
            raise missing(noun)
        return shapes.HeadList(
            corrections=dict(await count_corrections(session, name)),
            items=[shapes.head_of(row) for row in await list_heads(session, name)],
        )

    @router.post(
        "/{name}/heads",
        status_code=status.HTTP_202_ACCEPTED,
        response_model=shapes.Head,
        summary="从更正学习",
        description=(
            "排队学习并回测；有改善才会成为 offered，等待启用。每天夜里也会自动学习一次。"
        ),
        responses=answers(shapes.FITTING, status=202, description="已排队", errors=["not-found"]),
        operation_id="learn_tree",
    )
    async def learn(
        name: Annotated[str, named], principal: Editor, session: SessionDep
    ) -> shapes.Head:
        if not await list_versions(session, "tree", name):
            raise missing(noun)
        return shapes.head_of(await start_learning(session, name, principal.actor))

    @router.post(
        "/{name}/heads/{number}/accept",
        response_model=shapes.Head,
        summary="启用学习结果",
        description="之后的分析使用它；启用以前停用过的那一个即为回退。已有结果不变。",
        responses=answers(shapes.HEAD, errors=["not-found", "head-not-offered"]),
        operation_id="accept_tree_head",
    )
    async def accept(
        name: Annotated[str, named],
        number: Annotated[int, number_path],
        principal: Editor,
        session: SessionDep,
    ) -> shapes.Head:
        return shapes.head_of(await accept_head(session, name, number, principal.actor))

    @router.post(
        "/{name}/heads/retire",
        response_model=shapes.Head,
        summary="停用学习结果",
        description="这棵树回到没有学习的状态；停用的结果可以再启用。",
        responses=answers({**shapes.HEAD, "state": "retired"}, errors=["not-found"]),
        operation_id="retire_tree_head",
    )
    async def retire(
        name: Annotated[str, named], principal: Editor, session: SessionDep
    ) -> shapes.Head:
        return shapes.head_of(await retire_head(session, name, principal.actor))
