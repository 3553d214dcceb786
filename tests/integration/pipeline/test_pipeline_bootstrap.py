"""A new database gets its packs and its administrator, once."""

import asyncio
import re

from core.settings import Settings
from events.document import load_pack, pack_names, parse_tree
from models.access import find_user
from models.database import Database
from models.passwords import check_password
from models.versions import list_versions, published_for
from pipeline.bootstrap import Bootstrapped, bootstrap, shipped_documents
from qa_rules.documents import rule_sets as rules


async def run(database: Database, settings: Settings) -> Bootstrapped:
    async with database.session() as session:
        made = await bootstrap(settings, session)
        await session.commit()
        return made


async def test_the_first_start_makes_packs_and_an_administrator(
    database: Database, settings: Settings
) -> None:
    made = await run(database, settings.model_copy(update={"admin_password": None}))
    assert made.admin_password is not None
    assert len(made.admin_password) >= 16
    async with database.session() as session:
        admin = await find_user(session, made.admin_username)
        assert admin is not None
        assert admin.role == "admin"
        assert check_password(made.admin_password, admin.password_hash)
        for domain in ("general", "edu", "ins", "unheard-of"):
            assert await published_for(session, "tree", domain) is not None
            assert await published_for(session, "ruleset", domain) is not None
    again = await run(database, settings)
    assert again == Bootstrapped("admin", None, ())


async def test_the_password_can_be_chosen(database: Database, settings: Settings) -> None:
    made = await run(database, settings)
    assert settings.admin_password is not None
    assert made.admin_made
    assert made.admin_password is None, "it was chosen: nobody needs to be told"
    async with database.session() as session:
        admin = await find_user(session, made.admin_username)
    assert admin is not None
    assert check_password(settings.admin_password.get_secret_value(), admin.password_hash)


async def test_several_processes_may_start_at_once(database: Database, settings: Settings) -> None:
    made = await asyncio.gather(*(run(database, settings) for _ in range(4)))
    assert sum(one.admin_made for one in made) == 1
    async with database.session() as session:
        versions = await list_versions(session, "tree")
    assert sorted(row.name for row in versions) == sorted(pack_names())


def test_shipped_documents_stand_alone_and_say_what_the_packs_say() -> None:
    for shipped in shipped_documents():
        assert not re.search("^extends:", shipped.document, re.MULTILINE)
        if shipped.kind == "tree":
            assert parse_tree(shipped.document) == load_pack(shipped.name)
        else:
            assert rules.parse_document(shipped.document) == rules.load_pack(shipped.name)
