"""What a kind of versioned document is: its words, its parser, its linter, its examples."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Path
from sqlalchemy.ext.asyncio import AsyncSession

from api.openapi import shows
from core.changes import EntryChange
from core.errors import AppError, LintIssue
from models import versions
from models.versions import DocumentKind, Version


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
    tells what is wrong or doubtful in one that does, and may look up other documents; `diff` tells
    what changed between two texts.
    """

    kind: DocumentKind
    path: str
    title: str
    parse_error: str
    outline: Callable[[str], Outline]
    lint: Callable[[AsyncSession, str], Awaitable[Sequence[LintIssue]]]
    diff: Callable[[str, str], Sequence[EntryChange]]
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
            "published_by": "admin" if state == "published" else None,
            "revision": 1,
            "based_on": 1,
            "updated_at": None,
            "updated_by": None,
        }


def name_path(noun: DocumentNoun) -> Any:
    """The path parameter that names a document."""
    return Path(description="名称", max_length=200, **shows(name=noun.example.name))


def version_path() -> Any:
    """The path parameter that numbers a version."""
    return Path(ge=1, le=2**31 - 1, description="版本号", **shows(second=2))


async def stored_version(
    session: AsyncSession, noun: DocumentNoun, name: str, version: int
) -> Version:
    """One version.

    Raises:
        AppError: `not-found`, in the words of the kind.
    """
    try:
        return await versions.get_version(session, noun.kind, name, version)
    except AppError as error:
        if error.code != "not-found":
            raise
        raise missing(noun) from error


def missing(noun: DocumentNoun) -> AppError:
    """The error for a name or a version that there is none of."""
    return AppError("not-found", f"没有这个{noun.title}或版本；请用 GET /api/v1/{noun.path} 查看。")
