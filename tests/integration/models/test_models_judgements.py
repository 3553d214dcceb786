"""Judgements of many calls come from one query, each with its own call."""

from events.judgement import Judgement, JudgeQuestion
from models.calls import NewCall, add_call
from models.database import Database
from models.judgements import load_judgements, save_judgements


def _judgement(reason: str) -> Judgement:
    question = JudgeQuestion("坐席有没有催促？", "agent")
    return Judgement(question=question, verdict="no", reason=reason, judge="stub")


async def test_each_call_gets_its_own_judgements(database: Database) -> None:
    async with database.session() as session:
        one, other, silent = [
            (await add_call(session, NewCall(external_id=f"c{at}")))[0].id for at in range(3)
        ]
        await save_judgements(session, one, {"a": _judgement("1a"), "b": _judgement("1b")})
        await save_judgements(session, other, {"a": _judgement("2a"), "b": _judgement("2b")})
        found = await load_judgements(session, {one: ["a"], other: ["a", "b"], silent: ["a"]})
        assert {key: value.reason for key, value in found[one].items()} == {"a": "1a"}
        assert {key: value.reason for key, value in found[other].items()} == {"a": "2a", "b": "2b"}
        assert found[silent] == {}
        assert await load_judgements(session, {one: []}) == {one: {}}
