"""Figures of a tree's nodes: threshold, precision and recall to expect, and the act that fits."""

from dataclasses import dataclass

from events.acts.model import ActModel
from events.keys import key_paths
from events.matching import TreeMatcher
from events.nodes.suggestions import ActSuggestion, suggest_act
from events.tree import EventTree
from nlp.encoders.base import SentenceEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFigures:
    """What one node with examples is expected to do.

    `automatic` says that the threshold was chosen for the node rather than written in it.
    `precision` and `recall` are of its examples alone, in [0, 1]: keywords and acts come on top.
    They will be in their ranges 8 times of 10; all are None for nodes with too few examples.
    `suggestion` is a built-in act that the node seems to mean and does not name.
    """

    node: str
    key: str
    examples: int
    counter_examples: int
    act: str | None
    threshold: float
    automatic: bool
    precision: float | None
    recall: float | None
    precision_range: tuple[float, float] | None
    recall_range: tuple[float, float] | None
    suggestion: ActSuggestion | None = None


def node_figures(tree: EventTree, encoder: SentenceEncoder) -> tuple[NodeFigures, ...]:
    """The figures of every node with examples, in document order.

    Raises:
        AppError: `bad-tree` when the tree does not compile.
    """
    matcher = TreeMatcher(tree, encoder)
    model = ActModel.load()
    keys = key_paths(tree)
    found = []
    for node in tree.walk():
        expectation = matcher.expectation(node.path)
        if expectation is None:
            continue
        found.append(
            NodeFigures(
                node=node.path,
                key=keys[node.path],
                examples=len(node.match.examples),
                counter_examples=len(node.match.counter_examples),
                act=node.match.act,
                threshold=expectation.threshold,
                automatic=node.match.threshold is None,
                precision=expectation.precision,
                recall=expectation.recall,
                precision_range=expectation.precision_range,
                recall_range=expectation.recall_range,
                suggestion=None if node.match.act else suggest_act(node, encoder, model),
            )
        )
    return tuple(found)
