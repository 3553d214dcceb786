"""Trees back to YAML: `parse_tree` of what comes out gives an equal tree."""

from typing import Any

import yaml

from events.document import MATCH_KEYS, SCOPE_LIMITS
from events.tree import Anchor, CallVocabulary, EventNode, EventTree, Matchers, Scope


def dump_tree(tree: EventTree) -> str:
    """The tree as YAML; `parse_tree` of it gives an equal tree."""
    return yaml.dump(
        _tree_document(tree), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000
    )


class _Dumper(yaml.SafeDumper):
    """Plain style with list items indented under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless and flow)


def _tree_document(tree: EventTree) -> dict[str, Any]:
    document: dict[str, Any] = {
        "tree": tree.name,
        "version": tree.version,
        "domain": tree.domain,
        "description": tree.description,
        "conversation": {
            "min_customer_utterances": tree.conversation.min_customer_utterances,
            "min_duration_s": tree.conversation.min_duration_s,
        },
    }
    background: dict[str, list[str]] = {}
    for sentence in tree.background:
        background.setdefault(sentence.role, []).append(sentence.text)
    if background:
        document["background"] = background
    if tree.vocabulary != CallVocabulary():
        document["vocabulary"] = _vocabulary_document(tree.vocabulary)
    document["nodes"] = [_node_document(node) for node in tree.nodes]
    return document


def _vocabulary_document(vocabulary: CallVocabulary) -> dict[str, Any]:
    document: dict[str, Any] = {
        "correction": vocabulary.correction,
        "hotwords": vocabulary.hotwords,
    }
    if vocabulary.terms:
        document["terms"] = list(vocabulary.terms)
    if vocabulary.campaigns:
        document["campaigns"] = {name: list(terms) for name, terms in vocabulary.campaigns}
    return document


def _node_document(node: EventNode) -> dict[str, Any]:
    document: dict[str, Any] = {"key": node.key, "name": node.name, "role": node.role}
    if node.description:
        document["description"] = node.description
    document |= {"sop": node.sop, "expected": node.expected, "required": node.required}
    document["weight"] = node.weight
    match = {
        key: list(value) if isinstance(value, tuple) else value
        for key in MATCH_KEYS
        if (value := getattr(node.match, key)) != getattr(Matchers(), key)
    }
    if match:
        document["match"] = match
    if node.scope is not None:
        document["scope"] = _scope_document(node.scope)
    if node.context is not None:
        document["context"] = {
            "after": _anchor_document(node.context.after),
            "bonus": node.context.bonus,
        }
    if node.applies_after:
        document["applies_after"] = list(node.applies_after)
    if node.children:
        document["children"] = [_node_document(child) for child in node.children]
    return document


def _scope_document(scope: Scope) -> dict[str, Any]:
    document: dict[str, Any] = {
        key: getattr(scope, key) for key in SCOPE_LIMITS if getattr(scope, key) is not None
    }
    for key in ("after", "before"):
        anchor = getattr(scope, key)
        if anchor is not None:
            document[key] = _anchor_document(anchor)
    return document


def _anchor_document(anchor: Anchor) -> dict[str, Any]:
    document: dict[str, Any] = {"node": list(anchor.nodes)}
    for key in ("within_utterances", "within_s"):
        if getattr(anchor, key) is not None:
            document[key] = getattr(anchor, key)
    return document
