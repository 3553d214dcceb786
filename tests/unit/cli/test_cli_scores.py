"""Counting labels on turns: hand-made cases, perfect and empty ones, and invariants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.transcript import Role
from cli.evaluation.ground_truth import LabelledTurn
from cli.evaluation.scores import Counts, Prediction, add_counts, count_labels, macro_f1, micro
from core.span import Span

A: Role = "agent"
C: Role = "customer"


def turn(role: Role, start: int, end: int, *events: str) -> LabelledTurn:
    return LabelledTurn(role, int(role == "customer"), "话", start, end, events, ())


def heard(label: str, start: int, end: int, role: Role = A) -> Prediction:
    return Prediction(label, role, Span(start, end))


def counts(turns: list[LabelledTurn], *predictions: Prediction) -> dict[str, Counts]:
    return count_labels(turns, [frozenset(t.events) for t in turns], predictions)


TURNS = [turn(A, 0, 5_000, "a", "b"), turn(C, 5_000, 8_000, "客户/c"), turn(A, 8_000, 12_000)]


def test_perfect_predictions_score_one() -> None:
    found = counts(
        TURNS, heard("a", 0, 5_000), heard("b", 0, 5_000), heard("客户/c", 5_000, 8_000, C)
    )
    total = micro(found)
    assert (total.precision, total.recall, total.f1, macro_f1(found)) == (1.0, 1.0, 1.0, 1.0)


def test_nothing_labelled_and_nothing_predicted_has_no_figures() -> None:
    found = counts([turn(A, 0, 1)])
    total = micro(found)
    assert (total.precision, total.recall, total.f1, macro_f1(found)) == (None, None, None, None)


def test_nothing_predicted_is_recall_zero_and_precision_zero() -> None:
    total = micro(counts(TURNS))
    assert (total.precision, total.recall, total.f1) == (0.0, 0.0, 0.0)
    assert total.support == 3


def test_an_utterance_that_overlaps_the_turn_finds_it() -> None:
    assert counts(TURNS, heard("a", 4_000, 6_000))["a"] == Counts(1, 0, 0)


def test_an_utterance_that_only_touches_the_turn_does_not() -> None:
    found = counts([turn(A, 0, 5_000, "a")], heard("a", 5_000, 6_000))
    assert found["a"] == Counts(0, 1, 1)


def test_an_utterance_of_the_other_role_does_not_find_it() -> None:
    assert counts(TURNS, heard("a", 0, 5_000, C))["a"] == Counts(0, 1, 1)


def test_pieces_of_one_turn_find_it_once() -> None:
    assert counts(TURNS, heard("a", 0, 2_000), heard("a", 2_500, 5_000))["a"] == Counts(1, 0, 0)


def test_wrong_pieces_of_one_turn_count_once() -> None:
    found = counts(TURNS, heard("d", 8_000, 9_000), heard("d", 10_000, 11_000))
    assert found["d"] == Counts(0, 1, 0)


def test_wrong_predictions_outside_of_all_turns_count_one_by_one() -> None:
    found = counts(TURNS, heard("d", 20_000, 21_000), heard("d", 22_000, 23_000))
    assert found["d"] == Counts(0, 2, 0)


def test_one_long_utterance_may_find_two_turns() -> None:
    turns = [turn(A, 0, 5_000, "a"), turn(A, 6_000, 9_000, "a")]
    assert counts(turns, heard("a", 0, 9_000))["a"] == Counts(2, 0, 0)


def test_reference_text_goes_by_position_and_not_by_time() -> None:
    turns = [turn(A, 0, 5_000, "a"), turn(A, 4_000, 9_000)]
    on_second = Prediction("a", A, Span(4_000, 9_000), turn=1)
    assert counts(turns, on_second)["a"] == Counts(0, 1, 1)


def test_macro_averages_only_labels_of_the_ground_truth() -> None:
    assert macro_f1({"a": Counts(1, 0, 0), "b": Counts(0, 0, 1), "c": Counts(0, 9, 0)}) == 0.5


def test_f1_by_hand() -> None:
    total = Counts(tp=6, fp=2, fn=4)
    assert total.precision == 0.75
    assert total.recall == 0.6
    assert total.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_counts_add_by_label() -> None:
    assert add_counts({"a": Counts(1, 2, 3)}, {"b": Counts(1), "a": Counts(1, 1, 1)}) == {
        "a": Counts(2, 3, 4),
        "b": Counts(1, 0, 0),
    }


labels = st.sampled_from(["a", "b"])
turns_strategy = st.lists(
    st.builds(
        lambda role, start, length, events: turn(role, start, start + length, *events),
        st.sampled_from([A, C]),
        st.integers(0, 50_000),
        st.integers(1, 9_000),
        st.sets(labels),
    ),
    max_size=8,
)
predictions_strategy = st.lists(
    st.builds(
        lambda label, role, start, length: heard(label, start, start + length, role),
        labels,
        st.sampled_from([A, C]),
        st.integers(0, 60_000),
        st.integers(0, 9_000),
    ),
    max_size=12,
)


@given(turns_strategy, predictions_strategy)
def test_counts_add_up(turns: list[LabelledTurn], predictions: list[Prediction]) -> None:
    found = counts(turns, *predictions)
    for label in {"a", "b"}:
        count = found.get(label, Counts())
        assert count.support == sum(label in t.events for t in turns)
        assert 0 <= count.fp <= sum(p.label == label for p in predictions)
        assert count.tp >= 0
        assert count.fn >= 0


@given(turns_strategy)
def test_predicting_the_labels_finds_them_all(turns: list[LabelledTurn]) -> None:
    predictions = [
        Prediction(label, t.role, t.span, i) for i, t in enumerate(turns) for label in t.events
    ]
    assert all(c.fp == c.fn == 0 for c in counts(turns, *predictions).values())
