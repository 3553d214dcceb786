"""Answers of a language model, believed only as far as the transcript bears them out."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asr.transcript import Utterance
from core.errors import AppError
from events.judgement import Judgement, JudgeQuestion, JudgeQuote
from pipeline.judging.prompt import Request

_LONGEST_REASON = 200
_SHORTEST_QUOTE = 2
_WRAPPED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


class _Quote(BaseModel):
    model_config = ConfigDict(strict=True)
    i: int
    text: str


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True)
    id: str
    verdict: Literal["yes", "no"]
    quotes: list[_Quote] = Field(default_factory=list)
    reason: str = ""


def judgements(request: Request, content: str, judge: str) -> tuple[Judgement, ...]:
    """The judgement of each question of the request, in order.

    A question without an answer, answered twice, answered with something else than the format
    asks for, or answered yes without a quote that stands word for word in an utterance of the
    right side, is `unanswered`, and `reason` says which.

    Raises:
        AppError: retryable `judge-malformed` when the content is not the JSON that was asked for.
    """
    items = _items(content)
    counts = Counter(item.get("id") for item in items if isinstance(item.get("id"), str))
    by_id = {item["id"]: item for item in items if counts.get(item.get("id")) == 1}
    found = []
    for key, question in request.identified().items():
        if counts[key] > 1:
            found.append(unanswered(question, judge, "同一个问题得到了多个答案"))
        elif key not in by_id:
            found.append(unanswered(question, judge, "模型没有回答这个问题"))
        else:
            found.append(_judgement(request.utterances, question, by_id[key], judge))
    return tuple(found)


def unanswered(question: JudgeQuestion, judge: str, why: str) -> Judgement:
    """The judgement that there is none, and why."""
    return Judgement(question=question, verdict="unanswered", reason=why, judge=judge)


def combined(parts: Sequence[Judgement]) -> Judgement:
    """One judgement of a question from those of the parts of a call, in the order of the call.

    Yes when a part says yes; no only when every part says no.
    """
    said_yes = [part for part in parts if part.verdict == "yes"]
    if said_yes:
        first = said_yes[0]
        quotes = tuple(quote for part in said_yes for quote in part.quotes)
        return Judgement(
            question=first.question,
            verdict="yes",
            reason=first.reason,
            judge=first.judge,
            quotes=quotes,
        )
    return next((part for part in parts if part.verdict == "unanswered"), parts[0])


def _items(content: str) -> list[dict[str, Any]]:
    text = _THOUGHT.sub("", content).strip()
    wrapped = _WRAPPED.search(text)
    try:
        document = json.loads(wrapped.group(1) if wrapped else text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _malformed() from error
    answers = document.get("answers") if isinstance(document, dict) else None
    if not isinstance(answers, list):
        raise _malformed()
    return [item for item in answers if isinstance(item, dict)]


def _malformed() -> AppError:
    return AppError(
        "judge-malformed",
        "语言模型的回答不是约定的 JSON。请换一个支持结构化输出的模型，"
        "或调整 TINGJIAN_JUDGE__RESPONSE_FORMAT。",
        retryable=True,
    )


def _judgement(
    utterances: Sequence[Utterance], question: JudgeQuestion, item: dict[str, Any], judge: str
) -> Judgement:
    try:
        answer = _Answer.model_validate(item)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        return unanswered(question, judge, f"模型的答案不合格式（{place}）")
    reason = answer.reason.strip()[:_LONGEST_REASON]
    if answer.verdict == "no":
        return Judgement(question=question, verdict="no", reason=reason, judge=judge)
    quotes: list[JudgeQuote] = []
    for quote in answer.quotes:
        found = _find(utterances, question, quote)
        if found is None:
            return unanswered(question, judge, "引文在通话里找不到原话，判定被拒绝")
        quotes.append(found)
    if not quotes:
        return unanswered(question, judge, "模型答是而没有给出引文，判定被拒绝")
    return Judgement(
        question=question,
        verdict="yes",
        reason=reason,
        judge=judge,
        quotes=tuple(dict.fromkeys(quotes)),
    )


def _find(
    utterances: Sequence[Utterance], question: JudgeQuestion, quote: _Quote
) -> JudgeQuote | None:
    """Where the quote stands: in the utterance it names, else in the first other one."""
    text = quote.text.strip()
    if len(text) < _SHORTEST_QUOTE:
        return None
    for utterance in sorted(utterances, key=lambda u: u.index != quote.i):
        at = utterance.text.find(text)
        if at >= 0 and (question.role == "any" or utterance.role in (question.role, "unknown")):
            return JudgeQuote(utterance=utterance.index, char_start=at, char_end=at + len(text))
    return None
