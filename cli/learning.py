"""Learning from corrections on the command line: in this process, on the service's database."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import AppError
from core.settings import Settings

if TYPE_CHECKING:
    from models.database import Database
    from pipeline.analyzers import Analyzers

_COLUMNS = ("tree", "number", "state", "tree_version", "corrections", "reason", "figures")


@dataclass(frozen=True, slots=True)
class _Resources:
    database: "Database"
    analyzers: "Analyzers"


async def learn_now(settings: Settings, tree: str, *, accept: bool) -> dict[str, Any]:
    """The head that the tree's corrections teach now, as JSON; in force if it may be.

    Raises:
        AppError: `not-found` for a tree that there is none of; `busy` while the service learns it.
    """
    from models.actors import SYSTEM
    from models.database import open_database
    from models.heads import accept_head, get_head, request_head
    from models.versions import list_versions
    from pipeline.analyzers import Analyzers
    from pipeline.learning import learn_tree

    database = await asyncio.to_thread(open_database, settings)
    try:
        async with database.session() as session:
            if not await list_versions(session, "tree", tree):
                raise AppError("not-found", f"没有名为 {tree} 的事件树。请查看事件树列表。")
            row, fresh = await request_head(session, tree)
            await session.commit()
        if not fresh:
            raise AppError("busy", f"{tree} 正在学习（第 {row.number} 个）。请等它完成。")
        await learn_tree(_Resources(database, Analyzers(settings)), row.id)
        async with database.session() as session:
            row = await get_head(session, row.id)
            if accept and row.state == "offered":
                row = await accept_head(session, tree, row.number, SYSTEM)
                await session.commit()
            return {name: getattr(row, name) for name in _COLUMNS}
    finally:
        await database.close()
