"""What the pages of versioned documents show: names, versions, issues, differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents.noun import DocumentNoun
from api.documents.schemas import summaries
from api.principal import Principal
from api.v1.rule_sets.routes import RULE_SETS
from api.v1.trees.routes import TREES
from api.web.rule_view import cards_by_category
from core.errors import AppError, LintIssue
from models.access import display_names
from models.bulk_runs import list_runs
from models.tables import RuleSetVersion
from models.versions import Version, list_versions

NOUNS: dict[str, DocumentNoun] = {noun.path: noun for noun in (TREES, RULE_SETS)}
_RECENT_RUNS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """The text in the editor: what the visitor typed when a save failed, else what is stored.

    `error` says why it was not saved, at `line` when there is one; `told` that it was, or that it
    was only checked.
    """

    text: str
    revision: int
    issues: tuple[LintIssue, ...] = ()
    error: str = ""
    line: int = 0
    told: str = ""


def may_edit(principal: Principal) -> bool:
    """Whether the visitor may write versions and begin runs."""
    return principal.role in ("admin", "manager") and "write" in principal.scopes


def failed_editing(text: str, revision: int, error: AppError) -> Editing:
    """The editor after a text that was refused."""
    line = error.detail.get("line", 0)
    return Editing(
        text=text,
        revision=revision,
        error=error.message,
        line=line if isinstance(line, int) else 0,
    )


async def list_values(session: AsyncSession, principal: Principal, path: str) -> dict[str, Any]:
    """The page of all names of a kind."""
    rows = await list_versions(session, NOUNS[path].kind)
    return {**_common(principal, path), "documents": list(summaries(rows)), "error": ""}


async def name_values(
    session: AsyncSession, principal: Principal, path: str, rows: Sequence[Version]
) -> dict[str, Any]:
    """The page of one name: its versions, newest first, and what was run with them."""
    name = rows[0].name
    numbers = [row.version for row in rows]
    return {
        **_common(principal, path),
        "name": name,
        "versions": rows,
        "people": await display_names(session),
        "previous": dict(zip(numbers, [*numbers[1:], None], strict=True)),
        "runs": await _runs(session, principal, path, name),
    }


async def version_values(
    session: AsyncSession, principal: Principal, path: str, row: Version, editing: Editing
) -> dict[str, Any]:
    """The page of one version: the editor, trying it, testing it, publishing it."""
    rows = await list_versions(session, NOUNS[path].kind, row.name)
    others = [other for other in rows if other.version != row.version]
    published = next((other for other in others if other.state == "published"), None)
    compared = published or next((o for o in others if o.version == row.based_on), None)
    return {
        **_common(principal, path),
        "name": row.name,
        "row": row,
        "editing": editing,
        "people": await display_names(session),
        "others": others,
        "compared": compared or (others[0] if others else None),
        "lines": editing.text.count("\n") + 1,
        "rules": await cards_by_category(row) if isinstance(row, RuleSetVersion) else {},
        "runs": await _runs(session, principal, path, row.name),
    }


def diff_values(
    principal: Principal, path: str, name: str, old: int, new: int, changes: Sequence[Any]
) -> dict[str, Any]:
    """The page of the differences between two versions."""
    counts = {
        kind: sum(change.kind == kind for change in changes)
        for kind in ("added", "removed", "changed")
    }
    return {
        **_common(principal, path),
        "name": name,
        "old": old,
        "new": new,
        "changes": changes,
        "counts": counts,
    }


async def _runs(session: AsyncSession, principal: Principal, path: str, name: str) -> Sequence[Any]:
    if not may_edit(principal):
        return ()
    own = None if principal.role == "admin" else principal.user_id
    return (await list_runs(session, NOUNS[path].kind, name, own, limit=_RECENT_RUNS)).items


def _common(principal: Principal, path: str) -> dict[str, Any]:
    return {
        "user": principal,
        "path_name": path,
        "kind": NOUNS[path].kind,
        "editor": may_edit(principal),
        "publisher": "admin" in principal.scopes,
    }
