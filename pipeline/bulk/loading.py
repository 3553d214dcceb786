"""Stored calls with all that analysing them again takes, and the versions in force for them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.errors import AppError
from models.heads import head_in_force
from models.results import load_transcripts
from models.tables import BulkRun, Call, RuleSetVersion, TreeHead, TreeVersion
from models.vectors import Vectors, load_vectors
from models.versions import published_for

Pair = tuple[TreeVersion, RuleSetVersion]


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call, what was said in it, and the sentence vectors that are stored of it."""

    call: Call
    transcript: Transcript
    vectors: Vectors


async def load_calls(
    session: AsyncSession, call_ids: Sequence[uuid.UUID], encoder: str
) -> list[StoredCall]:
    """The calls that are finished and have a transcript, in the order of their ids."""
    rows = await session.scalars(
        select(Call).where(Call.id.in_(call_ids), Call.state == "done").order_by(Call.id)
    )
    transcripts = await load_transcripts(session, call_ids)
    vectors = await load_vectors(session, call_ids, encoder)
    return [
        StoredCall(call, transcripts[call.id], vectors.get(call.id, {}))
        for call in rows
        if call.id in transcripts
    ]


@dataclass(slots=True)
class InForce:
    """The tree, its head and the rule set of a domain's calls, looked up once each."""

    _known: dict[str | None, Pair] = field(default_factory=dict)
    _heads: dict[str, TreeHead | None] = field(default_factory=dict)

    async def head(self, session: AsyncSession, tree: TreeVersion) -> TreeHead | None:
        """What the tree has learned from corrections; None for nothing."""
        if tree.name not in self._heads:
            self._heads[tree.name] = await head_in_force(session, tree.name)
        return self._heads[tree.name]

    async def of(self, session: AsyncSession, domain: str | None) -> Pair:
        """The two versions.

        Raises:
            AppError: `no-published-version`.
        """
        if domain not in self._known:
            tree = await published_for(session, "tree", domain)
            ruleset = await published_for(session, "ruleset", domain)
            if not isinstance(tree, TreeVersion) or not isinstance(ruleset, RuleSetVersion):
                raise AppError(
                    "no-published-version",
                    "没有已发布的事件树或质检规则集。请先发布一个通用版本。",
                )
            self._known[domain] = (tree, ruleset)
        return self._known[domain]


def with_candidate(run: BulkRun, pair: Pair) -> Pair:
    """The versions in force, with the one under test in its place."""
    tree, ruleset = pair
    if run.document_kind == "tree":
        return TreeVersion(name=run.name, version=run.version, document=run.document), ruleset
    return tree, RuleSetVersion(name=run.name, version=run.version, document=run.document)
