"""Versions of key-event trees."""

import asyncio
from collections.abc import Sequence

import yaml
from sqlalchemy.ext.asyncio import AsyncSession

from api.documents import DocumentNoun, Outline, document_router
from api.v1.trees.examples import TREE
from api.v1.trees.learning import add_learning
from api.v1.trees.spreadsheets import add_spreadsheets
from core.changes import EntryChange
from core.errors import LintIssue
from events.diff import diff_trees
from events.document import parse_tree
from events.dumping import dump_tree
from events.lint import lint_text


def _outline(text: str) -> Outline:
    tree = parse_tree(text)
    complete = dump_tree(tree) if "extends" in yaml.safe_load(text) else text
    return Outline(tree.name, tree.domain, complete)


async def _lint(_session: AsyncSession, text: str) -> Sequence[LintIssue]:
    return await asyncio.to_thread(lint_text, text)


def _diff(old: str, new: str) -> Sequence[EntryChange]:
    return diff_trees(parse_tree(old), parse_tree(new))


TREES = DocumentNoun(
    kind="tree",
    path="trees",
    title="关键事件树",
    parse_error="bad-tree",
    outline=_outline,
    lint=_lint,
    diff=_diff,
    example=TREE,
)
router = document_router(TREES)
add_spreadsheets(router, TREES)
add_learning(router, TREES)
