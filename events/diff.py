"""What changed between two versions of an event tree, node by node."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from core.changes import Entry, EntryChange, compare
from events.dumping import dump_tree
from events.tree import EventNode, EventTree

TREE_KEY = ""
"""The key under which changes of the tree itself are told."""


def diff_trees(old: EventTree, new: EventTree) -> tuple[EntryChange, ...]:
    """The changes from `old` to `new`: of the tree itself first, then nodes in tree order.

    Nodes are the same when their keys from the root are, so a renamed node is a change, not one
    removed and one added. Moving nodes among their siblings is told once, as the tree's field
    `order`. Version numbers are left out.
    """
    before, after = _entries(old), _entries(new)
    common = before.keys() & after.keys() - {TREE_KEY}
    return compare(_with_order(before, common), _with_order(after, common))


def _entries(tree: EventTree) -> dict[str, Entry]:
    document = yaml.safe_load(dump_tree(tree))
    entries = {TREE_KEY: Entry(name=tree.name, fields=_tree_fields(document))}
    for place, path, node in _walk(document["nodes"], tree.nodes, ""):
        entries[place] = Entry(name=path, fields=node)
    return entries


def _tree_fields(document: Mapping[str, Any]) -> dict[str, object]:
    fields = _flat({key: document[key] for key in ("domain", "description", "conversation")})
    fields["background"] = [
        f"{role}: {text}"
        for role, texts in document.get("background", {}).items()
        for text in texts
    ]
    return fields


def _walk(
    documents: list[dict[str, Any]], nodes: tuple[EventNode, ...], above: str
) -> Iterator[tuple[str, str, dict[str, object]]]:
    for document, node in zip(documents, nodes, strict=True):
        place = f"{above}/{node.key}" if above else node.key
        own = {k: v for k, v in document.items() if k not in ("key", "name", "children")}
        yield place, node.path, _flat(own)
        yield from _walk(document.get("children", []), node.children, place)


def _with_order(entries: Mapping[str, Entry], common: set[str]) -> dict[str, Entry]:
    """The entries, with the order of those that both versions have as a field of the tree."""
    tree = entries[TREE_KEY]
    # By keys: a node that was only renamed has not moved.
    order = " → ".join(key for key in entries if key in common)
    return {**entries, TREE_KEY: Entry(name=tree.name, fields={**tree.fields, "order": order})}


def _flat(document: Mapping[str, Any], above: str = "") -> dict[str, object]:
    """Nested mappings as dotted fields (`scope.after.node`)."""
    found: dict[str, object] = {}
    for key, value in document.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            found |= _flat(value, f"{name}.")
        else:
            found[name] = value
    return found
