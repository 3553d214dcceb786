"""Word times of random calls with an engine that gets every time wrong: always sound, none lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from asr.assemble import JoinOptions, joined
from asr.engines.base import WindowText, WindowWord
from asr.packing import Segment, pack
from asr.placing import place
from asr.transcript import Role
from asr.vad import pad_spans
from core.span import Span

ROLES: tuple[Role, ...] = ("agent", "customer")
WINDOW_MS, PAD_MS, GAP_MS = 15_000, 240, 300
# Distinct characters, so that no run of them is a loop.
CHARACTERS = [chr(0x4E00 + n) for n in range(3_000)]


@st.composite
def calls(draw: st.DrawFn) -> tuple[tuple[Segment, ...], int]:
    """Speech of both sides with any gaps and overlaps, and the length of the call."""
    segments: list[Segment] = []
    sides = []
    for _ in ROLES:
        at, spans = 0, []
        for gap, length in draw(
            st.lists(st.tuples(st.integers(1, 9_000), st.integers(96, 14_000)), max_size=4)
        ):
            spans.append(Span(at + gap, at + gap + length))
            at = spans[-1].end_ms
        sides.append(spans)
    duration_ms = max((spans[-1].end_ms for spans in sides if spans), default=0) + 500
    for channel, spans in enumerate(sides):
        padded = pad_spans(spans, PAD_MS, duration_ms)
        segments += [Segment(channel, h, s) for h, s in zip(padded, spans, strict=True)]
    return tuple(segments), duration_ms


@settings(max_examples=100, deadline=None)
@given(calls(), st.data())
def test_words_are_monotonic_inside_their_utterance_and_none_is_lost(
    call: tuple[tuple[Segment, ...], int], data: st.DataObject
) -> None:
    segments, duration_ms = call
    windows = pack(segments, WINDOW_MS, GAP_MS)
    fresh = iter(CHARACTERS)
    moment = st.integers(-2_000, 32_000)
    texts = [
        WindowText(
            tuple(
                WindowWord(next(fresh), start, end, confidence)
                for start, end, confidence in data.draw(
                    st.lists(st.tuples(moment, moment, st.floats(0, 1)), min_size=1, max_size=10)
                )
            ),
            -0.2,
            0.0,
        )
        for _ in windows
    ]
    found = joined(segments, place(segments, windows, texts, ""), ROLES, JoinOptions())
    assert found.dropped == ()
    for utterance in found.utterances:
        assert 0 <= utterance.start_ms < utterance.end_ms <= duration_ms
        assert utterance.role == ROLES[utterance.channel]
        previous = utterance.start_ms
        for word in utterance.words:
            assert previous <= word.start_ms < word.end_ms <= utterance.end_ms
            assert 0 <= word.confidence <= 1
            previous = word.end_ms
    for channel in (0, 1):
        written = "".join(
            text.text for w, text in zip(windows, texts, strict=True) if w.channel == channel
        )
        read = "".join(u.text for u in found.utterances if u.channel == channel)
        # Every word once, in order, on the channel it was said on; the first one first.
        assert sorted(read) == sorted(written)
        assert read[:1] == written[:1]
