"""Bootstrap: what a database needs before its first call — versions to analyse with, an admin."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.settings import Settings
from events import document as trees
from events.dumping import dump_tree
from models.access import add_user, count_users
from models.passwords import new_password
from models.versions import GENERAL_DOMAIN, ShippedDocument, seed_packs
from qa_rules.documents import rule_sets as rules

ADMIN_USERNAME = "admin"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What was made.

    `admin_password` is the generated one: show it now, it cannot be read again. It is None when
    there were users already, and when the settings chose it. `published` names the versions
    (`name@version`) that are new. `admin_made` tells whether the administrator is new.
    """

    admin_username: str
    admin_password: str | None
    published: tuple[str, ...]
    admin_made: bool = False


async def bootstrap(settings: Settings, session: AsyncSession) -> Bootstrapped:
    """Publish the shipped trees and rule sets that are new, and make the first administrator.

    Safe at every start and from several processes at once. The caller commits.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('bootstrap'))"))
    published = await seed_packs(session, shipped_documents())
    made, password = await _first_admin(settings, session)
    return Bootstrapped(
        ADMIN_USERNAME,
        password,
        tuple(f"{row.name}@{row.version}" for row in published),
        admin_made=made,
    )


@lru_cache(maxsize=1)
def shipped_documents() -> tuple[ShippedDocument, ...]:
    """Every shipped tree and rule set, with what it extends written out.

    Written out, because a published version must not change when the pack it builds on does.
    """
    tree_packs = [trees.load_pack(name) for name in trees.pack_names()]
    rule_packs = [rules.load_pack(name) for name in rules.pack_names()]
    return (
        *(
            ShippedDocument(
                kind="tree",
                name=tree.name,
                domain=tree.domain or GENERAL_DOMAIN,
                document=dump_tree(tree),
            )
            for tree in tree_packs
        ),
        *(
            ShippedDocument(
                kind="ruleset",
                name=ruleset.name,
                domain=ruleset.domain or GENERAL_DOMAIN,
                document=rules.dump_ruleset(ruleset),
            )
            for ruleset in rule_packs
        ),
    )


async def _first_admin(settings: Settings, session: AsyncSession) -> tuple[bool, str | None]:
    """Whether an administrator was made, and the password when it was generated."""
    if await count_users(session) > 0:
        return False, None
    preset = settings.admin_password
    generated = new_password() if preset is None else None
    await add_user(
        session,
        username=ADMIN_USERNAME,
        password=generated or (preset.get_secret_value() if preset is not None else ""),
        role="admin",
        display_name="管理员",
    )
    return True, generated
