"""Proposals: verdicts of people as examples and counter-examples for the next draft of a tree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from events.keys import key_paths
from events.tree import EventNode, EventTree, Matchers
from nlp.normalise import forms

LONGEST = 60
"""Longer utterances say more than one thing and make poor examples; heads learn from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A sentence to add to a node: `id` names the verdict that it comes from."""

    id: str
    key: str
    node: str
    kind: Literal["example", "counter_example"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody said of a sentence: whether it is the event of the node with this key path."""

    id: str
    key: str
    text: str
    said: bool
    from_hit: bool


def proposals(tree: EventTree, verdicts: Sequence[Said]) -> tuple[Proposal, ...]:
    """What verdicts would add to a tree, in its order; each sentence once for a node.

    A missed event becomes an example, a wrong hit a counter-example. A confirmed hit adds
    nothing: the node finds it already. Left out are sentences that are long, that the node has,
    and those on which people disagree.
    """
    paths = {key: path for path, key in key_paths(tree).items()}
    known = {key: _texts(node) for node, key in _nodes(tree)}
    disputed = _disputed(verdicts)
    found: dict[tuple[str, str], Proposal] = {}
    for verdict in verdicts:
        text = _folded(verdict.text)
        place = (verdict.key, text)
        if verdict.key not in paths or (verdict.said and verdict.from_hit) or place in disputed:
            continue
        if not text or len(text) > LONGEST or text in known[verdict.key] or place in found:
            continue
        found[place] = Proposal(
            id=verdict.id,
            key=verdict.key,
            node=paths[verdict.key],
            kind="example" if verdict.said else "counter_example",
            text=verdict.text.strip(),
        )
    order = list(paths)
    return tuple(sorted(found.values(), key=lambda item: (order.index(item.key), item.kind)))


def with_proposals(tree: EventTree, chosen: Sequence[Proposal]) -> EventTree:
    """The tree with these sentences added to its nodes."""
    examples: dict[str, list[str]] = {}
    counters: dict[str, list[str]] = {}
    for proposal in chosen:
        part = examples if proposal.kind == "example" else counters
        part.setdefault(proposal.key, []).append(proposal.text)

    def add(node: EventNode, key: str) -> EventNode:
        match = node.match
        added = replace(
            match,
            examples=(*match.examples, *examples.get(key, ())),
            counter_examples=(*match.counter_examples, *counters.get(key, ())),
        )
        children = tuple(add(child, f"{key}/{child.key}") for child in node.children)
        return replace(node, match=added, children=children)

    return replace(tree, nodes=tuple(add(node, node.key) for node in tree.nodes))


def with_act(tree: EventTree, key_path: str, act: str) -> EventTree:
    """The tree with a built-in act named by one node."""

    def link(node: EventNode, key: str) -> EventNode:
        match: Matchers = replace(node.match, act=act) if key == key_path else node.match
        children = tuple(link(child, f"{key}/{child.key}") for child in node.children)
        return replace(node, match=match, children=children)

    return replace(tree, nodes=tuple(link(node, node.key) for node in tree.nodes))


def _nodes(tree: EventTree) -> list[tuple[EventNode, str]]:
    keys = key_paths(tree)
    return [(node, keys[node.path]) for node in tree.walk()]


def _texts(node: EventNode) -> set[str]:
    return {_folded(text) for text in (*node.match.examples, *node.match.counter_examples)}


def _disputed(verdicts: Sequence[Said]) -> set[tuple[str, str]]:
    """Sentences that are the event for one and not for another."""
    yes = {(item.key, _folded(item.text)) for item in verdicts if item.said}
    no = {(item.key, _folded(item.text)) for item in verdicts if not item.said}
    return yes & no


def _folded(text: str) -> str:
    return forms(text).normalised
