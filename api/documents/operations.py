"""What can be done with versions, for the operations of the API and for the pages alike."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents.noun import DocumentNoun, stored_version
from api.documents.schemas import issue_of
from api.principal import Principal
from core.changes import EntryChange
from core.errors import AppError, LintIssue
from models import versions
from models.audit import record
from models.tables import BulkRun
from models.versions import Version
from pipeline.bulk.requests import Author, CallChoice, begin_reanalysis

MAX_DOCUMENT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Saved:
    """A draft as it is stored now, None when it was only checked, and what the linter says."""

    version: Version | None
    issues: tuple[LintIssue, ...]


def checked_text(content: bytes | bytearray) -> str:
    """The text of a document.

    Raises:
        AppError: `bad-document` when it is empty, or no text in UTF-8.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AppError("bad-document", "文档不是 UTF-8 编码，请另存为 UTF-8 再提交。") from error
    if not text.strip() or "\x00" in text:
        raise AppError("bad-document", "文档为空或含有空字符，请在请求体里放 YAML 原文。")
    return text


async def save_new(
    session: AsyncSession,
    noun: DocumentNoun,
    text: str,
    principal: Principal,
    *,
    based_on: int | None = None,
    dry_run: bool = False,
) -> Saved:
    """A new draft of the text, under the name that it gives itself.

    Raises:
        AppError: the kind's own for a text that does not parse.
    """
    outline = await asyncio.to_thread(noun.outline, text)
    issues = tuple(await noun.lint(session, text))
    if dry_run:
        return Saved(None, issues)
    row = await versions.create_draft(
        session,
        noun.kind,
        name=outline.name,
        domain=outline.domain,
        document=outline.complete,
        actor=principal.actor,
        based_on=based_on,
    )
    await session.refresh(row)
    return Saved(row, issues)


async def save_edit(
    session: AsyncSession,
    noun: DocumentNoun,
    name: str,
    version: int,
    text: str,
    revision: int,
    principal: Principal,
) -> Saved:
    """The draft with another text.

    Raises:
        AppError: the kind's own for a text that does not parse; `not-found`, `not-a-draft`,
            `edit-conflict`; `name-changed` when the text names another document.
    """
    outline = await asyncio.to_thread(noun.outline, text)
    if outline.name != name:
        raise AppError(
            "name-changed",
            f"文档的名称是“{outline.name}”，这个草稿属于“{name}”。"
            "请改回名称；要用新名称，请作为新文档提交。",
        )
    await stored_version(session, noun, name, version)
    row = await versions.edit_draft(
        session,
        noun.kind,
        name,
        version,
        document=outline.complete,
        domain=outline.domain,
        revision=revision,
        actor=principal.actor,
    )
    await session.refresh(row)
    return Saved(row, tuple(await noun.lint(session, text)))


async def publish(
    session: AsyncSession,
    noun: DocumentNoun,
    name: str,
    version: int,
    principal: Principal,
    *,
    revision: int | None = None,
    history_from: dt.datetime | None = None,
) -> tuple[Version, BulkRun | None]:
    """The published version, and the re-analysis of the calls since `history_from`, if given.

    Raises:
        AppError: `not-found`, `edit-conflict`; `not-publishable` while there are errors in it.
    """
    row = await stored_version(session, noun, name, version)
    found = await noun.lint(session, row.document)
    errors = [issue for issue in found if issue.severity == "error"]
    if errors:
        raise AppError(
            "not-publishable",
            f"草稿有 {len(errors)} 处错误，不能发布；请修改后重新提交草稿。",
            detail={"issues": [issue_of(issue).model_dump() for issue in errors[:50]]},
        )
    row = await versions.publish(
        session, noun.kind, name, version, actor=principal.actor, revision=revision
    )
    if history_from is None:
        return row, None
    return row, await reanalyse(session, noun, row, history_from, principal)


async def reanalyse(
    session: AsyncSession,
    noun: DocumentNoun,
    row: Version,
    history_from: dt.datetime,
    principal: Principal,
) -> BulkRun:
    """A re-analysis of the calls since a time that the published version is for.

    Raises:
        AppError: `not-published`.
    """
    if row.state != "published":
        raise AppError("not-published", "只有已发布的版本可以用来重新分析历史。请先发布它。")
    choice = CallChoice(started_from=history_from)
    record(
        session, principal.actor, f"{noun.kind}.history_reanalysed", noun.kind,
        f"{row.name}@{row.version}", after={"history_from": history_from.isoformat()},
    )  # fmt: skip
    return await begin_reanalysis(session, noun.kind, row, choice, author_of(principal))


async def archive(
    session: AsyncSession, noun: DocumentNoun, name: str, version: int, principal: Principal
) -> Version:
    """The version, put away. Published ones only by administrators.

    Raises:
        AppError: `not-found`, `forbidden`, `last-published`.
    """
    row = await stored_version(session, noun, name, version)
    if row.state == "published":
        principal.require("admin")
    return await versions.archive(session, noun.kind, name, version, actor=principal.actor)


async def differences(
    session: AsyncSession, noun: DocumentNoun, name: str, old: int, new: int
) -> Sequence[EntryChange]:
    """What changed between two versions of one name.

    Raises:
        AppError: `not-found`.
    """
    before = await stored_version(session, noun, name, old)
    after = await stored_version(session, noun, name, new)
    return await asyncio.to_thread(noun.diff, before.document, after.document)


def author_of(principal: Principal) -> Author:
    """Who a run belongs to."""
    return Author(principal.user_id, principal.username)
