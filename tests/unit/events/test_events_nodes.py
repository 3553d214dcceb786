"""Nodes of users: the sentences they are contrasted with, curves, thresholds, what to expect."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.acts.labels import LABELS
from events.document import parse_tree
from events.nodes.chances import chance_features, sentence_features
from events.nodes.sentences import training_sentences
from events.nodes.thresholds import (
    HIGHEST,
    LOWEST,
    best_threshold,
    expected,
    node_curve,
)

TREE = parse_tree(
    "tree: t\nnodes:\n"
    "  - key: a\n    name: 退费\n    role: agent\n    description: 说明怎么退费\n    match:\n"
    "      examples: [学不会可以退费, 不满意全额退]\n      counter_examples: [我这边退不了]\n"
    "  - key: b\n    name: 微信\n    role: agent\n    description: 加微信\n"
    "    match: {examples: [加您微信, 不满意全额退], act: 下一步/添加微信}\n"
    "  - {key: c, name: 嫌贵, role: customer, match: {examples: [太贵了]}}\n"
    "background: {agent: [今天天气不错]}\n"
)

scores = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).map(lambda x: np.array(sorted(x)))


def test_sentences_are_there_once_with_their_weights() -> None:
    nodes = [node for node in TREE.walk() if node.role == "agent"]
    found = training_sentences(nodes, TREE, "agent")
    row = {text: at for at, text in enumerate(found.texts)}
    assert len(row) == len(found.texts)
    assert found.targets[row["不满意全额退"]].tolist() == [1.0, 1.0]
    assert found.weights[row["我这边退不了"]] == 2.0
    # The description speaks for a node that names no act, and is no example of it.
    told = row["退费说明怎么退费"]
    assert found.targets[told].tolist() == [1.0, 0.0]
    assert not found.examples[told].any()
    assert 0.0 < found.weights[told] < 1.0
    assert not any("加微信" in text and "微信 " in text for text in found.texts)
    assert not found.ordinary[row["今天天气不错"]]
    assert found.ordinary.sum() > 500
    assert (found.weights[found.ordinary] < 0.5).all()
    assert "太贵了" not in found.texts[: int((~found.ordinary).sum())]


def test_a_description_that_is_an_example_counts_as_the_example() -> None:
    tree = parse_tree(
        "tree: t\nnodes:\n  - {key: a, name: 可以, role: agent, description: 退费,"
        " match: {examples: [可以 退费]}}\n"
    )
    found = training_sentences(list(tree.walk()), tree, "agent")
    assert found.examples[0].tolist() == [True]
    assert found.weights[0] == 1.0


def test_chances_below_the_edge_say_nothing() -> None:
    chances = np.zeros((2, len(LABELS)), dtype=np.float32)
    chances[1, 0] = 0.9
    features = chance_features("agent", chances)
    assert not features[0].any()
    assert features[1, 0] > 0.5
    vectors = np.ones((2, 4), dtype=np.float32)
    assert not sentence_features(None, "customer", ["甲", "乙"], vectors).any()


def test_curves_rise_and_know_how_high_ordinary_sentences_come() -> None:
    quiet, loud = np.linspace(-0.05, 0.05, 200), np.linspace(-0.05, 0.30, 200)
    examples = np.array([0.2, 0.3, 0.25])
    slope, offset = node_curve(examples, quiet)
    assert slope > 0
    low_slope, low_offset = node_curve(examples, loud)
    assert offset + 0.25 * slope > low_offset + 0.25 * low_slope
    flat_slope, flat_offset = node_curve(np.array([0.1]), np.zeros(5))
    assert math.isfinite(flat_slope)
    assert math.isfinite(flat_offset)


@given(scores, st.floats(0.01, 0.99), st.integers(3, 30))
def test_expectations_are_shares_in_their_ranges(
    ordinary: np.ndarray, threshold: float, examples: int
) -> None:
    best = best_threshold(ordinary, examples)
    assert LOWEST <= best.threshold <= HIGHEST
    for item in (best, expected(threshold, ordinary, examples)):
        for value, around in (
            (item.precision, item.precision_range),
            (item.recall, item.recall_range),
        ):
            assert value is not None
            assert around is not None
            assert 0.0 <= value <= 1.0
            assert 0.0 < around[0] < around[1] < 1.0


@given(scores)
def test_a_higher_threshold_finds_less(ordinary: np.ndarray) -> None:
    recalls = [expected(at / 50, ordinary, 5).recall or 0.0 for at in range(1, 50)]
    assert recalls == sorted(recalls, reverse=True)


def test_sums_of_scores_are_what_is_expected() -> None:
    ordinary = np.array([0.0] * 90 + [0.2] * 5 + [0.8] * 5)
    found = expected(0.5, ordinary, 5)
    assert found.recall == pytest.approx(4.0 / 5.0)
    assert found.precision == pytest.approx((4.0 + 0.5) / 6.0)
    # The best F1 is 2 · 4 / (5 + 5): that of the five highest.
    assert best_threshold(ordinary, 5).threshold == pytest.approx(0.4)


def test_one_or_two_examples_are_too_few_to_tell() -> None:
    found = best_threshold(np.linspace(0.0, 0.6, 50), 2)
    assert found.precision is None
    assert found.recall_range is None
    assert LOWEST <= found.threshold <= HIGHEST
