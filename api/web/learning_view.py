"""What the pages of a tree show of its nodes' figures and of what it learned."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.principal import Principal
from api.v1.trees.drafting import open_proposals
from api.v1.trees.learning_schemas import head_of, node_report
from api.v1.trees.routes import TREES
from core.ids import sha256_text
from models.access import display_names
from models.corrections import count_corrections
from models.heads import list_heads, load_figures
from models.versions import Version

_EDITORS = ("admin", "manager")


async def figures_values(
    session: AsyncSession, principal: Principal, row: Version
) -> dict[str, Any]:
    """The figures of a version's nodes: thresholds, what to expect, acts that fit."""
    report = node_report(await load_figures(session, sha256_text(row.document)))
    return {"figures": report, "tree": row.name, "version": row.version, **_rights(principal)}


async def learning_values(session: AsyncSession, principal: Principal, name: str) -> dict[str, Any]:
    """What a tree learned: its heads, newest first, and the sentences that corrections propose."""
    rights = _rights(principal)
    counts = dict(await count_corrections(session, name))
    heads = [head_of(row) for row in await list_heads(session, name)]
    version, found = None, 0
    if rights["may_teach"] and counts:
        row, proposals = await open_proposals(session, TREES, name, principal.user_id)
        version, found = row.version, len(proposals)
    return {
        "heads": heads,
        "people": await display_names(session),
        "fitting": any(head.state == "fitting" for head in heads),
        "corrections": sum(counts.values()),
        "proposals": found,
        "proposed_for": version,
        "tree": name,
        **rights,
    }


def _rights(principal: Principal) -> dict[str, Any]:
    return {"may_teach": principal.role in _EDITORS and "write" in principal.scopes}
