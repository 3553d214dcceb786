"""Key paths: names of tree nodes that survive renaming."""

from collections.abc import Iterator

from events.tree import EventNode, EventTree


def key_paths(tree: EventTree) -> dict[str, str]:
    """Path of names -> path of keys from the root, for every node in document order."""
    return {node.path: place for node, place in _walk(tree.nodes, "")}


def node_at(tree: EventTree, key_path: str) -> EventNode | None:
    """The node with this path of keys, None when the tree has no such node."""
    return next((node for node, place in _walk(tree.nodes, "") if place == key_path), None)


def _walk(nodes: tuple[EventNode, ...], above: str) -> Iterator[tuple[EventNode, str]]:
    for node in nodes:
        place = f"{above}/{node.key}" if above else node.key
        yield node, place
        yield from _walk(node.children, place)
