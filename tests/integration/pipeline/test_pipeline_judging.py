"""Asking a language model over HTTP that behaves, and one that does not."""

import pytest
from pydantic import SecretStr
from stub_judge import Behaviour, lies, stub_judge, yes_to_all

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from core.settings import JudgeSettings
from events.judgement import JudgeQuestion
from pipeline.judging.asking import Asked, ask, keys_of

_QUESTIONS = (
    JudgeQuestion("坐席是否报了价？", "agent"),
    JudgeQuestion("客户是否拒绝？", "customer"),
)


def _transcript(*texts: str) -> Transcript:
    roles = ("agent", "customer")
    return Transcript(
        AudioFacts(60_000, 8000, 2, "pcm", "wav"),
        EngineInfo("reference"),
        tuple(
            Utterance(i, i % 2, roles[i % 2], i * 1000, i * 1000 + 900, text, text)  # type: ignore[arg-type]
            for i, text in enumerate(texts)
        ),
    )


_CALL = _transcript("您好一年是两千八百块", "太贵了我不要了", "那行打扰您了")


def _settings(base_url: str, **given: object) -> JudgeSettings:
    values = {"base_url": base_url, "model": "stub", "timeout_s": 0.5, **given}
    return JudgeSettings.model_validate(values)


async def _ask(*behaviours: Behaviour, **given: object) -> tuple[Asked, list[dict[str, object]]]:
    async with stub_judge(*behaviours) as stub:
        asked = await ask(_settings(stub.base_url, **given), _CALL, _QUESTIONS)
        return asked, stub.bodies  # type: ignore[return-value]


async def test_all_questions_of_a_call_go_in_one_request() -> None:
    async with stub_judge(yes_to_all) as stub:
        settings = _settings(stub.base_url, api_key=SecretStr("k"))
        asked = await ask(settings, _CALL, _QUESTIONS)
    assert [item.verdict for item in asked.judgements] == ["yes", "yes"]
    assert [item.quotes[0].utterance for item in asked.judgements] == [0, 1]
    assert asked.failure is None
    assert stub.paths == ["/v1/chat/completions"]
    assert stub.headers[0]["authorization"] == "Bearer k"
    assert stub.bodies[0]["model"] == "stub"
    assert stub.bodies[0]["response_format"]["type"] == "json_schema"


async def test_lying_quotes_never_become_verdicts() -> None:
    asked, _ = await _ask(lies)
    assert {item.verdict for item in asked.judgements} == {"unanswered"}
    assert "原话" in asked.judgements[0].reason


@pytest.mark.parametrize(
    ("behaviour", "code", "retryable"),
    [
        ("slow", "judge-timeout", True),
        ("drip", "judge-timeout", True),
        ("hang-up", "judge-unreachable", True),
        ("huge", "judge-malformed", True),
        ("not-chat", "judge-malformed", True),
        ("我觉得是的", "judge-malformed", True),
        (500, "judge-busy", True),
        (429, "judge-busy", True),
        (401, "judge-refused", False),
        (400, "judge-refused", False),
        (302, "judge-refused", False),
    ],
)
async def test_misbehaviour_is_a_named_failure(
    behaviour: Behaviour, code: str, retryable: bool
) -> None:
    asked, _ = await _ask(behaviour)
    assert asked.failure is not None
    assert (asked.failure.code, asked.failure.retryable) == (code, retryable)
    assert asked.judgements == ()
    assert asked.failed == _QUESTIONS


async def test_nobody_listening_is_a_named_failure() -> None:
    asked = await ask(_settings("http://127.0.0.1:9/v1"), _CALL, _QUESTIONS)
    assert asked.failure is not None
    assert asked.failure.code == "judge-unreachable"


async def test_what_was_got_before_a_failure_is_kept() -> None:
    asked, bodies = await _ask(yes_to_all, 500, max_questions_per_request=1)
    assert [item.question for item in asked.judgements] == [_QUESTIONS[0]]
    assert asked.failed == (_QUESTIONS[1],)
    assert len(bodies) == 2


async def test_a_call_costs_no_more_than_its_budget() -> None:
    asked, bodies = await _ask(yes_to_all, max_questions_per_request=1, max_requests_per_call=1)
    assert len(bodies) == 1
    assert [item.verdict for item in asked.judgements] == ["yes", "unanswered"]
    assert "预算" in asked.judgements[1].reason


async def test_a_call_without_words_is_not_asked_about() -> None:
    asked = await ask(_settings("http://127.0.0.1:9/v1"), _transcript("", ""), _QUESTIONS)
    assert {item.verdict for item in asked.judgements} == {"unanswered"}
    assert asked.failure is None


def test_answers_are_kept_by_all_that_they_depend_on() -> None:
    base = _settings("http://a/v1")
    one = keys_of(base, _CALL, _QUESTIONS)
    assert one == keys_of(_settings("http://b/v1"), _CALL, _QUESTIONS)
    assert len(set(one.values())) == 2
    others = (
        keys_of(_settings("http://a/v1", model="other"), _CALL, _QUESTIONS),
        keys_of(base, _transcript("您好"), _QUESTIONS),
    )
    for other in others:
        assert not set(one.values()) & set(other.values())
