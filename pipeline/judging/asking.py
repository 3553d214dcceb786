"""Asking: the questions of one call to the endpoint, within the call's budget."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.errors import AppError
from core.ids import sha256_text
from core.settings import JudgeSettings
from events.judgement import Judgement, Judgements, JudgeQuestion
from models.judgements import load_judgements
from pipeline.judging.answers import combined, judgements, unanswered
from pipeline.judging.endpoint import Endpoint
from pipeline.judging.prompt import PROMPT_VERSION, Request, requests

logger = logging.getLogger(__name__)

_OVER_BUDGET = "超出每通通话的请求预算（TINGJIAN_JUDGE__MAX_REQUESTS_PER_CALL）"
_NO_TEXT = "通话没有转写文字"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking.

    `judgements` are final, `failed` the questions that no answer was got for, and `failure` why;
    asking them again may help when it is retryable.
    """

    judgements: tuple[Judgement, ...]
    failed: tuple[JudgeQuestion, ...] = ()
    failure: AppError | None = None


@dataclass(slots=True)
class _Parts:
    """Per question what each part of the call gave; None where the part was not asked."""

    given: dict[JudgeQuestion, list[Judgement | None]] = field(default_factory=dict)

    def add(self, question: JudgeQuestion, judgement: Judgement | None) -> None:
        self.given.setdefault(question, []).append(judgement)


async def ask(
    settings: JudgeSettings, transcript: Transcript, questions: Sequence[JudgeQuestion]
) -> Asked:
    """The judgements of the questions, asked one request after another.

    After a failure no more requests are made: what was got stays, the rest is `failed`.
    """
    if not any(u.text for u in transcript.utterances):
        return Asked(tuple(unanswered(q, settings.model, _NO_TEXT) for q in questions))
    planned = requests(
        transcript.utterances,
        questions,
        max_input_chars=settings.max_input_chars,
        max_questions=settings.max_questions_per_request,
    )
    paid, unpaid = (
        planned[: settings.max_requests_per_call],
        planned[settings.max_requests_per_call :],
    )
    parts = _Parts()
    failed: dict[JudgeQuestion, None] = {}
    failure: AppError | None = None
    async with Endpoint(settings) as endpoint:
        for request in paid:
            if failure is None:
                try:
                    for judgement in await _answer(endpoint, settings, request):
                        parts.add(judgement.question, judgement)
                    continue
                except AppError as error:
                    failure = error
            failed.update(dict.fromkeys(request.questions))
    for request in unpaid:
        for question in request.questions:
            parts.add(question, None)
    done = [
        _whole(question, given, settings.model)
        for question, given in parts.given.items()
        if question not in failed
    ]
    return Asked(tuple(done), tuple(failed), failure)


def keys_of(
    settings: JudgeSettings, transcript: Transcript, questions: Sequence[JudgeQuestion]
) -> dict[JudgeQuestion, str]:
    """What each question's answer is kept under: the same content is never asked about twice.

    SHA-256 of the prompt's version, the model, the question, and who said what in the call.
    """
    if not questions:
        return {}
    said = "\n".join(f"{u.index}\t{u.role}\t{u.text}" for u in transcript.utterances if u.text)
    base = f"{PROMPT_VERSION}\n{settings.model}\n{sha256_text(said)}"
    return {q: sha256_text(f"{base}\n{q.role}\n{q.text}") for q in questions}


async def stored_judgements(
    session: AsyncSession,
    settings: JudgeSettings,
    call_id: uuid.UUID,
    transcript: Transcript,
    questions: Sequence[JudgeQuestion],
) -> Judgements:
    """What is known of the questions for just this transcript and model."""
    known = await judgements_of_calls(session, settings, {call_id: (transcript, questions)})
    return known[call_id]


async def judgements_of_calls(
    session: AsyncSession,
    settings: JudgeSettings,
    asked: Mapping[uuid.UUID, tuple[Transcript, Sequence[JudgeQuestion]]],
) -> dict[uuid.UUID, Judgements]:
    """As `stored_judgements`, of many calls in one query; every call is listed."""
    keys = {call_id: keys_of(settings, *of_call) for call_id, of_call in asked.items()}
    stored = await load_judgements(
        session, {call_id: frozenset(of_call.values()) for call_id, of_call in keys.items()}
    )
    return {
        call_id: {q: stored[call_id][key] for q, key in of_call.items() if key in stored[call_id]}
        for call_id, of_call in keys.items()
    }


async def _answer(
    endpoint: Endpoint, settings: JudgeSettings, request: Request
) -> tuple[Judgement, ...]:
    completion = await endpoint.complete(request.messages())
    found = judgements(request, completion.content, settings.model)
    counts: Mapping[str, int] = {
        verdict: sum(item.verdict == verdict for item in found)
        for verdict in ("yes", "no", "unanswered")
    }
    logger.info(
        "language model answered",
        extra={
            "model": settings.model,
            "prompt_tokens": completion.prompt_tokens,
            "completion_tokens": completion.completion_tokens,
            **counts,
        },
    )
    return found


def _whole(question: JudgeQuestion, given: Sequence[Judgement | None], judge: str) -> Judgement:
    return combined([part or unanswered(question, judge, _OVER_BUDGET) for part in given])
