"""Calls are stored once, found by every filter, and held by one try at a time."""

import asyncio
import datetime as dt
import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import AppError
from models.calls import (
    AudioPart,
    CallFilter,
    NewCall,
    add_call,
    get_call,
    hold_stage,
    list_calls,
    start_stage,
)
from models.database import Database
from models.tables import Call, CallContent, CallIdentity, EventHitRow, FindingRow, UtteranceRow


def part(digest: str = "a" * 64) -> AudioPart:
    return AudioPart(
        sha256=digest,
        blob_key=f"audio/{digest}",
        file_name="call.wav",
        size_bytes=10,
        media_type="audio/wav",
    )


def call(external_id: str | None = None, digest: str = "a" * 64, source: str = "pbx") -> NewCall:
    return NewCall(source=source, external_id=external_id, parts=(part(digest),))


async def add(database: Database, new: NewCall) -> tuple[uuid.UUID, bool]:
    async with database.session() as session:
        row, created = await add_call(session, new)
        await session.commit()
        return row.id, created


async def rows(session: AsyncSession, table: type) -> int:
    return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_the_same_external_id_is_one_call_whatever_its_content(database: Database) -> None:
    first, created = await add(database, call("1", "a" * 64))
    second, again = await add(database, call("1", "b" * 64))
    assert (created, again) == (True, False)
    assert first == second


async def test_external_ids_are_scoped_by_their_source(database: Database) -> None:
    first, _ = await add(database, call("1", "a" * 64, source="pbx"))
    second, created = await add(database, call("1", "b" * 64, source="crm"))
    assert created
    assert first != second


async def test_the_same_content_without_ids_is_one_call(database: Database) -> None:
    first, _ = await add(database, call())
    second, created = await add(database, call())
    assert (first, created) == (second, False)


async def test_the_same_content_under_two_external_ids_is_two_calls(database: Database) -> None:
    first, _ = await add(database, call("1"))
    second, created = await add(database, call("2"))
    assert created
    assert first != second
    by_hand, created = await add(database, call())
    assert (by_hand, created) == (first, False)


async def test_a_call_uploaded_by_hand_takes_over_the_id_it_is_sent_with(
    database: Database,
) -> None:
    first, _ = await add(database, call())
    second, created = await add(database, call("77"))
    assert (second, created) == (first, False)
    again, created = await add(database, call("77", "b" * 64))
    assert (again, created) == (first, False)
    async with database.session() as session:
        stored = await get_call(session, first)
        assert (stored.source, stored.external_id) == ("pbx", "77")


async def test_a_pair_is_known_by_both_files_in_order(database: Database) -> None:
    pair = NewCall(parts=(part("a" * 64), part("b" * 64)))
    swapped = NewCall(parts=(part("b" * 64), part("a" * 64)))
    first, _ = await add(database, pair)
    assert await add(database, pair) == (first, False)
    assert (await add(database, swapped))[1]
    assert (await add(database, call(digest="a" * 64)))[1]


@pytest.mark.parametrize("external_id", [None, "42"])
async def test_many_at_once_make_one_call(database: Database, external_id: str | None) -> None:
    results = await asyncio.gather(*(add(database, call(external_id)) for _ in range(12)))
    assert len({call_id for call_id, _ in results}) == 1
    assert [created for _, created in results].count(True) == 1
    async with database.session() as session:
        assert await rows(session, Call) == 1
        assert await rows(session, CallContent) == 1
        assert await rows(session, CallIdentity) == (0 if external_id is None else 1)


async def test_two_senders_at_once_with_the_same_content_are_two_calls(
    database: Database,
) -> None:
    results = await asyncio.gather(*(add(database, call(str(i % 3))) for i in range(12)))
    assert len({call_id for call_id, _ in results}) == 3
    assert [created for _, created in results].count(True) == 3


async def test_a_waiting_duplicate_is_created_when_the_first_one_rolls_back(
    database: Database,
) -> None:
    async with database.session() as session:
        await add_call(session, call("9"))
        waiting = asyncio.create_task(add(database, call("9")))
        done, _ = await asyncio.wait((waiting,), timeout=0.3)
        assert not done
        await session.rollback()
    _, created = await waiting
    assert created


async def test_unknown_metadata_is_refused(database: Database) -> None:
    async with database.session() as session:
        with pytest.raises(AppError) as caught:
            await add_call(session, NewCall(metadata={"colour": "red"}))
    assert caught.value.code == "bad-metadata"


@pytest.mark.parametrize(
    "new",
    [
        NewCall(file_name="a\0.wav"),
        NewCall(external_id="1\0"),
        NewCall(metadata={"agent": "\0"}),
        NewCall(metadata={"fields": {"a": ["\0"]}}),
    ],
)
async def test_what_the_database_cannot_store_is_refused(database: Database, new: NewCall) -> None:
    async with database.session() as session:
        with pytest.raises(AppError) as caught:
            await add_call(session, new)
    assert caught.value.code == "bad-metadata"


async def test_pages_cover_every_call_once_newest_first(database: Database) -> None:
    added = [(await add(database, call(str(i), f"{i:064x}")))[0] for i in range(7)]
    seen: list[uuid.UUID] = []
    cursor = None
    async with database.session() as session:
        while True:
            page = await list_calls(session, cursor=cursor, limit=3)
            seen += [row.id for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        with pytest.raises(AppError) as caught:
            await list_calls(session, cursor="nonsense")
    assert seen == sorted(added, reverse=True)
    assert caught.value.code == "bad-cursor"


def _moment(day: int) -> dt.datetime:
    return dt.datetime(2026, 3, day, 10, tzinfo=dt.UTC)


async def _sample(session: AsyncSession) -> dict[str, Call]:
    """Two calls that differ in everything a filter looks at."""
    found = {}
    for number, name in enumerate(("one", "two"), start=1):
        row, _ = await add_call(
            session,
            NewCall(
                external_id=f"ext-{name}",
                file_name=f"{name}.wav",
                parts=(part(f"{number:064x}"),),
                metadata={
                    "agent": f"agent-{name}", "team": f"team-{name}", "campaign": f"c-{name}",
                    "domain": f"d-{name}", "direction": f"dir-{name}", "customer_id": f"cu-{name}",
                    "disposition": f"disp-{name}", "lead_source": f"lead-{name}",
                    "started_at": _moment(number), "fields": {},
                },
            ),
        )  # fmt: skip
        row.state = "done" if name == "one" else "failed"
        row.score, row.passed = (90.0, True) if name == "one" else (40.0, False)
        evidence = {
            "role": "agent", "char_start": 0, "char_end": 2, "start_ms": 0, "end_ms": 10,
            "layer": "keyword", "form": "raw", "score": 1.0, "text": "x", "utterance": 0,
        }  # fmt: skip
        session.add_all(
            [
                UtteranceRow(
                    call_id=row.id, position=0, channel=0, role="agent", start_ms=0, end_ms=10,
                    text=f"您好 100%_{name}", normalised="您好", words=[], confidence=None,
                    reliability="high",
                ),
                EventHitRow(
                    call_id=row.id, position=0, node=f"开场白/{name}", tree="t@1", **evidence
                ),
                FindingRow(
                    call_id=row.id, position=0, rule=f"rule-{name}", rule_name=f"规则-{name}",
                    category="", severity="minor", outcome="hit", score_effect=-1, veto=False,
                    reason="", ruleset="r@1", evidence=[],
                ),
                FindingRow(
                    call_id=row.id, position=1, rule="both", rule_name="都有", category="",
                    severity="minor", outcome="hit" if name == "one" else "clear",
                    score_effect=0, veto=False, reason="", ruleset="r@1", evidence=[],
                ),
            ]
        )  # fmt: skip
        found[name] = row
    await session.flush()
    return found


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (CallFilter(), {"one", "two"}),
        (CallFilter(agent="agent-one"), {"one"}),
        (CallFilter(team="team-two"), {"two"}),
        (CallFilter(campaign="c-one"), {"one"}),
        (CallFilter(domain="d-two"), {"two"}),
        (CallFilter(direction="dir-one"), {"one"}),
        (CallFilter(disposition="disp-two"), {"two"}),
        (CallFilter(lead_source="lead-one"), {"one"}),
        (CallFilter(external_id="ext-two"), {"two"}),
        (CallFilter(state="failed"), {"two"}),
        (CallFilter(passed=False), {"two"}),
        (CallFilter(started_from=_moment(2)), {"two"}),
        (CallFilter(started_to=_moment(2)), {"one"}),
        (CallFilter(score_min=90), {"one"}),
        (CallFilter(score_max=89.9), {"two"}),
        (CallFilter(rule="rule-two"), {"two"}),
        (CallFilter(rule="规则-one"), {"one"}),
        (CallFilter(rule="both"), {"one"}),
        (CallFilter(node="开场白/two"), {"two"}),
        (CallFilter(node="开场白"), {"one", "two"}),
        (CallFilter(node="开场"), set()),
        (CallFilter(q="ONE.WAV"), {"one"}),
        (CallFilter(q="100%_t"), {"two"}),
        (CallFilter(q="100_%"), set()),
        (CallFilter(q="cu-one"), {"one"}),
        (CallFilter(teams=("team-one",)), {"one"}),
        (CallFilter(teams=()), set()),
        (CallFilter(own_agent="agent-two"), {"two"}),
        (CallFilter(agent="agent-one", team="team-two"), set()),
    ],
)
async def test_filters(database: Database, where: CallFilter, expected: set[str]) -> None:
    async with database.session() as session:
        sample = await _sample(session)
        page = await list_calls(session, where)
        assert {row.id for row in page.items} == {sample[name].id for name in expected}


async def test_called_at_follows_the_start_time(database: Database) -> None:
    async with database.session() as session:
        row, _ = await add_call(session, call())
        assert row.called_at == row.received_at
        row.started_at = _moment(1)
        await session.flush()
        assert row.called_at == _moment(1)


async def test_a_stage_belongs_to_the_latest_try(database: Database) -> None:
    call_id, _ = await add(database, call())
    async with database.session() as session:
        first = await start_stage(session, call_id, "transcribe")
        await session.commit()
        second = await start_stage(session, call_id, "transcribe")
        await session.commit()
        assert first is not None
        assert second is not None
        assert second[0].attempts == 2
        assert await hold_stage(session, call_id, "transcribe", first[1]) is None
        assert await hold_stage(session, call_id, "transcribe", second[1]) is not None
        assert await start_stage(session, call_id, "analyze") is None
