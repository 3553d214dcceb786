"""Judgements: what a language model answered to a question about one call, with its quotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from asr.transcript import Transcript
from events.hits import EventHit
from events.places import in_scope, span_of
from events.tree import EventNode, EventTree

SaidBy = Literal["agent", "customer", "any"]
Verdict = Literal["yes", "no", "unanswered"]


@dataclass(frozen=True, slots=True, order=True)
class JudgeQuestion:
    """A yes-or-no question about a call; `role` is whose words can prove a yes."""

    text: str
    role: SaidBy = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuote:
    """Words of one utterance that prove a yes: code points of its raw text, half-open."""

    utterance: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The answer to one question about one call.

    A `yes` has at least one quote, verified against the transcript; the others have none.
    `reason` is the judge's own for a yes or a no, and why there is no answer otherwise. `judge`
    names the model.
    """

    question: JudgeQuestion
    verdict: Verdict
    reason: str
    judge: str
    quotes: tuple[JudgeQuote, ...] = ()


Judgements = Mapping[JudgeQuestion, Judgement]


def tree_questions(tree: EventTree) -> tuple[JudgeQuestion, ...]:
    """The different questions that nodes of `tree` ask, in document order."""
    asked = (_question(node) for node in tree.walk())
    return tuple(dict.fromkeys(question for question in asked if question is not None))


def with_judged(
    tree: EventTree,
    transcript: Transcript,
    hits: Sequence[EventHit],
    judgements: Judgements,
) -> tuple[EventHit, ...]:
    """`hits` and those that judgements add, sorted by start time, utterance and order of the tree.

    A node is hit at every quote of a yes to its question, within its scope's limits of place and
    unless another layer has hit it in the same utterance. A judge gives no number: score 1.0.
    """
    if not judgements:
        return tuple(hits)
    known = {(hit.node, hit.utterance) for hit in hits}
    added: list[EventHit] = []
    for node in tree.walk():
        question = _question(node)
        judgement = judgements.get(question) if question else None
        if judgement is None:
            continue
        for hit in _hits(tree, node, transcript, judgement):
            if (hit.node, hit.utterance) not in known:
                known.add((hit.node, hit.utterance))
                added.append(hit)
    if not added:
        return tuple(hits)
    rank = {node.path: at for at, node in enumerate(tree.walk())}
    return tuple(
        sorted((*hits, *added), key=lambda h: (h.start_ms, h.utterance or 0, rank[h.node]))
    )


def _question(node: EventNode) -> JudgeQuestion | None:
    if not node.match.judge:
        return None
    return JudgeQuestion(node.match.judge, "any" if node.role == "unknown" else node.role)


def _hits(
    tree: EventTree, node: EventNode, transcript: Transcript, judgement: Judgement
) -> list[EventHit]:
    hits = []
    for quote in judgement.quotes:
        utterance = transcript.utterances[quote.utterance]
        if not in_scope(node.scope, utterance, transcript):
            continue
        span = span_of(utterance, quote.char_start, quote.char_end)
        hits.append(
            EventHit(
                node=node.path,
                tree=tree.ref,
                utterance=utterance.index,
                role=utterance.role,
                char_start=quote.char_start,
                char_end=quote.char_end,
                start_ms=span.start_ms,
                end_ms=span.end_ms,
                layer="judge",
                form="raw",
                score=1.0,
                text=utterance.text[quote.char_start : quote.char_end],
            )
        )
    return hits
