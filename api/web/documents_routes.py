"""Pages of key-event trees and rule sets: versions, editor, differences, publishing, runs begun.

The forms do what the operations of /api/v1 do, through the same functions, and need no script.
"""

import asyncio
import datetime as dt
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.convertors import Convertor, register_url_convertor

from api.auth import Admin, Editor, Reader
from api.documents.noun import missing, stored_version
from api.documents.operations import (
    MAX_DOCUMENT_BYTES,
    archive,
    author_of,
    checked_text,
    differences,
    publish,
    save_edit,
    save_new,
)
from api.documents.running import BacktestChoice, call_choice
from api.errors import status_of
from api.principal import Principal
from api.services import SessionDep
from api.v1.calls.filters import zoned
from api.web.documents_view import (
    NOUNS,
    Editing,
    diff_values,
    failed_editing,
    list_values,
    name_values,
    version_values,
)
from api.web.learning_view import figures_values, learning_values
from api.web.page_route import PageRoute
from api.web.rendering import render
from core.errors import AppError
from events.dumping import dump_tree
from events.spreadsheet import MAX_BYTES, tree_from_spreadsheet
from models.tables import BulkRun
from models.versions import Version, list_versions
from pipeline.bulk.requests import (
    MOST_CALLS,
    USUAL_CALLS,
    TrialLine,
    TrialRequest,
    begin_backtest,
    begin_trial,
)


class _KindConvertor(Convertor[str]):
    """Matches the paths of the two kinds, and leaves every other page alone."""

    regex = "|".join(NOUNS)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("document_kind", _KindConvertor())
router = APIRouter(route_class=PageRoute, include_in_schema=False)

Kind = Literal["trees", "rule-sets"]
Text = Annotated[str, Form()]
_MOST_LINES = 50


@router.get("/{kind:document_kind}")
async def documents_page(
    kind: Kind, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """All names of a kind, and the form that takes a file in."""
    return render(request, "documents.html", await list_values(session, principal, kind))


@router.post("/{kind:document_kind}")
async def take_in_file(
    kind: Kind, request: Request, principal: Editor, session: SessionDep, file: UploadFile
) -> Response:
    """A YAML or xlsx file as a new draft."""
    try:
        text = await _text_of(file, kind)
        saved = await save_new(session, NOUNS[kind], text, principal)
    except AppError as error:
        values = await list_values(session, principal, kind)
        values["error"] = error.message
        return render(request, "documents.html", values, status=status_of(error.code))
    assert saved.version is not None
    return _to_version(kind, saved.version)


@router.get("/{kind:document_kind}/{name}")
async def versions_page(
    kind: Kind, name: str, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """The versions of one name."""
    rows = await list_versions(session, NOUNS[kind].kind, name)
    if not rows:
        raise missing(NOUNS[kind])
    values = await name_values(session, principal, kind, rows)
    if kind == "trees":
        values |= await learning_values(session, principal, name)
    return render(request, "versions.html", values)


@router.get("/{kind:document_kind}/{name}/diff")
async def diff_page(
    kind: Kind,
    name: str,
    old: int,
    new: int,
    request: Request,
    principal: Reader,
    session: SessionDep,
) -> Response:
    """What changed between two versions."""
    changes = await differences(session, NOUNS[kind], name, old, new)
    values = diff_values(principal, kind, name, old, new, changes)
    return render(request, "version_diff.html", values)


@router.get("/{kind:document_kind}/{name}/{version}")
async def version_page(
    kind: Kind,
    name: str,
    version: int,
    request: Request,
    principal: Reader,
    session: SessionDep,
    told: Literal["", "saved", "published", "archived", "linked"] = "",
) -> Response:
    """One version in the editor."""
    row = await stored_version(session, NOUNS[kind], name, version)
    issues = tuple(await NOUNS[kind].lint(session, row.document))
    editing = Editing(text=row.document, revision=row.revision, issues=issues, told=told)
    return await _editor(request, session, principal, kind, row, editing)


@router.post("/{kind:document_kind}/{name}/{version}")
async def save_or_check(
    kind: Kind,
    name: str,
    version: int,
    request: Request,
    principal: Editor,
    session: SessionDep,
    document: Text = "",
    revision: Annotated[int, Form()] = 0,
    do: Annotated[Literal["save", "check"], Form()] = "save",
) -> Response:
    """Save the text of the editor, or only say what the linter thinks of it."""
    noun = NOUNS[kind]
    row = await stored_version(session, noun, name, version)
    # Forms send line ends as CR LF.
    typed = document.replace("\r\n", "\n")
    try:
        text = checked_text(typed.encode())
        if do == "check":
            issues = (await save_new(session, noun, text, principal, dry_run=True)).issues
            editing = Editing(text=typed, revision=revision, issues=issues, told="checked")
            return await _editor(request, session, principal, kind, row, editing)
        async with session.begin_nested():
            await save_edit(session, noun, name, version, text, revision, principal)
    except AppError as error:
        editing = failed_editing(typed, revision, error)
        status = status_of(error.code)
        return await _editor(request, session, principal, kind, row, editing, status)
    return _to_version(kind, row, "saved")


@router.post("/{kind:document_kind}/{name}/{version}/draft")
async def draft_from(
    kind: Kind, name: str, version: int, principal: Editor, session: SessionDep
) -> Response:
    """A new draft that starts from this version."""
    noun = NOUNS[kind]
    row = await stored_version(session, noun, name, version)
    saved = await save_new(session, noun, row.document, principal, based_on=version)
    assert saved.version is not None
    return _to_version(kind, saved.version)


@router.post("/{kind:document_kind}/{name}/{version}/publish")
async def publish_form(
    kind: Kind,
    name: str,
    version: int,
    request: Request,
    principal: Admin,
    session: SessionDep,
    revision: Annotated[int, Form()],
    apply: Annotated[Literal["new", "history"], Form()] = "new",
    since: Text = "",
) -> Response:
    """Publish, for new calls only or with history analysed again since a day."""
    row = await stored_version(session, NOUNS[kind], name, version)
    try:
        start = _day(since) if apply == "history" else None
        async with session.begin_nested():
            _, run = await publish(
                session,
                NOUNS[kind],
                name,
                version,
                principal,
                revision=revision,
                history_from=start,
            )
    except AppError as error:
        await session.refresh(row)
        editing = failed_editing(row.document, row.revision, error)
        status = status_of(error.code)
        return await _editor(request, session, principal, kind, row, editing, status)
    return _to_run(run) if run is not None else _to_version(kind, row, "published")


@router.post("/{kind:document_kind}/{name}/{version}/archive")
async def archive_form(
    kind: Kind, name: str, version: int, principal: Editor, session: SessionDep
) -> Response:
    """Put the version away."""
    row = await archive(session, NOUNS[kind], name, version, principal)
    return _to_version(kind, row, "archived")


@router.post("/{kind:document_kind}/{name}/{version}/try")
async def try_form(
    kind: Kind,
    name: str,
    version: int,
    principal: Editor,
    session: SessionDep,
    said: Text = "",
) -> Response:
    """Try the version on some lines."""
    noun = NOUNS[kind]
    row = await stored_version(session, noun, name, version)
    request = TrialRequest(lines=spoken_lines(said))
    run = await begin_trial(session, noun.kind, row, request, author_of(principal))
    return _to_run(run)


@router.post("/{kind:document_kind}/{name}/{version}/backtest")
async def backtest_form(
    kind: Kind,
    name: str,
    version: int,
    principal: Editor,
    session: SessionDep,
    since: Text = "",
    until: Text = "",
    team: Text = "",
    campaign: Text = "",
    sample: Annotated[int, Form(ge=1, le=MOST_CALLS)] = USUAL_CALLS,
) -> Response:
    """Compare the version with what is in force; the last day is meant to be included."""
    noun = NOUNS[kind]
    row = await stored_version(session, noun, name, version)
    last = _day(until) if until else None
    wanted = BacktestChoice(
        started_from=_day(since) if since else None,
        started_to=last + dt.timedelta(days=1) if last else None,
        team=team.strip() or None,
        campaign=campaign.strip() or None,
        agent=None,
        sample=sample,
    )
    choice = call_choice(wanted, principal.call_scope)
    return _to_run(await begin_backtest(session, noun.kind, row, choice, author_of(principal)))


def spoken_lines(said: str) -> tuple[TrialLine, ...]:
    """One line for each line of a text; `客户：` or `C:` at its start makes it the customer's.

    Raises:
        AppError: `validation-failed` for none, or too many.
    """
    found = []
    for line in said.splitlines():
        who, mark, rest = line.replace("：", ":").partition(":")
        by_customer = mark == ":" and who.strip() in ("客户", "C", "c", "customer")
        by_agent = mark == ":" and who.strip() in ("坐席", "客服", "A", "a", "agent")
        text = rest if by_customer or by_agent else line
        if text.strip():
            role: Literal["agent", "customer"] = "customer" if by_customer else "agent"
            found.append(TrialLine(role=role, text=text.strip()[:1000]))
    if not 0 < len(found) <= _MOST_LINES:
        raise AppError("validation-failed", f"请写 1 到 {_MOST_LINES} 句要试的话，每行一句。")
    return tuple(found)


async def _editor(
    request: Request,
    session: AsyncSession,
    principal: Principal,
    kind: Kind,
    row: Version,
    editing: Editing,
    status: int = 200,
) -> Response:
    values = await version_values(session, principal, kind, row, editing)
    if kind == "trees":
        values |= await figures_values(session, principal, row)
    return render(request, "version.html", values, status=status)


async def _text_of(file: UploadFile, kind: Kind) -> str:
    """The YAML text of an uploaded file; a spreadsheet becomes the tree's YAML.

    Raises:
        AppError: `too-large`, `bad-document`, `bad-spreadsheet`.
    """
    is_sheet = kind == "trees" and (file.filename or "").lower().endswith(".xlsx")
    limit = MAX_BYTES if is_sheet else MAX_DOCUMENT_BYTES
    content = await file.read(limit + 1)
    if len(content) > limit:
        raise AppError("too-large", f"文件超过 {limit >> 20} MB，请精简。")
    if is_sheet:
        return dump_tree(await asyncio.to_thread(tree_from_spreadsheet, content))
    return checked_text(content)


def _day(text: str) -> dt.datetime:
    """The start of a day, in the time zone of the service.

    Raises:
        AppError: `validation-failed`.
    """
    try:
        at = zoned(dt.datetime.fromisoformat(text.strip()))
    except ValueError:
        at = None
    if at is None:
        raise AppError("validation-failed", "日期不正确，请写成 2026-01-31 的形式。")
    return at


def _to_version(kind: Kind, row: Version, told: str = "") -> Response:
    suffix = f"?told={told}" if told else ""
    url = f"/{kind}/{quote(row.name, safe='')}/{row.version}{suffix}"
    return RedirectResponse(url, status_code=303)


def _to_run(run: BulkRun) -> Response:
    return RedirectResponse(f"/runs/{run.id}", status_code=303)
