"""Tree documents: YAML text in, `EventTree` out; and the packs that come along."""

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from asr.transcript import ROLES, Role
from core.errors import AppError
from events.merge import merge_trees
from events.tree import (
    Anchor,
    Background,
    CallVocabulary,
    Context,
    Conversation,
    EventNode,
    EventTree,
    Matchers,
    Scope,
)
from events.yaml_problems import decoded, unread
from events.yaml_reader import Reader

_TREE_KEYS = (
    "tree", "version", "domain", "description", "extends", "conversation", "vocabulary",
    "background", "nodes",
)  # fmt: skip
_NODE_KEYS = (
    "key", "name", "role", "description", "sop", "expected", "required", "weight", "match",
    "scope", "context", "applies_after", "children",
)  # fmt: skip
MATCH_KEYS = (
    "keywords", "regex", "examples", "counter_examples", "threshold", "pinyin", "negation",
    "act", "judge",
)  # fmt: skip
SCOPE_LIMITS = ("first_utterances", "last_utterances", "first_s", "last_s")
_MAX_DEPTH = 6


def parse_tree(text: str, source: str = "tree") -> EventTree:
    """The tree that a YAML document describes; `extends: PACK` builds on a pack's tree.

    Raises:
        AppError: `bad-tree` with `detail` source, line and column (from 1) of the first mistake.
    """
    reader = Reader(source, "bad-tree", "事件树", ("tree", "version", "nodes"))
    root = reader.root(text)
    fields = reader.mapping(root, _TREE_KEYS, "事件树")
    for key in ("tree", "nodes"):
        if key not in fields and not (key == "nodes" and "extends" in fields):
            raise reader.fail(root, f"事件树缺少 {key}")
    base = _base(reader, fields["extends"]) if "extends" in fields else None
    tree = _tree(reader, fields, base)
    if base is not None:
        tree = merge_trees(base, tree)
    _check_references(reader, root, tree)
    return tree


def load_tree(path: Path) -> EventTree:
    """The tree in a YAML file (UTF-8).

    Raises:
        AppError: `not-found` when the file cannot be read, `bad-tree` when it is no tree.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AppError(
            "not-found", f"读不了事件树 {path}：{unread(error)}，请检查路径。"
        ) from error
    return parse_tree(decoded(data, str(path), "bad-tree"), str(path))


@lru_cache(maxsize=16)
def load_pack(name_or_domain: str) -> EventTree:
    """The pack of that name (`职业教育`) or domain (`edu`).

    Raises:
        AppError: `not-found` listing the packs there are.
    """
    wanted = name_or_domain.strip()
    for name in pack_names():
        if name == wanted:
            return parse_tree(_pack_text(name), f"{name}.yaml")
    for name in pack_names():
        if _pack_domain(name) == wanted:
            return load_pack(name)
    raise AppError(
        "not-found", f"没有名为 {wanted!r} 的事件树包，可选：{'、'.join(pack_names())}。"
    )


@lru_cache(maxsize=1)
def pack_names() -> tuple[str, ...]:
    """Names of the packs that come with the product, sorted."""
    folder = resources.files("events") / "packs"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")))


def _pack_text(name: str) -> str:
    return (resources.files("events") / "packs" / f"{name}.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def _pack_domain(name: str) -> str:
    root = Reader(name, "bad-tree", "事件树", ("tree", "version", "nodes")).root(_pack_text(name))
    pairs = {key.value: value.value for key, value in root.value}
    return str(pairs.get("domain", "general"))


def _base(reader: Reader, node: yaml.Node) -> EventTree:
    try:
        return load_pack(reader.name(node, "extends"))
    except AppError as error:
        if error.code != "not-found":
            raise
        raise reader.fail(
            node, f"没有名为 {node.value} 的模板，可用：{'、'.join(pack_names())}"
        ) from error


def _tree(reader: Reader, fields: dict[str, yaml.Node], base: EventTree | None) -> EventTree:
    given: dict[str, Any] = {"name": reader.name(fields["tree"], "tree")}
    for key in ("version", "domain"):
        if key in fields:
            given[key] = reader.name(fields[key], key)
    if "description" in fields:
        given["description"] = reader.text(fields["description"])
    if "conversation" in fields:
        limits = reader.mapping(
            fields["conversation"], ("min_customer_utterances", "min_duration_s"), "conversation"
        )
        given["conversation"] = Conversation(
            **{key: reader.integer(value, key, 0) for key, value in limits.items()}
        )
    elif base is not None:
        given["conversation"] = base.conversation
    if "vocabulary" in fields:
        given["vocabulary"] = _vocabulary(reader, fields["vocabulary"], base)
    elif base is not None:
        given["vocabulary"] = base.vocabulary
    if "background" in fields:
        given["background"] = _background(reader, fields["background"])
    if "nodes" in fields:
        base_nodes = base.nodes if base else ()
        given["nodes"] = _nodes(reader, fields["nodes"], "", "agent", base_nodes, 1)
    return EventTree(**given)


def _vocabulary(reader: Reader, node: yaml.Node, base: EventTree | None) -> CallVocabulary:
    fields = reader.mapping(node, ("terms", "campaigns", "correction", "hotwords"), "vocabulary")
    given: dict[str, Any] = {}
    if "terms" in fields:
        given["terms"] = reader.texts(fields["terms"], "terms")
    if "campaigns" in fields:
        by_name = reader.mapping(fields["campaigns"], _own_keys(fields["campaigns"]), "campaigns")
        given["campaigns"] = tuple(
            (name, reader.texts(terms, name)) for name, terms in by_name.items()
        )
    for key in ("correction", "hotwords"):
        if key in fields:
            given[key] = reader.flag(fields[key], key)
        elif base is not None:
            given[key] = getattr(base.vocabulary, key)
    return CallVocabulary(**given)


def _own_keys(node: yaml.Node) -> list[str]:
    """The keys of a mapping whose keys are names that the document chooses."""
    return [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def _background(reader: Reader, node: yaml.Node) -> tuple[Background, ...]:
    by_role = reader.mapping(node, ROLES, "background")
    return tuple(
        Background(_role_name(role), text)
        for role, texts in by_role.items()
        for text in reader.texts(texts, "background")
    )


def _nodes(
    reader: Reader,
    node: yaml.Node,
    parent: str,
    role: Role,
    base: tuple[EventNode, ...],
    depth: int,
) -> tuple[EventNode, ...]:
    if depth > _MAX_DEPTH:
        raise reader.fail(node, f"事件树最多 {_MAX_DEPTH} 层")
    nodes: list[EventNode] = []
    for item in reader.items(node, "nodes"):
        child = _node(reader, item, parent, role, base, depth)
        if any(child.key == other.key for other in nodes):
            raise reader.fail(item, f"同级节点的 key {child.key} 重复")
        nodes.append(child)
    return tuple(nodes)


def _node(
    reader: Reader,
    item: yaml.Node,
    parent: str,
    role: Role,
    base: tuple[EventNode, ...],
    depth: int,
) -> EventNode:
    fields = reader.mapping(item, _NODE_KEYS, "节点")
    if "key" not in fields:
        raise reader.fail(item, "节点缺少 key")
    key = reader.name(fields["key"], "key")
    old = next((node for node in base if node.key == key), None)
    if "name" not in fields and old is None:
        raise reader.fail(item, f"节点 {key} 缺少 name")
    name = reader.name(fields["name"], "name") if "name" in fields else (old.name if old else key)
    if "/" in name:
        raise reader.fail(fields["name"], "节点名不能含有 /，它用来分隔层级")
    path = f"{parent}/{name}" if parent else name
    given: dict[str, Any] = {"key": key, "name": name, "path": path}
    given["role"] = (
        _role(reader, fields["role"]) if "role" in fields else (old.role if old else role)
    )
    _node_flags(reader, fields, old, given)
    if "match" in fields:
        given["match"] = _match(reader, fields["match"], old.match if old else None)
    elif old is not None:
        given["match"] = old.match
    given["scope"] = _scope(reader, fields["scope"]) if "scope" in fields else old and old.scope
    if "context" in fields:
        given["context"] = _context(reader, fields["context"])
    elif old is not None:
        given["context"] = old.context
    if "applies_after" in fields:
        given["applies_after"] = reader.texts(fields["applies_after"], "applies_after")
    elif old is not None:
        given["applies_after"] = old.applies_after
    if "children" in fields:
        inherited = old.children if old else ()
        given["children"] = _nodes(
            reader, fields["children"], path, given["role"], inherited, depth + 1
        )
    return EventNode(**given)


def _node_flags(
    reader: Reader, fields: dict[str, yaml.Node], old: EventNode | None, given: dict[str, Any]
) -> None:
    for key in ("sop", "expected", "required"):
        if key in fields:
            given[key] = reader.flag(fields[key], key)
        elif old is not None:
            given[key] = getattr(old, key)
    if "weight" in fields:
        given["weight"] = reader.number(fields["weight"], "weight", 0.0, 1000.0)
    elif old is not None:
        given["weight"] = old.weight
    if "description" in fields:
        given["description"] = reader.text(fields["description"])
    elif old is not None:
        given["description"] = old.description


def _role(reader: Reader, node: yaml.Node) -> Role:
    value = reader.text(node)
    if value not in ROLES:
        raise reader.fail(node, f"role 应当是 {'、'.join(ROLES)} 之一，现在是 {value}")
    return _role_name(value)


def _role_name(value: str) -> Role:
    return next(role for role in ROLES if role == value)


def _match(reader: Reader, node: yaml.Node, old: Matchers | None) -> Matchers:
    fields = reader.mapping(node, MATCH_KEYS, "match")
    given: dict[str, Any] = {}
    for key in ("keywords", "regex", "examples", "counter_examples"):
        if key in fields:
            given[key] = reader.texts(fields[key], key)
    if "threshold" in fields:
        given["threshold"] = reader.number(fields["threshold"], "threshold", 0.0, 1.0)
    elif old is not None:
        given["threshold"] = old.threshold
    for key in ("pinyin", "negation"):
        if key in fields:
            given[key] = reader.flag(fields[key], key)
        elif old is not None:
            given[key] = getattr(old, key)
    for key in ("act", "judge"):
        if key in fields:
            given[key] = reader.name(fields[key], key)
        elif old is not None:
            given[key] = getattr(old, key)
    return Matchers(**given)


def _scope(reader: Reader, node: yaml.Node) -> Scope:
    fields = reader.mapping(node, (*SCOPE_LIMITS, "after", "before"), "scope")
    given: dict[str, Any] = {
        key: reader.integer(fields[key], key) for key in SCOPE_LIMITS if key in fields
    }
    for key in ("after", "before"):
        if key in fields:
            given[key] = _anchor(reader, fields[key], key)
    return Scope(**given)


def _context(reader: Reader, node: yaml.Node) -> Context:
    fields = reader.mapping(node, ("after", "bonus"), "context")
    for key in ("after", "bonus"):
        if key not in fields:
            raise reader.fail(node, f"context 缺少 {key}")
    bonus = reader.number(fields["bonus"], "bonus", -1.0, 1.0)
    return Context(after=_anchor(reader, fields["after"], "after"), bonus=bonus)


def _anchor(reader: Reader, node: yaml.Node, what: str) -> Anchor:
    if isinstance(node, yaml.ScalarNode):
        return Anchor(nodes=(reader.name(node, what),))
    fields = reader.mapping(node, ("node", "within_utterances", "within_s"), what)
    if "node" not in fields:
        raise reader.fail(node, f"{what} 缺少 node")
    limits = {
        key: reader.integer(fields[key], key)
        for key in ("within_utterances", "within_s")
        if key in fields
    }
    return Anchor(nodes=reader.texts(fields["node"], "node"), **limits)


def _check_references(reader: Reader, root: yaml.Node, tree: EventTree) -> None:
    """Refuse circles of anchors: no order of matching could resolve them."""
    edges = {node.path: node.anchors() for node in tree.walk()}
    done: set[str] = set()

    def visit(path: str, trail: tuple[str, ...]) -> None:
        if path in trail:
            raise reader.fail(root, f"scope 或 context 互相引用：{' → '.join((*trail, path))}")
        if path in done or path not in edges:
            return
        for target in edges[path]:
            visit(target, (*trail, path))
        done.add(path)

    for path in edges:
        visit(path, ())
