"""Versions of QA rule sets."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents import DocumentNoun, Outline, document_router
from api.v1.rule_sets.examples import RULE_SET
from core.changes import EntryChange
from core.errors import LintIssue
from events.document import parse_tree
from models.versions import GENERAL_DOMAIN, published_for
from qa_rules.documents.diff import diff_rulesets
from qa_rules.documents.rule_sets import dump_ruleset, parse_document, parse_ruleset
from qa_rules.linting.rule_sets import lint_ruleset
from qa_rules.model import RuleSet


@lru_cache(maxsize=16)
def _parsed(text: str) -> RuleSet:
    # One page asks for the same document several times: to show it, to check it, to compare it.
    return parse_ruleset(text)


@lru_cache(maxsize=32)
def _issues(text: str, tree: str | None) -> tuple[LintIssue, ...]:
    nodes = [node.path for node in parse_tree(tree).walk()] if tree is not None else []
    return tuple(lint_ruleset(_parsed(text), nodes))


def _outline(text: str) -> Outline:
    ruleset = _parsed(text)
    complete = dump_ruleset(ruleset) if parse_document(text).extends else text
    return Outline(ruleset.name, ruleset.domain or GENERAL_DOMAIN, complete)


async def _lint(session: AsyncSession, text: str) -> Sequence[LintIssue]:
    """Issues of the rules, their event names checked against the tree of the same domain."""
    ruleset = await asyncio.to_thread(_parsed, text)
    row = await published_for(session, "tree", ruleset.domain or GENERAL_DOMAIN)
    return await asyncio.to_thread(_issues, text, row.document if row is not None else None)


@lru_cache(maxsize=16)
def _diff(old: str, new: str) -> Sequence[EntryChange]:
    return diff_rulesets(_parsed(old), _parsed(new))


RULE_SETS = DocumentNoun(
    kind="ruleset",
    path="rule-sets",
    title="质检规则集",
    parse_error="bad-rules",
    outline=_outline,
    lint=_lint,
    diff=_diff,
    example=RULE_SET,
)
router = document_router(RULE_SETS)
