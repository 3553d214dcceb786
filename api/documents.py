"""Versioned documents over REST: one mechanism for key-event trees and rule sets.

A document is YAML that people write. Sending one makes a draft with the next version number of
its name; publishing a version makes it the one that calls are analysed with. No operation
changes a stored version, so a published one is immutable.
"""

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Literal, cast

import yaml
from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Admin, Editor, Reader
from api.openapi import answers, shows
from api.services import SessionDep
from core.errors import AppError, LintIssue
from models import versions
from models.versions import DocumentKind, Version

MAX_DOCUMENT_BYTES = 4 << 20
YAML_TYPE = "application/yaml"


@dataclass(frozen=True, slots=True)
class Outline:
    """What a document says about itself: its name and the domain of the calls it is for.

    `complete` is the document to keep: as it was sent, but with a pack that it extends written
    out, because a stored version must not change when a new release changes the pack.
    """

    name: str
    domain: str
    complete: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentNoun:
    """One kind of document: its words, its parser, its linter, its examples.

    `outline` raises AppError with line and column for a document that does not parse; `lint`
    tells what is wrong or doubtful in one that does, and may look up other documents.
    """

    kind: DocumentKind
    path: str
    title: str
    parse_error: str
    outline: Callable[[str], Outline]
    lint: Callable[[AsyncSession, str], Awaitable[Sequence[LintIssue]]]
    example: "DocumentExample"


@dataclass(frozen=True, slots=True)
class DocumentExample:
    """A small valid document for the API's documentation."""

    name: str
    domain: str
    text: str

    @property
    def stored(self) -> str:
        """The document as it is kept, in short: packs are written out, not referred to."""
        lines = self.text.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("extends:"))

    def version(self, state: str = "published") -> dict[str, Any]:
        """A `VersionSummary` of it."""
        return {
            "name": self.name,
            "version": 2,
            "domain": self.domain,
            "state": state,
            "origin": "user",
            "created_at": "2025-01-06T09:30:00Z",
            "created_by": "admin",
            "published_at": "2025-01-06T10:00:00Z" if state == "published" else None,
        }


class Issue(BaseModel):
    """One finding of the linter."""

    severity: Literal["error", "warning"] = Field(description="error 不能发布，warning 可以")
    code: str
    message: str
    fix: str = Field(description="如何修改")
    line: int = Field(description="行号（从 1 开始，0 表示整个文档）")
    column: int


class VersionSummary(BaseModel):
    """One version without its text."""

    name: str
    version: int
    domain: str = Field(description="适用的业务领域")
    state: Literal["draft", "published", "archived"] = Field(
        description="draft 草稿 → published 已发布 → archived 已被取代"
    )
    origin: str = Field(description="pack 随产品提供，user 自己创建")
    created_at: dt.datetime
    created_by: str
    published_at: dt.datetime | None


class DocumentSummary(BaseModel):
    """All versions of one name, in short."""

    name: str
    domain: str
    published_version: int | None = Field(description="正在使用的版本")
    latest_version: int
    versions: int = Field(description="版本数")


class DocumentList(BaseModel):
    """Every document of the kind, by name."""

    items: list[DocumentSummary]


class DocumentVersions(BaseModel):
    """The versions of one name, newest first."""

    name: str
    versions: list[VersionSummary]


class DocumentVersion(VersionSummary):
    """One version with its text."""

    document: str = Field(description="YAML 原文")
    content: dict[str, Any] = Field(description="同一文档的 JSON 形式")


class DraftResult(BaseModel):
    """What became of a draft."""

    version: VersionSummary | None = Field(description="新草稿；dry_run 时为 null")
    issues: list[Issue] = Field(description="检查结果；有 error 时不能发布")


def document_router(noun: DocumentNoun) -> APIRouter:
    """The operations on one kind of document."""
    router = APIRouter(prefix=f"/{noun.path}", tags=[noun.path])
    _add_reading(router, noun)
    _add_writing(router, noun)
    return router


def _name_path(noun: DocumentNoun) -> Any:
    return Path(description="名称", max_length=200, **shows(name=noun.example.name))


def _add_reading(router: APIRouter, noun: DocumentNoun) -> None:
    listed = {
        "name": noun.example.name,
        "domain": noun.example.domain,
        "published_version": 2,
        "latest_version": 2,
        "versions": 2,
    }
    name_path = _name_path(noun)

    @router.get(
        "",
        response_model=DocumentList,
        summary=f"{noun.title}列表",
        description=f"列出全部{noun.title}，以及各自正在使用的版本。",
        responses=answers({"items": [listed]}),
        operation_id=f"list_{noun.kind}s",
    )
    async def list_documents(_principal: Reader, session: SessionDep) -> DocumentList:
        rows = await versions.list_versions(session, noun.kind)
        return DocumentList(items=list(_summaries(rows)))

    @router.get(
        "/{name}",
        response_model=DocumentVersions,
        summary=f"{noun.title}的版本",
        description="从新到旧列出一个名称下的全部版本。",
        responses=answers(
            {"name": noun.example.name, "versions": [noun.example.version()]},
            errors=["not-found"],
        ),
        operation_id=f"list_{noun.kind}_versions",
    )
    async def list_document_versions(
        name: Annotated[str, name_path], _principal: Reader, session: SessionDep
    ) -> DocumentVersions:
        rows = await versions.list_versions(session, noun.kind, name)
        if not rows:
            raise _missing(noun)
        return DocumentVersions(name=name, versions=[_summary(row) for row in rows])

    @router.get(
        "/{name}/versions/{version}",
        response_model=DocumentVersion,
        summary=f"{noun.title}的一个版本",
        description=(
            "默认返回 JSON；`?format=yaml` 或请求头 `Accept: application/yaml` 返回 YAML 原文。"
        ),
        responses=answers(
            {
                **noun.example.version(),
                "document": noun.example.stored,
                "content": yaml.safe_load(noun.example.stored),
            },
            errors=["not-found"],
        ),
        operation_id=f"read_{noun.kind}_version",
    )
    async def read_document_version(
        name: Annotated[str, name_path],
        version: Annotated[int, Path(ge=1, description="版本号", **shows(second=2))],
        request: Request,
        _principal: Reader,
        session: SessionDep,
        format: Annotated[
            Literal["json", "yaml"] | None, Query(description="返回格式", **shows(yaml="yaml"))
        ] = None,
    ) -> Response:
        row = await _version(session, noun, name, version)
        if format == "yaml" or (format is None and _wants_yaml(request)):
            return Response(row.document, media_type=f"{YAML_TYPE}; charset=utf-8")
        body = DocumentVersion(
            **_summary(row).model_dump(), document=row.document, content=_content(row.document)
        )
        return JSONResponse(body.model_dump(mode="json"))


def _add_writing(router: APIRouter, noun: DocumentNoun) -> None:
    name_path = _name_path(noun)
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
    ) -> DraftResult:
        text = await _document_text(request)
        outline = noun.outline(text)
        issues = [_issue(issue) for issue in await noun.lint(session, text)]
        if dry_run:
            return DraftResult(version=None, issues=issues)
        row = await versions.create_draft(
            session,
            noun.kind,
            name=outline.name,
            domain=outline.domain,
            document=outline.complete,
            actor=principal.actor,
        )
        await session.refresh(row)
        return DraftResult(version=_summary(row), issues=issues)

    @router.post(
        "/{name}/versions/{version}/publish",
        response_model=VersionSummary,
        summary=f"发布{noun.title}",
        description=(
            "之后分析的通话使用这个版本，原来发布的版本归档。已有结果不变，需要时用“重新分析”。"
            "已发布的版本不能再修改；再次发布旧版本即为回退。"
        ),
        responses=answers(noun.example.version(), errors=["not-found", "not-publishable"]),
        operation_id=f"publish_{noun.kind}",
    )
    async def publish(
        name: Annotated[str, name_path],
        version: Annotated[int, Path(ge=1, description="版本号", **shows(second=2))],
        principal: Admin,
        session: SessionDep,
    ) -> VersionSummary:
        row = await _version(session, noun, name, version)
        found = await noun.lint(session, row.document)
        errors = [issue for issue in found if issue.severity == "error"]
        if errors:
            raise AppError(
                "not-publishable",
                f"草稿有 {len(errors)} 处错误，不能发布；请修改后重新提交草稿。",
                detail={"issues": [_issue(issue).model_dump() for issue in errors[:50]]},
            )
        return _summary(
            await versions.publish(session, noun.kind, name, version, actor=principal.actor)
        )


async def _version(session: AsyncSession, noun: DocumentNoun, name: str, version: int) -> Version:
    try:
        return await versions.get_version(session, noun.kind, name, version)
    except AppError as error:
        if error.code != "not-found":
            raise
        raise _missing(noun) from error


def _missing(noun: DocumentNoun) -> AppError:
    return AppError("not-found", f"没有这个{noun.title}或版本；请用 GET /api/v1/{noun.path} 查看。")


async def _document_text(request: Request) -> str:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_DOCUMENT_BYTES:
            raise AppError(
                "too-large",
                f"文档超过 {MAX_DOCUMENT_BYTES >> 20} MB，请精简。",
                detail={"limit_bytes": MAX_DOCUMENT_BYTES},
            )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AppError("bad-document", "文档不是 UTF-8 编码，请另存为 UTF-8 再提交。") from error
    if not text.strip() or "\x00" in text:
        raise AppError("bad-document", "文档为空或含有空字符，请在请求体里放 YAML 原文。")
    return text


def _summaries(rows: Iterable[Version]) -> Iterable[DocumentSummary]:
    for name, group in groupby(rows, key=lambda row: row.name):
        found = list(group)
        used = next((row for row in found if row.state == "published"), None)
        yield DocumentSummary(
            name=name,
            domain=(used or found[0]).domain,
            published_version=used.version if used else None,
            latest_version=found[0].version,
            versions=len(found),
        )


def _summary(row: Version) -> VersionSummary:
    return VersionSummary(
        name=row.name,
        version=row.version,
        domain=row.domain,
        state=cast(Literal["draft", "published", "archived"], row.state),
        origin=row.origin,
        created_at=row.created_at,
        created_by=row.created_by,
        published_at=row.published_at,
    )


def _issue(issue: LintIssue) -> Issue:
    return Issue(
        severity=issue.severity,
        code=issue.code,
        message=issue.message,
        fix=issue.fix,
        line=issue.line,
        column=issue.column,
    )


def _content(document: str) -> dict[str, Any]:
    # Dates that YAML recognises become text, as they were written.
    content: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(document), default=str))
    return content


def _wants_yaml(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "yaml" in accepted and "json" not in accepted
