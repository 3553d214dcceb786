"""Rules as people read them: their sentence, why they exist, what a hit costs."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import RuleSetVersion
from models.versions import rulesets_named
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.sentences.rendering import rule_sentence


@dataclass(frozen=True, slots=True)
class RuleCard:
    """One rule in words. `regulation` is empty for a rule without a legal source.

    `line` is where its document states it, from 1; 0 when another document does.
    """

    id: str
    name: str
    category: str
    severity: str
    sentence: str
    reason: str
    regulation: str
    line: int


async def rules_in_use(session: AsyncSession) -> Mapping[str, str]:
    """Rule id -> name over all published rule sets, by name."""
    found: dict[str, str] = {}
    rows = await session.scalars(select(RuleSetVersion).where(RuleSetVersion.state == "published"))
    for row in rows:
        found |= {card.id: card.name for card in await _cards_of(row)}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


async def rule_cards(
    session: AsyncSession, references: Iterable[str]
) -> Mapping[tuple[str, str], RuleCard]:
    """(`rule set@version`, rule id) -> the rule, for the rule sets that are named and stored."""
    return {
        (f"{row.name}@{row.version}", card.id): card
        for row in await rulesets_named(session, references)
        for card in await _cards_of(row)
    }


async def cards_by_category(row: RuleSetVersion) -> Mapping[str, Sequence[RuleCard]]:
    """The rules of a stored version by category, both in the order of its document."""
    found: dict[str, list[RuleCard]] = {}
    for card in await _cards_of(row):
        found.setdefault(card.category, []).append(card)
    return found


def cards_in(text: str, name: str) -> tuple[RuleCard, ...]:
    """The rules of a document, in its order.

    Raises:
        AppError: `bad-rules` for a text that is no rule set.
    """
    return tuple(
        RuleCard(
            id=rule.id,
            name=rule.name,
            category=rule.category,
            severity=rule.severity,
            sentence=rule_sentence(rule),
            reason=rule.reason,
            regulation=rule.regulation,
            line=rule.line if rule.source == name else 0,
        )
        for rule in parse_ruleset(text, name).rules
    )


async def _cards_of(row: RuleSetVersion) -> tuple[RuleCard, ...]:
    # Parsing takes a while, and other requests are waiting.
    return await asyncio.to_thread(_stored, row.id, row.revision, row.name, row.document)


@lru_cache(maxsize=32)
def _stored(_id: uuid.UUID, _revision: int, name: str, document: str) -> tuple[RuleCard, ...]:
    return cards_in(document, name)
