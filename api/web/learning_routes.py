"""Pages of what a tree can learn: figures of its nodes, acts that fit, proposals, heads.

The forms do what the operations of /api/v1/trees do, through the same functions.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from api.auth import Editor, Reader
from api.documents.noun import missing, stored_version
from api.services import SessionDep
from api.v1.trees.drafting import (
    draft_from_proposals,
    link_act,
    start_learning,
    start_measuring,
)
from api.v1.trees.routes import TREES
from api.web.learning_view import figures_values, learning_values
from api.web.page_route import PageRoute
from api.web.rendering import render
from models.heads import accept_head, retire_head
from models.versions import Version, list_versions

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/trees/{name}/learning")
async def learning_part(
    name: str, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """The part of a tree's page that shows what was learned."""
    if not await list_versions(session, "tree", name):
        raise missing(TREES)
    values = await learning_values(session, principal, name)
    return render(request, "_learning.html", values)


@router.post("/trees/{name}/heads")
async def learn(name: str, principal: Editor, session: SessionDep) -> Response:
    """Queue the learning of a tree."""
    if not await list_versions(session, "tree", name):
        raise missing(TREES)
    await start_learning(session, name, principal.actor)
    return _to_learning(name)


@router.post("/trees/{name}/heads/retire")
async def retire(name: str, principal: Editor, session: SessionDep) -> Response:
    """Go on without what was learned."""
    await retire_head(session, name, principal.actor)
    return _to_learning(name)


@router.post("/trees/{name}/heads/{number}/accept")
async def accept(name: str, number: int, principal: Editor, session: SessionDep) -> Response:
    """Use what was learned, or go back to what was learned before."""
    await accept_head(session, name, number, principal.actor)
    return _to_learning(name)


@router.post("/trees/{name}/proposals")
async def take_proposals(name: str, principal: Editor, session: SessionDep) -> Response:
    """A new draft with every sentence that corrections propose."""
    row = await draft_from_proposals(session, TREES, name, set(), principal.actor)
    return _to_nodes(row)


@router.get("/trees/{name}/{version}/nodes")
async def nodes_part(
    name: str, version: int, request: Request, principal: Reader, session: SessionDep
) -> Response:
    """The part of a version's page that shows the figures of its nodes."""
    row = await stored_version(session, TREES, name, version)
    return render(request, "_nodes.html", await figures_values(session, principal, row))


@router.post("/trees/{name}/{version}/nodes")
async def measure(name: str, version: int, _principal: Editor, session: SessionDep) -> Response:
    """Queue the measuring of a version's nodes."""
    row = await stored_version(session, TREES, name, version)
    await start_measuring(session, row.document)
    return _to_nodes(row)


@router.post("/trees/{name}/{version}/acts")
async def link(
    name: str,
    version: int,
    principal: Editor,
    session: SessionDep,
    key: Annotated[str, Form(max_length=500)],
    act: Annotated[str, Form(max_length=100)],
) -> Response:
    """Take the act that a node seems to mean: into this draft, or a new one."""
    row = await stored_version(session, TREES, name, version)
    linked = await link_act(session, row, key, act, principal.actor)
    await start_measuring(session, linked.document)
    return _to_nodes(linked, "linked")


def _to_learning(name: str) -> Response:
    return RedirectResponse(f"/trees/{quote(name, safe='')}#learning", status_code=303)


def _to_nodes(row: Version, told: str = "") -> Response:
    suffix = f"?told={told}" if told else ""
    url = f"/trees/{quote(row.name, safe='')}/{row.version}{suffix}#nodes"
    return RedirectResponse(url, status_code=303)
