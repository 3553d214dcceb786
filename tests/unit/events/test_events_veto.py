"""Shipped phrases yield to the act model, people's own do not."""

from dataclasses import replace

import numpy as np

from events.acts.labels import LABELS
from events.document import load_pack
from events.exact import ExactMatcher
from events.tree import EventNode
from events.veto import UNLIKELY, ActVeto
from nlp.normalise import forms

PATH = "促成/限时截杀"
CERTAIN = np.ones(len(LABELS), dtype=np.float32)
DOUBTFUL = np.where(np.array(LABELS) == PATH, UNLIKELY / 2, 1.0).astype(np.float32)


def _node(*keywords: str) -> EventNode:
    node = load_pack("电销通用").node(PATH)
    assert node is not None
    return replace(node, match=replace(node.match, keywords=keywords, regex=(), examples=()))


def _kept(node: EventNode, said: str, chances: np.ndarray) -> bool:
    veto = ActVeto([node])
    text = forms(said)
    found = ExactMatcher((node,)).match(text, {PATH})
    assert found
    return PATH in veto.exact(found, text, chances)


def test_a_shipped_phrase_counts_unless_its_act_is_unlikely() -> None:
    shipped = load_pack("电销通用").node(PATH)
    assert shipped is not None
    node = _node(*shipped.match.keywords)
    said = "过了月底就涨价了，名额只剩最后几个"
    assert _kept(node, said, CERTAIN)
    assert not _kept(node, said, DOUBTFUL)


def test_a_phrase_of_ones_own_counts_always() -> None:
    node = _node("星火计划")
    assert _kept(node, "咱们这个星火计划", CERTAIN)
    assert _kept(node, "咱们这个星火计划", DOUBTFUL)


def test_nodes_without_an_act_are_left_alone() -> None:
    node = replace(_node("名额"), match=replace(_node("名额").match, act=None))
    assert ActVeto([node]).unlikely([PATH], DOUBTFUL) == frozenset()
