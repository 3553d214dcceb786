"""Hits that come from a language model's judgements."""

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.document import parse_tree
from events.dumping import dump_tree
from events.hits import EventHit
from events.judgement import (
    Judgement,
    JudgeQuestion,
    JudgeQuote,
    tree_questions,
    with_judged,
)
from events.matching import TreeMatcher

_TREE = parse_tree(
    """
tree: t
nodes:
- key: promise
  name: 口头承诺
  role: agent
  match: {judge: 坐席是否承诺了结果？, keywords: [包过]}
- key: opening
  name: 开场
  role: agent
  match: {judge: 坐席是否承诺了结果？}
  scope: {first_utterances: 1}
"""
)
_QUESTION = JudgeQuestion("坐席是否承诺了结果？", "agent")
_CALL = Transcript(
    AudioFacts(9_000, 8000, 2, "pcm", "wav"),
    EngineInfo("reference"),
    (
        Utterance(0, 0, "agent", 0, 1000, "这个课程包过", "这个课程包过"),
        Utterance(1, 1, "customer", 1000, 2000, "真的吗", "真的吗"),
        Utterance(2, 0, "agent", 2000, 3000, "没问题闭着眼睛都行", "没问题闭着眼睛都行"),
    ),
)


def _judged(verdict: str, *quotes: JudgeQuote) -> tuple[EventHit, ...]:
    answer = Judgement(question=_QUESTION, verdict=verdict, reason="", judge="m", quotes=quotes)  # type: ignore[arg-type]
    matched = TreeMatcher(_TREE, None).match(_CALL)
    return with_judged(_TREE, _CALL, matched, {_QUESTION: answer})


def test_nodes_with_the_same_question_ask_it_once() -> None:
    assert tree_questions(_TREE) == (_QUESTION,)


def test_a_question_survives_the_document() -> None:
    assert parse_tree(dump_tree(_TREE)) == _TREE


def test_a_yes_hits_at_its_quotes_inside_the_scope() -> None:
    quotes = (
        JudgeQuote(utterance=0, char_start=4, char_end=6),
        JudgeQuote(utterance=2, char_start=3, char_end=9),
    )
    hits = _judged("yes", *quotes)
    assert [(h.node, h.utterance, h.layer, h.text) for h in hits] == [
        # The keyword had the first place already; the opening's scope ends before the second.
        ("口头承诺", 0, "keyword", "包过"),
        ("开场", 0, "judge", "包过"),
        ("口头承诺", 2, "judge", "闭着眼睛都行"),
    ]
    assert 2000 <= hits[2].start_ms < hits[2].end_ms <= 3000


def test_a_no_and_no_answer_add_nothing() -> None:
    for verdict in ("no", "unanswered"):
        assert [hit.layer for hit in _judged(verdict)] == ["keyword"]
