"""From windows to utterances: times, order, cutting at pauses and turns, nothing lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.assemble import JoinOptions, assemble, fit_words
from asr.engines.base import WindowText, WindowWord
from asr.packing import Segment, pack
from asr.text import to_simplified
from asr.transcript import Role, Word
from core.span import Span

ROLES: tuple[Role, ...] = ("agent", "customer")
JOIN = JoinOptions(max_pause_ms=700, max_utterance_ms=15_000)


def segment(channel: int, start: int, end: int, pad: int = 200) -> Segment:
    return Segment(channel, Span(start - pad, end + pad), Span(start, end))


def heard(window_words: list[tuple[str, int, int]]) -> WindowText:
    return WindowText(tuple(WindowWord(t, a, b, 0.8) for t, a, b in window_words), -0.2, 0.0)


def test_words_come_back_to_call_time_and_cut_at_the_pause() -> None:
    segments = [segment(0, 1000, 2000), segment(0, 6000, 7000)]
    windows = pack(segments, 15_000, 300)
    # The window holds 800..2200, a gap of 300, then 5800..7200.
    text = heard([("您好，", 250, 600), ("在吗？", 700, 1100), ("再见", 2000, 2600)])
    found = assemble(segments, windows, [text], ROLES, "", JOIN)
    first, second = found.utterances
    assert (first.text, first.start_ms, first.end_ms) == ("您好，在吗？", 1000, 2000)
    assert (second.text, second.start_ms, second.end_ms) == ("再见", 6000, 7000)
    assert [(w.start_ms, w.end_ms) for w in first.words] == [(1050, 1400), (1500, 1900)]
    assert [(w.start_ms, w.end_ms) for w in second.words] == [(6100, 6700)]
    assert first.role == "agent"
    assert first.confidence == pytest.approx(0.8)
    assert found.untranscribed == ()


def test_a_short_pause_joins_and_the_others_turn_cuts() -> None:
    own = [segment(0, 1000, 2000, 0), segment(0, 2500, 3000, 0), segment(0, 3600, 4000, 0)]
    other = [segment(1, 3100, 3500, 0)]
    segments = own + other
    windows = pack(segments, 15_000, 300)
    texts = [
        heard([("一", 100, 900), ("二", 1400, 1700), ("三", 2200, 2400)]),
        heard([("嗯", 50, 300)]),
    ]
    found = assemble(segments, windows, texts, ROLES, "", JOIN)
    assert [(u.role, u.text) for u in found.utterances] == [
        ("agent", "一二"),
        ("customer", "嗯"),
        ("agent", "三"),
    ]
    assert [u.index for u in found.utterances] == [0, 1, 2]


def test_speech_without_text_is_listed_as_untranscribed() -> None:
    segments = [segment(0, 1000, 2000), segment(1, 3000, 4000)]
    windows = pack(segments, 15_000, 300)
    found = assemble(segments, windows, [heard([("好", 300, 500)]), heard([])], ROLES, "", JOIN)
    (gap,) = found.untranscribed
    assert (gap.channel, gap.role, gap.start_ms, gap.end_ms) == (1, "customer", 3000, 4000)


def test_refused_text_is_kept_visible_with_its_reason() -> None:
    segments = [segment(0, 1000, 9000)]
    windows = pack(segments, 15_000, 300)
    loop = heard([("好的", 300 + i * 100, 400 + i * 100) for i in range(30)])
    found = assemble(segments, windows, [loop], ROLES, "", JOIN)
    assert [u.text for u in found.utterances] == ["好的"]
    (dropped,) = found.dropped
    assert dropped.reason == "repeat-loop"
    assert dropped.text == "好的" * 29
    assert 1000 <= dropped.start_ms < dropped.end_ms <= 9000


def test_a_stock_phrase_is_dropped_and_its_speech_is_unheard() -> None:
    segments = [segment(0, 1000, 3000)]
    text = heard([("感谢", 300, 600), ("观看", 700, 900)])
    found = assemble(segments, pack(segments, 15_000, 300), [text], ROLES, "", JOIN)
    assert found.utterances == ()
    assert [d.reason for d in found.dropped] == ["stock-phrase"]
    assert len(found.untranscribed) == 1


def test_text_is_simplified_normalised_and_punctuated_in_chinese() -> None:
    segments = [segment(0, 1000, 4000)]
    text = heard(
        [(" 請問,", 300, 600), ("一千", 700, 900), ("九百八", 900, 1500), ("可以嗎?", 1500, 2000)]
    )
    (found,) = assemble(segments, pack(segments, 15_000, 300), [text], ROLES, "", JOIN).utterances
    assert found.text == "请问，一千九百八可以吗？"
    assert found.normalised == "请问，1980可以吗？"
    assert "".join(w.text for w in found.words) == found.text


def test_punctuation_alone_is_no_utterance() -> None:
    segments = [segment(0, 1000, 2000)]
    found = assemble(
        segments, pack(segments, 15_000, 300), [heard([("。", 300, 400)])], ROLES, "", JOIN
    )
    assert found.utterances == ()
    assert len(found.untranscribed) == 1


@given(st.data())
def test_everything_heard_is_in_order_and_inside(data: st.DataObject) -> None:
    segments = []
    for channel in (0, 1):
        position = 300
        for pause, length in data.draw(
            st.lists(st.tuples(st.integers(0, 3000), st.integers(96, 6000)), max_size=12)
        ):
            start = position + pause
            segments.append(
                Segment(channel, Span(start, start + length), Span(start, start + length))
            )
            position = start + length
    windows = pack(segments, 15_000, 300)
    texts = []
    for window in windows:
        times = data.draw(st.lists(st.integers(0, window.length_ms), max_size=40))
        texts.append(heard([(chr(0x4E00 + i), t, t + 50) for i, t in enumerate(sorted(times))]))
    found = assemble(segments, windows, texts, ROLES, "", JOIN)

    starts = [(u.start_ms, u.channel) for u in found.utterances]
    assert starts == sorted(starts)
    for utterance in found.utterances:
        assert utterance.start_ms < utterance.end_ms
        assert "".join(w.text for w in utterance.words) == utterance.text
        assert all(
            utterance.start_ms <= w.start_ms < w.end_ms <= utterance.end_ms for w in utterance.words
        )
        assert all(a.end_ms <= b.start_ms for a, b in pairwise(utterance.words))
    said = sorted(c for u in found.utterances for c in u.text)
    dropped = sorted(c for d in found.dropped for c in d.text)
    assert sorted([*said, *dropped]) == sorted(c for t in texts for c in to_simplified(t.text))


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(-50, 900)), max_size=30),
    st.integers(0, 3000),
    st.integers(30, 4000),
)
def test_fitted_words_are_monotonic_inside_and_never_of_zero_length(
    times: list[tuple[int, int]], start: int, length: int
) -> None:
    words = [Word("字", a, a + b, 0.5) for a, b in times]
    span = Span(start, start + length)
    fitted = fit_words(words, span)
    assert len(fitted) == len(words)
    assert all(span.start_ms <= w.start_ms < w.end_ms <= span.end_ms for w in fitted)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(fitted))


def test_words_that_fit_keep_their_times() -> None:
    words = (Word("您", 100, 300, 1.0), Word("好", 300, 500, 1.0))
    assert fit_words(words, Span(0, 1000)) == words


def test_more_words_than_milliseconds_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        fit_words([Word("字", 0, 1, 1.0)] * 3, Span(0, 2))
