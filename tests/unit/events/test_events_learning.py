"""Heads, proposals and the human layer, on small numbers that can be checked by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import AppError
from events.document import parse_tree
from events.dumping import dump_tree
from events.hits import EventHit, SopReport, StepState
from events.keys import key_paths, node_at
from events.learning.features import HEAD_SLOTS, TurnFeatures
from events.learning.fitting import LabelledTurn, Ratios, count, fit, fit_and_test
from events.learning.head import Head, pack_head, targets_of, unpack_head
from events.learning.layers import human_layer
from events.learning.proposals import Said, proposals, with_act, with_proposals

TREE = parse_tree(
    "tree: t\nnodes:\n"
    "  - key: a\n    name: 甲\n    role: agent\n    children:\n"
    "      - {key: b, name: 乙, match: {examples: [学不会可以退费], act: 下一步/添加微信}}\n"
    "  - {key: c, name: 丙, role: customer, match: {keywords: [太贵]}}\n"
)


def turn(
    call: str, side: float, odds: float = 1.0, label: bool | None = None, slot: int = 0
) -> LabelledTurn:
    """A turn whose one feature is `side`."""
    features = TurnFeatures(np.array([side, 1.0], np.float32), np.array([slot], np.int32))
    labels = {} if label is None else {"x": label}
    return LabelledTurn(call=call, features=features, odds={"x": odds}, labels=labels)


def test_a_head_learns_what_is_alike_and_leaves_the_rest() -> None:
    wrong = [turn(f"c{i}", -1.0, label=False, slot=1) for i in range(10)]
    right = [turn(f"c{i}", 1.0, label=True, slot=2) for i in range(10)]
    weights = fit([*wrong, *right], [], 1.0)
    (low,), (high,) = (list(weights.shifts([t])[0].values()) for t in (wrong[0], right[0]))
    assert low < -1.0 < 0.0 < high
    tested = fit_and_test([*wrong, *right], [])
    assert (tested.before.wrong, tested.before.right) == (10, 10)
    assert tested.after.errors < tested.before.errors


def test_anchors_hold_a_target_where_it_is_right() -> None:
    wrong = [turn("c", -1.0, label=False, slot=1) for _ in range(3)]
    anchors = [turn("", -1.0, label=True, slot=1) for _ in range(100)]
    free = fit(wrong, [], 2.5).shifts(wrong)[0]["x"]
    held = fit(wrong, anchors, 2.5).shifts(wrong)[0]["x"]
    assert free < held


def test_nothing_is_learned_without_labels() -> None:
    weights = fit([turn("c", 1.0)], [], 1.0)
    assert weights.targets == ()
    assert weights.shifts([turn("c", 1.0)]) == [{}]


def test_counting_sees_hits_that_nobody_named() -> None:
    turns = [turn("c", 1.0, -0.5), turn("c", 1.0, 1.0, True), turn("c", 1.0, -1.0, True)]
    # Beside the missed event that was named stands one that was not.
    assert count(turns, [{}, {}, {}]) == Ratios(right=1, wrong=0, missed=2)
    assert count(turns, [{"x": 1.0}] * 3) == Ratios(right=3, wrong=0, missed=0)
    # One more hit that nobody named is wrong, and so are all when nothing named is found.
    more = [*turns, turn("c", 1.0, -0.2)]
    assert count(more, [{"x": 1.0}] * 4) == Ratios(right=3, wrong=1, missed=0)
    assert count(more, [{"x": 0.5}] * 4) == Ratios(right=1, wrong=2, missed=2)
    # The guard knows every label.
    assert count([turn("", 1.0, -1.0, True)], [{}]) == Ratios(missed=1)
    assert Ratios(right=2, wrong=1).f1 == pytest.approx(0.8)
    assert Ratios().precision is None
    assert Ratios().recall is None


def test_fitting_is_deterministic() -> None:
    turns = [turn(f"c{i % 4}", math.sin(i), math.cos(i), i % 3 == 0, i % 7) for i in range(40)]
    first, again = fit(turns, turns[:5], 2.5), fit(turns, turns[:5], 2.5)
    assert np.array_equal(first.dense, again.dense)
    assert np.array_equal(first.grams, again.grams)


def test_a_head_is_packed_and_read_back() -> None:
    grams = np.zeros((2, HEAD_SLOTS), np.float32)
    grams[1, 5] = 0.25
    head = Head(
        ref="t#1", encoder="e@1", base="1", targets=("act:客户/价格异议", "node:a/b"),
        dense=np.array([[0.5, -1.0], [0.0, 2.0]], np.float32), grams=grams,
    )  # fmt: skip
    back = unpack_head(pack_head(head), "t#2")
    assert (back.ref, back.targets, back.encoder, back.base) == ("t#2", head.targets, "e@1", "1")
    assert np.array_equal(back.dense, head.dense)
    assert np.array_equal(back.grams, head.grams)
    assert not back.fits(None, "1")
    with pytest.raises(AppError) as caught:
        unpack_head(b"nothing", "t#1")
    assert caught.value.code == "bad-head"


def test_nodes_with_an_act_share_its_target() -> None:
    assert targets_of(TREE, acts=True) == {"甲/乙": "act:下一步/添加微信", "丙": "node:c"}
    assert targets_of(TREE, acts=False) == {"甲/乙": "node:a/b", "丙": "node:c"}
    assert key_paths(TREE) == {"甲": "a", "甲/乙": "a/b", "丙": "c"}
    node = node_at(TREE, "a/b")
    assert node is not None
    assert node.name == "乙"
    assert node_at(TREE, "a/x") is None


def said(key: str, text: str, is_event: bool, *, from_hit: bool = False) -> Said:
    return Said(id=f"{key}{text}", key=key, text=text, said=is_event, from_hit=from_hit)


def test_verdicts_become_examples_and_counter_examples_once() -> None:
    found = proposals(
        TREE,
        [
            said("c", "你们收费也太狠了", True),
            said("a/b", "这个不是加微信", False, from_hit=True),
            said("a/b", "学不会可以退费", True),
            said("c", "贵死了", True, from_hit=True),
            said("c", "好吧", True),
            said("c", "好吧", False, from_hit=True),
            said("gone", "没有这个节点", True),
            said("c", "长" * 61, True),
            said("c", "你们收费也太狠了", True),
        ],
    )
    assert [(item.key, item.kind, item.text) for item in found] == [
        ("a/b", "counter_example", "这个不是加微信"), ("c", "example", "你们收费也太狠了"),
    ]  # fmt: skip
    draft = parse_tree(dump_tree(with_proposals(TREE, found)))
    price, wechat = draft.node("丙"), draft.node("甲/乙")
    assert price is not None
    assert wechat is not None
    assert price.match.examples == ("你们收费也太狠了",)
    assert wechat.match.counter_examples == ("这个不是加微信",)
    assert with_proposals(TREE, ()) == TREE
    linked = with_act(TREE, "c", "客户/价格异议").node("丙")
    assert linked is not None
    assert linked.match.act == "客户/价格异议"


def step(node: str, state: str, *hits: int) -> StepState:
    return StepState(node=node, state=state, required=False, weight=1.0, reason="", hits=hits)  # type: ignore[arg-type]


def test_people_have_the_last_word_on_steps() -> None:
    one = EventHit(
        node="甲/乙", tree="t@1", utterance=3, role="agent", char_start=0, char_end=1, start_ms=0,
        end_ms=1, layer="keyword", form="raw", score=1.0, text="字",
    )  # fmt: skip
    sop = SopReport(
        steps=(step("甲/乙", "executed", 0, 1), step("丙", "missed"), step("丁", "undecidable")),
        coverage=None,
        order_adherence=None,
    )
    hits = (one, replace(one, utterance=5))
    both = [(3, "甲/乙", "overturned"), (5, "甲/乙", "overturned"), (7, "丙", "added")]
    layer = human_layer(hits, sop, both)  # type: ignore[arg-type]
    assert layer.steps == {"甲/乙": "missed", "丙": "executed"}
    assert [event.hit for event in layer.events] == [0, 1, None]
    # One overturned hit leaves the other; a confirmed one changes nothing.
    assert human_layer(hits, sop, [(3, "甲/乙", "overturned")]).steps == {}
    assert human_layer(hits, sop, [(3, "甲/乙", "confirmed")]).steps == {}
