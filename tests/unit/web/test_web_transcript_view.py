from hypothesis import given
from hypothesis import strategies as st

from api.web.transcript_view import Mark, marks_of, text_runs, transcript_lines
from asr.transcript import (
    AudioFacts,
    ChannelSpeech,
    DroppedSegment,
    EngineInfo,
    Replacement,
    Role,
    Transcript,
    UntranscribedSpeech,
    Utterance,
    Word,
)
from core.evidence import Evidence
from events.hits import EventHit
from qa_rules.findings import Finding


def utterance(
    text: str, words: tuple[Word, ...] = (), index: int = 0, role: Role = "agent", start: int = 0
) -> Utterance:
    return Utterance(
        index, 0 if role == "agent" else 1, role, start, start + 1000, text, text, words
    )


def hit(start: int, end: int, utterance: int = 0) -> EventHit:
    return EventHit(
        utterance=utterance, role="agent", char_start=start, char_end=end, start_ms=0, end_ms=1000,
        layer="keyword", form="raw", score=1.0, text="", node="开场白/问候语", tree="t@1",
    )  # fmt: skip


def mark(start: int, end: int) -> Mark:
    return Mark(id="f0-0", finding="f0", utterance=0, char_start=start, char_end=end)


def transcript(*utterances: Utterance, **parts: tuple[object, ...]) -> Transcript:
    facts = AudioFacts(60_000, 8000, 2, "flac", "flac")
    return Transcript(facts, EngineInfo("reference"), utterances, **parts)  # type: ignore[arg-type]


def test_words_hits_and_marks_cut_the_text() -> None:
    words = (Word("您好", 0, 400, 0.9), Word("我是", 400, 700, 0.9), Word("小李", 700, 1000, 0.9))
    runs = text_runs(utterance("您好，我是小李", words), [(4, hit(3, 7))], [mark(5, 7)])
    assert [run.text for run in runs] == ["您好", "，", "我是", "小李"]
    assert [run.start_ms for run in runs] == [0, None, 400, 700]
    assert [run.hits for run in runs] == [(), (), (4,), (4,)]
    assert [run.marks for run in runs] == [(), (), (), ("f0-0",)]


def test_corrected_text_says_what_was_recognised() -> None:
    made = Replacement(0, 3, 5, "公号", "工号", "same-sound", "gong hao", "gong hao", 0)
    runs = text_runs(utterance("我的，工号三", ()), [], [], [made])
    assert [(run.text, run.heard) for run in runs] == [
        ("我的，", ""), ("工号", "公号"), ("三", ""),
    ]  # fmt: skip


def test_a_word_that_is_not_in_the_text_costs_only_itself() -> None:
    words = (Word("您号", 0, 400, 0.9), Word(" 小李", 700, 1000, 0.9), Word("", 1, 2, 0.1))
    runs = text_runs(utterance("您好小李", words), [], [])
    assert [(run.text, run.start_ms) for run in runs] == [("您好", None), ("小李", 700)]


texts = st.text("您好我是小李 a,", max_size=12)
spans = st.tuples(st.integers(0, 15), st.integers(0, 15)).map(sorted)


@given(texts, st.lists(spans, max_size=4), st.lists(spans, max_size=3), st.data())
def test_runs_join_to_the_text_and_cover_every_span(
    text: str, hit_spans: list[list[int]], mark_spans: list[list[int]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    words = tuple(Word(piece, i, i + 1, 0.5) for i, piece in enumerate(pieces))
    hits = [(i, hit(a, b)) for i, (a, b) in enumerate(hit_spans)]
    runs = text_runs(utterance(text, words), hits, [mark(a, b) for a, b in mark_spans])
    assert "".join(run.text for run in runs) == text
    for position, found in hits:
        covered = "".join(run.text for run in runs if position in run.hits)
        assert covered == text[found.char_start : found.char_end]


def test_lines_are_in_order_of_time_and_nothing_is_hidden() -> None:
    heard = transcript(
        utterance("喂", role="customer", start=1000),
        utterance("您好", index=1, start=2500),
        utterance("我是小李", index=2, start=8000),
        speech=(ChannelSpeech(0, "agent", ()), ChannelSpeech(1, "customer", ())),
        dropped=(DroppedSegment(1, 4000, 4500, "谢谢观看", "stock-phrase"),),
        untranscribed=(UntranscribedSpeech(1, "customer", 5000, 6000),),
    )
    lines = transcript_lines(heard, [hit(0, 2, utterance=1)], [])
    kinds = [(line.kind, line.start_ms, line.role) for line in lines]
    assert kinds == [
        ("utterance", 1000, "customer"),
        ("utterance", 2500, "agent"),
        ("silence", 3500, "unknown"),
        ("dropped", 4000, "customer"),
        ("untranscribed", 5000, "customer"),
        ("utterance", 8000, "agent"),
    ]
    assert lines[1].hits == (0,)
    assert lines[3].reason == "stock-phrase"
    assert not lines[5].continues, "something stands between it and the agent's last words"


def test_the_same_side_going_on_is_joined() -> None:
    lines = transcript_lines(
        transcript(utterance("您好"), utterance("我是小李", index=1, start=1200)), [], []
    )
    assert [line.continues for line in lines] == [False, True]


def test_only_hits_with_words_mark_the_text() -> None:
    def evidence(utterance: int | None) -> Evidence:
        return Evidence(
            utterance=utterance, role="agent", char_start=0, char_end=2, start_ms=0, end_ms=9,
            layer="keyword", form="raw", score=1.0, text="您好",
        )  # fmt: skip

    def finding(outcome: str) -> Finding:
        return Finding(
            rule="r", rule_name="r", category="c", severity="minor", outcome=outcome,  # type: ignore[arg-type]
            score_effect=-1, veto=False, reason="", ruleset="r@1",
            evidence=(evidence(None), evidence(3)),
        )  # fmt: skip

    marks = marks_of([finding("clear"), finding("hit")])
    assert [(m.id, m.finding, m.utterance) for m in marks] == [("f1-1", "f1", 3)]
