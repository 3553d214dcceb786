"""The comparison of sentence encoders, on encoders whose quality is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cli.evaluation.encoders import (
    average_precision,
    compare_encoders,
    encoders_json,
    examples_only,
)
from cli.evaluation.ground_truth import parse_ground_truth
from cli.evaluation.run import LabelledCall
from events.document import parse_tree

_TREE = parse_tree(
    """
tree: t
nodes:
- key: pay
  name: 付款
  role: agent
  match: {keywords: [链接], examples: [您点一下付钱的页面, 把订金交了占个位]}
- {key: bye, name: 再见, role: agent, match: {examples: [那就先这样拜拜, 祝您生活愉快]}}
"""
)
_TURNS = [
    ("agent", "您把订金交一下", ["付款"]),
    ("customer", "拜拜", []),
    ("agent", "咱就先这样", ["再见"]),
    ("agent", "今天天气不错", []),
    ("agent", "我发个链接", ["付款"]),
]


class _Letters:
    """Counts characters: texts that share some are close."""

    encoder_id, dim = "letters@1", 4096

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for letter in text:
                row[ord(letter) % self.dim] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class _Deaf(_Letters):
    """Gives everything the same vector."""

    encoder_id = "deaf@1"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim), np.float32)
        rows[:, 0] = 1
        return rows


class _Silent:
    def start(self, item: str) -> None: ...

    def share(self, item: str, share: float) -> None:
        assert 0 <= share <= 1

    def finish(self, item: str) -> None: ...


def _call() -> LabelledCall:
    turns = [
        {"role": role, "text": text, "start_ms": i * 1000, "end_ms": i * 1000 + 900,
         "events": events, "qa": []}
        for i, (role, text, events) in enumerate(_TURNS)
    ]  # fmt: skip
    document = {"id": "c", "channels": ["agent", "customer"], "duration_ms": 9000, "turns": turns}
    return LabelledCall(parse_ground_truth(document, "c"), None)


def test_average_precision_of_known_rankings() -> None:
    assert average_precision([0.9, 0.8, 0.1], [True, True, False]) == 1.0
    assert average_precision([0.9, 0.8, 0.1], [False, True, True]) == (1 / 2 + 2 / 3) / 2
    assert average_precision([0.5, 0.5], [True, False]) == 0.5
    assert average_precision([0.5], [False]) is None


def test_the_better_encoder_scores_better() -> None:
    results = compare_encoders(
        [_call()],
        {"none": lambda: None, "letters": _Letters, "deaf": _Deaf},
        lambda _domain: _TREE,
        _Silent(),
    )
    none, letters, deaf = encoders_json(results)["encoders"]
    assert none["ranking_map"] is None
    assert none["whole_tree"]["recall"] == round(1 / 3, 4)
    assert none["examples_only"]["recall"] == 0
    assert letters["ranking_map"] > deaf["ranking_map"]
    assert letters["sentences"] == len(_TURNS)
    assert letters["sentences_per_s"] > 0


def test_a_stripped_tree_keeps_nothing_but_examples() -> None:
    for node in examples_only(_TREE).walk():
        assert node.match.examples
        assert not node.match.keywords
