"""Taking the next call: any length of queue, several reviewers at once, on the real database."""

import asyncio
import datetime as dt
import itertools

import psycopg
from reviewed_calls import LOCK, NOW, Desk
from sqlalchemy import select
from waiting import until

from core.settings import Settings
from models.actors import Actor
from models.calls import CallFilter
from models.database import libpq_url
from models.reviews.queue import QueueFilter, next_free
from models.reviews.reviews import view_of
from models.reviews.states import way_to_take
from models.tables import Call, Review
from pipeline.reviews import workflow
from pipeline.reviews.next_call import take_next

EVERYTHING = QueueFilter()


async def taken(desk: Desk, actor: Actor, after: Call | None = None) -> Call | None:
    async with desk.database.session() as session:
        call = await take_next(
            session, EVERYTHING, actor, now=NOW, lock_for=LOCK, order="oldest",
            after=after.id if after else None,
        )  # fmt: skip
        await session.commit()
        return call


async def hold(desk: Desk, calls: list[Call], **values: object) -> None:
    async with desk.database.session() as session:
        for call in calls:
            session.add(Review(call_id=call.id, **{"state": "assigned", **values}))
        await session.commit()


async def test_two_transactions_at_once_get_different_calls_without_waiting(desk: Desk) -> None:
    first, second = await desk.add(), await desk.add()
    async with desk.database.session() as one, desk.database.session() as other:
        options = {"now": NOW, "lock_for": LOCK, "order": "oldest"}
        mine = await take_next(one, EVERYTHING, desk.people.li, **options)  # type: ignore[arg-type]
        # The first one has not committed: nobody can see yet that its call is taken.
        theirs = await take_next(other, EVERYTHING, desk.people.wang, **options)  # type: ignore[arg-type]
        nothing = await take_next(other, EVERYTHING, desk.people.wang, **options)  # type: ignore[arg-type]
        await other.commit()
        await one.commit()
    assert mine is not None
    assert theirs is not None
    assert (mine.id, theirs.id) == (first.id, second.id)
    assert nothing is None or nothing.id == second.id, "what one holds is one's own"


async def test_who_opens_the_very_call_first_keeps_it(desk: Desk, settings: Settings) -> None:
    first, second = await desk.add(), await desk.add()
    assert settings.database_url is not None
    url = libpq_url(settings.database_url.get_secret_value())
    async with desk.database.session() as session:
        call = await session.get_one(Call, first.id)
        await workflow.take(session, call, desk.people.li, now=NOW, lock_for=LOCK)
        waiting = asyncio.create_task(taken(desk, desk.people.wang))
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as watcher:
            await until(lambda: _somebody_waits(watcher))
        await session.commit()
    got = await waiting
    assert got is not None
    assert got.id == second.id


async def test_the_free_call_is_found_behind_any_number_of_others(desk: Desk) -> None:
    calls = [await desk.add() for _ in range(220)]
    held = {"holder_id": desk.people.li.user_id, "lock_expires_at": NOW + LOCK}
    await hold(desk, calls[:-1], **held)
    got = await taken(desk, desk.people.wang)
    assert got is not None
    assert got.id == calls[-1].id
    assert await taken(desk, desk.people.other_boss) is None


async def test_the_queue_goes_on_behind_the_call_one_comes_from(desk: Desk) -> None:
    calls = [await desk.add() for _ in range(3)]
    me = desk.people.li
    seen = [await taken(desk, me)]
    for _ in range(3):
        seen.append(await taken(desk, me, after=seen[-1]))
    assert [call.id for call in seen if call] == [*(call.id for call in calls), calls[0].id]


async def test_the_condition_in_sql_is_that_of_the_state_machine(desk: Desk) -> None:
    people = desk.people
    holders = (None, people.li.user_id, people.wang.user_id, people.boss.user_id)
    locks = (None, NOW - dt.timedelta(seconds=1), NOW, NOW + LOCK)
    calls = [await desk.add()]
    states = ("pending", "assigned", "reviewed", "appealed", "final")
    for state, holder, lock in itertools.product(states, holders, locks):
        if (holder is None) == (state == "assigned"):
            continue
        calls.append(await desk.add())
        await hold(desk, calls[-1:], state=state, holder_id=holder, lock_expires_at=lock)
    actors = (people.li, people.wang, people.boss, people.admin)
    async with desk.database.session() as session:
        reviews = {row.call_id: row for row in await session.scalars(select(Review))}
        for call, actor in itertools.product(calls, actors):
            where = QueueFilter(calls=CallFilter(q=call.file_name))
            found = await next_free(session, where, actor, NOW)
            way = way_to_take(view_of(reviews.get(call.id), call), actor, NOW)
            assert (found is not None) == (way is not None), view_of(reviews.get(call.id), call)
        await session.rollback()


async def _somebody_waits(watcher: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
    cursor = await watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    row = await cursor.fetchone()
    return row is not None and row[0] != 0
