"""Anchors: nodes that are looked for before or after others, and where those were found."""

from collections.abc import Sequence, Set

from asr.transcript import Utterance
from core.errors import AppError
from events.places import follows, precedes
from events.tree import Anchor, EventNode, EventTree


class FoundPlaces:
    """The utterances of one call in which nodes were found so far."""

    def __init__(self) -> None:
        self._found: dict[str, list[Utterance]] = {}

    def add(self, anchors: Sequence[str], utterance: Utterance) -> None:
        """Note a hit for all the anchors that it counts for."""
        for path in anchors:
            self._found.setdefault(path, []).append(utterance)

    def precede(self, anchor: Anchor, utterance: Utterance) -> bool:
        """Whether a node of the anchor was found before an utterance, within its limits."""
        return follows(anchor, utterance, self._of(anchor))

    def allow(self, node: EventNode, utterance: Utterance) -> bool:
        """Whether an utterance lies where the anchors of a node's scope want it."""
        if node.scope is None:
            return True
        after, before = node.scope.after, node.scope.before
        if after and not follows(after, utterance, self._of(after)):
            return False
        return not before or precedes(before, utterance, self._of(before))

    def _of(self, anchor: Anchor) -> list[Utterance]:
        return [utterance for path in anchor.nodes for utterance in self._found.get(path, ())]


def anchors_above(nodes: Sequence[EventNode]) -> dict[str, tuple[str, ...]]:
    """By path of a node the anchors of any of the nodes that a hit of it counts for.

    A parent is hit when a child is, so anchors may name either.
    """
    named = dict.fromkeys(anchor for node in nodes for anchor in node.anchors())
    return {
        node.path: tuple(a for a in named if node.path == a or node.path.startswith(f"{a}/"))
        for node in nodes
    }


def in_order_of_anchors(tree: EventTree, nodes: Sequence[EventNode]) -> list[EventNode]:
    """Nodes of a tree so that every anchor comes before those that look at it.

    Raises:
        AppError: `bad-tree` when anchors refer to each other in a circle.
    """
    waiting = list(nodes)
    paths = {node.path for node in tree.walk()}
    decided: list[EventNode] = []
    while waiting:
        open_paths = [node.path for node in waiting]
        ready = [node for node in waiting if not _waits(node, open_paths, paths)]
        if not ready:
            raise AppError(
                "bad-tree",
                f"节点的 scope 或 context 互相引用：{'、'.join(open_paths)}。请去掉其中一个引用。",
            )
        decided += ready
        waiting = [node for node in waiting if node not in ready]
    return decided


def _waits(node: EventNode, open_paths: Sequence[str], known: Set[str]) -> bool:
    return any(
        path == anchor or path.startswith(f"{anchor}/")
        for anchor in node.anchors()
        if anchor in known
        for path in open_paths
    )
