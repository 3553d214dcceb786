"""The bodies of the operations on versioned documents."""

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal, cast

from pydantic import BaseModel, Field

from api.v1.runs.schemas import RunSummary
from core.changes import EntryChange
from core.errors import LintIssue
from models.versions import Version

State = Literal["draft", "published", "archived"]


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
    state: State = Field(description="draft 草稿 → published 已发布 → archived 已被取代")
    origin: str = Field(description="pack 随产品提供，user 自己创建")
    created_at: dt.datetime
    created_by: str
    published_at: dt.datetime | None
    published_by: str | None
    revision: int = Field(description="第几次保存；修改草稿时带上，避免覆盖别人的修改")
    based_on: int | None = Field(description="从哪个版本新建的")
    updated_at: dt.datetime | None = Field(description="草稿最后一次修改的时间")
    updated_by: str | None


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


class FieldDifference(BaseModel):
    """One field that differs; `added` and `removed` for lists."""

    field: str
    before: str
    after: str
    added: list[str]
    removed: list[str]


class Difference(BaseModel):
    """One node or rule that was added, removed or changed."""

    kind: Literal["added", "removed", "changed"]
    key: str = Field(description="节点标识路径或规则编号；空为文档本身")
    name: str
    fields: list[FieldDifference]


class DocumentDiff(BaseModel):
    """What changed from one version to another, by meaning."""

    name: str
    old: int
    new: int
    changes: list[Difference]


class Publication(BaseModel):
    """How to publish."""

    revision: int | None = Field(
        None, description="看过的是第几次保存；草稿此后又被修改时拒绝发布", examples=[1]
    )
    history_from: dt.datetime | None = Field(
        None,
        description="不填：只用于之后的通话；填时间：该时间起的历史通话在后台重新分析",
        examples=["2025-01-01T00:00:00+08:00"],
    )


class Published(VersionSummary):
    """The published version, and the re-analysis of history that was begun with it."""

    reanalysis: RunSummary | None = Field(description="历史重新分析任务；只用于新通话时为 null")


def summaries(rows: Iterable[Version]) -> Iterable[DocumentSummary]:
    """Each name with its versions in short; rows by name, newest first."""
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


def summary(row: Version) -> VersionSummary:
    """A version without its text."""
    return VersionSummary(
        name=row.name,
        version=row.version,
        domain=row.domain,
        state=cast(State, row.state),
        origin=row.origin,
        created_at=row.created_at,
        created_by=row.created_by,
        published_at=row.published_at,
        published_by=row.published_by,
        revision=row.revision,
        based_on=row.based_on,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


def issue_of(issue: LintIssue) -> Issue:
    """A finding of the linter as it is answered."""
    return Issue(
        severity=issue.severity,
        code=issue.code,
        message=issue.message,
        fix=issue.fix,
        line=issue.line,
        column=issue.column,
    )


def difference(change: EntryChange) -> Difference:
    """A change as it is answered."""
    return Difference(
        kind=change.kind,
        key=change.key,
        name=change.name,
        fields=[
            FieldDifference(
                field=item.field,
                before=item.before,
                after=item.after,
                added=list(item.added),
                removed=list(item.removed),
            )
            for item in change.fields
        ],
    )
