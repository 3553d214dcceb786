"""A database made ready: migrated, with the shipped packs and an administrator."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.settings import Settings

if TYPE_CHECKING:
    from models.database import Database
    from pipeline.bootstrap import Bootstrapped

PRESET = "密码：TINGJIAN_ADMIN_PASSWORD 里指定的那个"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done: migrations `applied`, in order, and what was `made`."""

    applied: tuple[str, ...]
    made: "Bootstrapped"


async def prepare(settings: Settings, database: "Database") -> Prepared:
    """Migrate the database, publish the packs that are new, make the first administrator.

    Safe to repeat: what is there already stays.
    """
    from models.database import migrate as upgrade
    from pipeline.bootstrap import bootstrap

    pending = await database.pending_migrations()
    await asyncio.to_thread(upgrade, database.url)
    async with database.session() as session:
        made = await bootstrap(settings, session)
        await session.commit()
    return Prepared(pending, made)


def sign_in_lines(made: "Bootstrapped") -> tuple[str, ...]:
    """How to sign in as the administrator; a generated password is told this once, no other is."""
    name = f"用户名：{made.admin_username}"
    if made.admin_password is not None:
        return name, f"密码：{made.admin_password}（只显示这一次）"
    if made.admin_made:
        return name, PRESET
    return (f"{name}（密码是初始化时显示或指定的那个）",)
