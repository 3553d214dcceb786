"""Answers of a language model on the page of a call."""

from api.web.judgement_view import QuoteEntry, judgement_entries
from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.judgement import Judgement, JudgeQuestion, JudgeQuote

_CALL = Transcript(
    AudioFacts(9_000, 8000, 2, "pcm", "wav"),
    EngineInfo("reference"),
    (Utterance(0, 0, "agent", 1000, 2000, "这个课程包过", "这个课程包过"),),
)
_PROMISED = JudgeQuestion("承诺了吗？", "agent")
_THANKED = JudgeQuestion("道谢了吗？")


def _said(verdict: str, *quotes: JudgeQuote, question: JudgeQuestion = _PROMISED) -> Judgement:
    return Judgement(question=question, verdict=verdict, reason="因为", judge="m", quotes=quotes)  # type: ignore[arg-type]


def test_the_latest_answer_to_each_question_is_shown_with_its_quotes() -> None:
    entries = judgement_entries(
        (
            _said("unanswered"),
            _said("no", question=_THANKED),
            _said("yes", JudgeQuote(utterance=0, char_start=4, char_end=6)),
        ),
        _CALL,
    )
    assert [(e.question, e.verdict) for e in entries] == [
        ("承诺了吗？", "yes"),
        ("道谢了吗？", "no"),
    ]
    assert entries[0].quotes == (QuoteEntry(0, "agent", 1666, "包过"),)


def test_what_was_not_answered_says_why() -> None:
    (entry,) = judgement_entries((_said("unanswered"),), None)
    assert (entry.verdict, entry.reason, entry.quotes) == ("unanswered", "因为", ())


def test_quotes_of_an_older_transcript_are_left_out() -> None:
    quotes = (
        JudgeQuote(utterance=3, char_start=0, char_end=2),
        JudgeQuote(utterance=0, char_start=4, char_end=9),
    )
    assert judgement_entries((_said("yes", *quotes),), _CALL)[0].quotes == ()
    assert judgement_entries((_said("yes", *quotes),), None)[0].quotes == ()
