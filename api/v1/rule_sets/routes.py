"""Versions of QA rule sets."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from api.documents import DocumentNoun, Outline, document_router
from api.v1.rule_sets.examples import RULE_SET
from core.errors import LintIssue
from events.document import parse_tree
from models.versions import GENERAL_DOMAIN, published_for
from qa_rules.document import parse_ruleset


def _outline(text: str) -> Outline:
    ruleset = parse_ruleset(text)
    return Outline(ruleset.name, ruleset.domain or GENERAL_DOMAIN)


async def _lint(session: AsyncSession, text: str) -> Sequence[LintIssue]:
    """Issues of the rules, their event names checked against the tree of the same domain."""
    from qa_rules.lint import lint_ruleset

    row = await published_for(session, "tree", _outline(text).domain)
    nodes = [node.path for node in parse_tree(row.document).walk()] if row is not None else None
    return tuple(lint_ruleset(text, "rules", nodes))


router = document_router(
    DocumentNoun(
        kind="ruleset",
        path="rule-sets",
        title="质检规则集",
        parse_error="bad-rules",
        outline=_outline,
        lint=_lint,
        example=RULE_SET,
    )
)
