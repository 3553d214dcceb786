"""Versions: numbered, at most one published, found by domain, shipped ones kept up to date."""

import asyncio

import pytest

from core.errors import AppError
from models.actors import Actor
from models.database import Database
from models.versions import (
    DocumentKind,
    ShippedDocument,
    create_draft,
    get_version,
    list_versions,
    publish,
    published_for,
    seed_packs,
)

ME = Actor(username="me", role="manager")
KINDS: tuple[DocumentKind, ...] = ("tree", "ruleset")


def shipped(name: str = "包", document: str = "a", domain: str = "general") -> ShippedDocument:
    return ShippedDocument(kind="tree", name=name, domain=domain, document=document)


async def draft(
    database: Database, kind: DocumentKind, name: str, document: str = "x", domain: str = "edu"
) -> int:
    async with database.session() as session:
        row = await create_draft(
            session, kind, name=name, domain=domain, document=document, actor=ME
        )
        await session.commit()
        return row.version


async def states(database: Database, kind: DocumentKind, name: str) -> dict[int, str]:
    async with database.session() as session:
        return {row.version: row.state for row in await list_versions(session, kind, name)}


@pytest.mark.parametrize("kind", KINDS)
async def test_publishing_archives_the_version_before(
    database: Database, kind: DocumentKind
) -> None:
    assert [await draft(database, kind, "甲") for _ in range(3)] == [1, 2, 3]
    async with database.session() as session:
        await publish(session, kind, "甲", 1)
        await publish(session, kind, "甲", 3)
        again = await publish(session, kind, "甲", 3)
        await session.commit()
    assert again.published_at is not None
    assert await states(database, kind, "甲") == {1: "archived", 2: "draft", 3: "published"}
    async with database.session() as session:
        await publish(session, kind, "甲", 1)
        await session.commit()
    assert await states(database, kind, "甲") == {1: "published", 2: "draft", 3: "archived"}


async def test_concurrent_drafts_get_different_numbers(database: Database) -> None:
    numbers = await asyncio.gather(*(draft(database, "tree", "甲") for _ in range(8)))
    assert sorted(numbers) == list(range(1, 9))


async def test_an_unknown_version_is_named(database: Database) -> None:
    async with database.session() as session:
        with pytest.raises(AppError, match="第 7 版") as caught:
            await get_version(session, "tree", "甲", 7)
    assert caught.value.code == "not-found"


async def test_a_domain_uses_its_own_version_else_the_general_one(database: Database) -> None:
    async with database.session() as session:
        assert await published_for(session, "tree", "edu") is None
        await seed_packs(session, [shipped("通用"), shipped("教育", domain="edu")])
        found = {
            domain: await published_for(session, "tree", domain)
            for domain in ("edu", "ins", "general", None)
        }
        await session.commit()
    assert {domain: row.name for domain, row in found.items() if row} == {
        "edu": "教育", "ins": "通用", "general": "通用", None: "通用",
    }  # fmt: skip
    await draft(database, "tree", "自己的")
    async with database.session() as session:
        still = await published_for(session, "tree", "edu")
        await publish(session, "tree", "自己的", 1)
        own = await published_for(session, "tree", "edu")
    assert still is not None
    assert still.name == "教育"
    assert own is not None
    assert own.name == "自己的"


async def test_a_changed_pack_becomes_the_next_version(database: Database) -> None:
    async with database.session() as session:
        assert len(await seed_packs(session, [shipped(document="a")])) == 1
        assert await seed_packs(session, [shipped(document="a")]) == ()
        (second,) = await seed_packs(session, [shipped(document="b")])
        await session.commit()
    assert (second.version, second.origin, second.document) == (2, "pack", "b")
    assert await states(database, "tree", "包") == {1: "archived", 2: "published"}


async def test_a_pack_that_people_have_edited_is_left_alone(database: Database) -> None:
    async with database.session() as session:
        await seed_packs(session, [shipped(document="a")])
        await session.commit()
    await draft(database, "tree", "包", "mine")
    async with database.session() as session:
        assert await seed_packs(session, [shipped(document="b")]) == ()
    assert await states(database, "tree", "包") == {1: "published", 2: "draft"}
