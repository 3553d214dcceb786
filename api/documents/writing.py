"""Writing versions: drafts made and edited, published, archived."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status

from api.auth import Admin, Editor
from api.documents.noun import DocumentNoun, name_path, version_path
from api.documents.operations import (
    MAX_DOCUMENT_BYTES,
    Saved,
    archive,
    checked_text,
    publish,
    save_edit,
    save_new,
)
from api.documents.reading import YAML_TYPE
from api.documents.schemas import (
    DraftResult,
    Publication,
    Published,
    VersionSummary,
    issue_of,
    summary,
)
from api.openapi import answers, sends, shows
from api.services import SessionDep
from api.v1.calls.filters import zoned
from api.v1.runs.examples import PUBLICATION, REANALYSIS
from api.v1.runs.schemas import run_summary
from core.errors import AppError


def add_writing(router: APIRouter, noun: DocumentNoun) -> None:
    """The operations on drafts, and those that decide what is in force."""
    _add_drafts(router, noun)
    _add_publishing(router, noun)


def _add_drafts(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)
    body: dict[str, Any] = {
        "requestBody": {
            "required": True,
            "description": "YAML 原文（UTF-8）",
            "content": {YAML_TYPE: {"schema": {"type": "string"}, "example": noun.example.text}},
        }
    }

    @router.post(
        "",
        status_code=status.HTTP_201_CREATED,
        response_model=DraftResult,
        summary=f"新建{noun.title}草稿",
        description=(
            "请求体是 YAML。名称取自文档，版本号自动加一；同时返回检查结果。"
            "extends 引用的模板在保存时展开，之后模板升级不影响已保存的版本。"
            "`dry_run=true` 只检查，不保存。"
        ),
        responses=answers(
            {"version": noun.example.version("draft"), "issues": []},
            status=201,
            description="已保存为草稿",
            errors=[noun.parse_error, "too-large"],
        ),
        openapi_extra=body,
        operation_id=f"create_{noun.kind}_draft",
    )
    async def create_draft(
        request: Request,
        principal: Editor,
        session: SessionDep,
        dry_run: Annotated[
            bool, Query(description="true 时只检查，不保存", **shows(check=False))
        ] = False,
        based_on: Annotated[
            int | None, Query(ge=1, description="从哪个版本改来的", **shows(first=1))
        ] = None,
    ) -> DraftResult:
        text = await _document_text(request)
        saved = await save_new(session, noun, text, principal, based_on=based_on, dry_run=dry_run)
        return draft_result(saved)

    @router.put(
        "/{name}/versions/{version}",
        response_model=DraftResult,
        summary=f"修改{noun.title}草稿",
        description=(
            "请求体是修改后的 YAML，名称不能变。`revision` 是您开始修改时的 revision："
            "别人已经保存过时返回 edit-conflict，不会覆盖。已发布与已归档的版本不能修改。"
        ),
        responses=answers(
            {"version": noun.example.version("draft"), "issues": []},
            errors=[noun.parse_error, "not-found", "not-a-draft", "edit-conflict", "name-changed"],
        ),
        openapi_extra=body,
        operation_id=f"edit_{noun.kind}_draft",
    )
    async def edit_draft(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        request: Request,
        principal: Editor,
        session: SessionDep,
        revision: Annotated[
            int, Query(ge=1, description="开始修改时的 revision", **shows(first=1))
        ],
    ) -> DraftResult:
        text = await _document_text(request)
        return draft_result(
            await save_edit(session, noun, name, version, text, revision, principal)
        )


def _add_publishing(router: APIRouter, noun: DocumentNoun) -> None:
    named = name_path(noun)

    @router.post(
        "/{name}/versions/{version}/publish",
        response_model=Published,
        summary=f"发布{noun.title}",
        description=(
            "之后分析的通话使用这个版本，原来发布的版本归档。请求体可省略：已有结果不变；"
            "带 `history_from` 时，该时间起的历史通话在后台用已存的转写重新分析，"
            "人工复核的结论保留。"
            "已发布的版本不能再修改；再次发布旧版本即为回退。"
        ),
        responses=answers(
            {**noun.example.version(), "reanalysis": REANALYSIS},
            errors=["not-found", "not-publishable", "edit-conflict"],
        ),
        openapi_extra=sends(PUBLICATION, "怎样发布；省略为只用于新通话"),
        operation_id=f"publish_{noun.kind}",
    )
    async def publish_version(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        principal: Admin,
        session: SessionDep,
        how: Publication | None = None,
    ) -> Published:
        wanted = how or Publication(revision=None, history_from=None)
        row, run = await publish(
            session,
            noun,
            name,
            version,
            principal,
            revision=wanted.revision,
            history_from=zoned(wanted.history_from),
        )
        return Published(**summary(row).model_dump(), reanalysis=run_summary(run) if run else None)

    @router.post(
        "/{name}/versions/{version}/archive",
        response_model=VersionSummary,
        summary=f"归档{noun.title}的一个版本",
        description=(
            "草稿归档即放弃；已发布的版本归档后不再使用（管理员）。最后一个已发布的通用版本不能归档。"
        ),
        responses=answers(noun.example.version("archived"), errors=["not-found", "last-published"]),
        operation_id=f"archive_{noun.kind}",
    )
    async def archive_version(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        principal: Editor,
        session: SessionDep,
    ) -> VersionSummary:
        return summary(await archive(session, noun, name, version, principal))


def draft_result(saved: Saved) -> DraftResult:
    """What became of a draft, as it is answered."""
    return DraftResult(
        version=None if saved.version is None else summary(saved.version),
        issues=[issue_of(issue) for issue in saved.issues],
    )


async def _document_text(request: Request) -> str:
    return checked_text(await limited_body(request, MAX_DOCUMENT_BYTES))


async def limited_body(request: Request, limit: int) -> bytes:
    """The whole body of a request.

    Raises:
        AppError: `too-large`.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise AppError(
                "too-large",
                f"文档超过 {limit >> 20} MB，请精简。",
                detail={"limit_bytes": limit},
            )
    return bytes(content)
