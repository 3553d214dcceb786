import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.diarization.scoring import (
    DiarizationErrors,
    RoleAccuracy,
    diarization_error_rate,
    role_accuracy,
)
from asr.transcript import Role
from core.span import Span

REFERENCE: list[tuple[Span, Role]] = [
    (Span(0, 4_000), "agent"),
    (Span(5_000, 9_000), "customer"),
]

ROLES: list[Role] = ["agent", "customer"]
labelled = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 300), st.integers(0, 90)).map(
            lambda pair: Span(pair[0], pair[0] + pair[1])
        ),
        st.sampled_from(ROLES),
    ),
    max_size=8,
)


def test_a_perfect_answer_has_no_error() -> None:
    errors = diarization_error_rate(REFERENCE, REFERENCE)
    assert errors.rate == 0
    assert errors.reference_ms == 8_000 - 4 * 250


def test_each_kind_of_error_is_counted_apart() -> None:
    hypothesis: list[tuple[Span, Role]] = [
        (Span(0, 3_000), "agent"),  # 1 s missed
        (Span(4_000, 5_000), "agent"),  # 1 s of nobody
        (Span(5_000, 7_000), "customer"),
        (Span(7_000, 9_000), "agent"),  # 2 s confused
    ]
    errors = diarization_error_rate(REFERENCE, hypothesis, collar_ms=0)
    assert errors == DiarizationErrors(1_000, 1_000, 2_000, 8_000)
    assert errors.rate == 0.5
    assert errors.confusion_rate == 0.25


def test_the_collar_forgives_borders_that_are_a_little_off() -> None:
    shifted: list[tuple[Span, Role]] = [
        (Span(s.start_ms + 200, s.end_ms - 200), r) for s, r in REFERENCE
    ]
    assert diarization_error_rate(REFERENCE, shifted).rate == 0
    assert diarization_error_rate(REFERENCE, shifted, collar_ms=0).missed_ms == 800


def test_swapped_names_are_no_error_of_diarization_but_of_roles() -> None:
    swapped: list[tuple[Span, Role]] = [
        (span, "customer" if role == "agent" else "agent") for span, role in REFERENCE
    ]
    assert diarization_error_rate(REFERENCE, swapped).rate == 0
    assert diarization_error_rate(REFERENCE, swapped, map_speakers=False).rate == 1
    assert role_accuracy(REFERENCE, swapped).by_time == 0


def test_overlapped_speech_needs_both_speakers() -> None:
    reference: list[tuple[Span, Role]] = [(Span(0, 1_000), "agent"), (Span(0, 1_000), "customer")]
    half = diarization_error_rate(reference, [(Span(0, 1_000), "agent")], collar_ms=0)
    assert half == DiarizationErrors(1_000, 0, 0, 2_000)


def test_unknown_is_matched_like_any_speaker() -> None:
    hypothesis: list[tuple[Span, Role]] = [
        (Span(0, 4_000), "unknown"),
        (Span(5_000, 9_000), "customer"),
    ]
    assert diarization_error_rate(REFERENCE, hypothesis).rate == 0
    assert role_accuracy(REFERENCE, hypothesis).by_utterance == 0.5


def test_nothing_said_has_no_rate() -> None:
    assert diarization_error_rate([], []).rate is None
    assert diarization_error_rate([], []).confusion_rate is None
    assert role_accuracy([], REFERENCE).by_time is None
    assert role_accuracy(REFERENCE, []).by_utterance is None


def test_a_negative_collar_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        diarization_error_rate(REFERENCE, REFERENCE, collar_ms=-1)


def test_utterances_count_by_the_role_of_most_of_their_time() -> None:
    hypothesis: list[tuple[Span, Role]] = [
        (Span(0, 5_500), "agent"),  # 4.0 s agent, 0.5 s customer
        (Span(5_500, 9_000), "agent"),
        (Span(20_000, 21_000), "customer"),  # where nobody is labelled
    ]
    assert role_accuracy(REFERENCE, hypothesis) == RoleAccuracy(4_000, 8_000, 1, 2)


def test_results_add_up_over_calls() -> None:
    total = diarization_error_rate(REFERENCE, []) + diarization_error_rate(REFERENCE, REFERENCE)
    assert total.rate == 0.5
    both = role_accuracy(REFERENCE, REFERENCE) + RoleAccuracy(0, 8_000, 0, 2)
    assert (both.by_time, both.by_utterance) == (0.5, 0.5)


@settings(deadline=None)
@given(labelled, labelled)
def test_errors_agree_with_a_count_of_every_millisecond_step(
    reference: list[tuple[Span, Role]], hypothesis: list[tuple[Span, Role]]
) -> None:
    errors = diarization_error_rate(reference, hypothesis, collar_ms=0, map_speakers=False)
    counts = [0, 0, 0, 0]
    for at in range(400):
        said = {r for s, r in reference if s.start_ms <= at < s.end_ms}
        heard = {r for s, r in hypothesis if s.start_ms <= at < s.end_ms}
        counts[0] += max(0, len(said) - len(heard))
        counts[1] += max(0, len(heard) - len(said))
        counts[2] += min(len(said), len(heard)) - len(said & heard)
        counts[3] += len(said)
    assert errors == DiarizationErrors(*counts)


@settings(deadline=None)
@given(labelled, labelled)
def test_mapping_never_makes_it_worse(
    reference: list[tuple[Span, Role]], hypothesis: list[tuple[Span, Role]]
) -> None:
    def wrong(errors: DiarizationErrors) -> int:
        return errors.missed_ms + errors.false_alarm_ms + errors.confused_ms

    mapped = diarization_error_rate(reference, hypothesis)
    named = diarization_error_rate(reference, hypothesis, map_speakers=False)
    assert wrong(mapped) <= wrong(named)
    assert mapped.reference_ms == named.reference_ms
