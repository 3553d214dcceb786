"""Versions of key-event trees."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents import DocumentNoun, Outline, document_router
from api.v1.trees.examples import TREE
from core.errors import LintIssue
from events.document import parse_tree
from events.lint import lint_text


def _outline(text: str) -> Outline:
    tree = parse_tree(text)
    return Outline(tree.name, tree.domain)


async def _lint(_session: AsyncSession, text: str) -> Sequence[LintIssue]:
    return lint_text(text)


router = document_router(
    DocumentNoun(
        kind="tree",
        path="trees",
        title="关键事件树",
        parse_error="bad-tree",
        outline=_outline,
        lint=_lint,
        example=TREE,
    )
)
