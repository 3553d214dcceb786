"""What a language model answered about a call, as the call's page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from asr.transcript import Transcript
from events.judgement import Judgement, JudgeQuote, Verdict
from events.places import span_of


@dataclass(frozen=True, slots=True)
class QuoteEntry:
    """Words that prove a yes, and where they are said."""

    utterance: int
    role: str
    start_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class JudgementEntry:
    """One question with its answer; `reason` also says why there is none."""

    question: str
    verdict: Verdict
    reason: str
    judge: str
    quotes: tuple[QuoteEntry, ...]


def judgement_entries(
    judgements: Sequence[Judgement], transcript: Transcript | None
) -> tuple[JudgementEntry, ...]:
    """The latest answer to each question, in the order in which they were first asked.

    `judgements` are oldest first. Quotes that do not fit into the transcript, because it was made
    anew since, are left out.
    """
    latest = {item.question: item for item in judgements}
    return tuple(
        JudgementEntry(
            question=item.question.text,
            verdict=item.verdict,
            reason=item.reason,
            judge=item.judge,
            quotes=tuple(
                entry for quote in item.quotes if (entry := _quoted(quote, transcript)) is not None
            ),
        )
        for item in latest.values()
    )


def _quoted(quote: JudgeQuote, transcript: Transcript | None) -> QuoteEntry | None:
    utterances = transcript.utterances if transcript else ()
    if quote.utterance >= len(utterances):
        return None
    utterance = utterances[quote.utterance]
    if quote.char_end > len(utterance.text):
        return None
    start_ms = span_of(utterance, quote.char_start, quote.char_end).start_ms
    text = utterance.text[quote.char_start : quote.char_end]
    return QuoteEntry(utterance.index, utterance.role, start_ms, text)
