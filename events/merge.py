"""A tree laid over a base tree: what `extends` means."""

from dataclasses import replace

from events.tree import CallVocabulary, EventNode, EventTree, Matchers


def merge_trees(base: EventTree, over: EventTree) -> EventTree:
    """`over` laid over `base`: nodes meet by key, phrases are added, other fields come from `over`.

    `over` was parsed with `base` at hand, so fields that its document leaves out already hold the
    base's value. Nodes keep the base's order; new ones follow. Renaming a node moves its
    children along.
    """
    sentences = dict.fromkeys((*base.background, *over.background))
    roles = list(dict.fromkeys(sentence.role for sentence in sentences))
    return replace(
        over,
        description=over.description or base.description,
        # Grouped by role, as documents write them.
        background=tuple(sorted(sentences, key=lambda s: roles.index(s.role))),
        vocabulary=_merge_vocabulary(base.vocabulary, over.vocabulary),
        nodes=_merge_nodes(base.nodes, over.nodes, ""),
    )


def _merge_vocabulary(old: CallVocabulary, new: CallVocabulary) -> CallVocabulary:
    """Terms are added, campaign by campaign; the switches come from `new`."""
    campaigns = dict(old.campaigns)
    for name, terms in new.campaigns:
        campaigns[name] = _joined(campaigns.get(name, ()), terms)
    return replace(new, terms=_joined(old.terms, new.terms), campaigns=tuple(campaigns.items()))


def _merge_nodes(
    base: tuple[EventNode, ...], over: tuple[EventNode, ...], parent: str
) -> tuple[EventNode, ...]:
    changed = {node.key: node for node in over}
    merged = [_merge_node(old, changed.pop(old.key, None), parent) for old in base]
    return (*merged, *changed.values())


def _merge_node(old: EventNode, new: EventNode | None, parent: str) -> EventNode:
    node = new or old
    path = f"{parent}/{node.name}" if parent else node.name
    return replace(
        node,
        path=path,
        match=_merge_match(old.match, new.match) if new else old.match,
        children=_merge_nodes(old.children, new.children if new else (), path),
    )


def _merge_match(old: Matchers, new: Matchers) -> Matchers:
    return replace(
        new,
        keywords=_joined(old.keywords, new.keywords),
        regex=_joined(old.regex, new.regex),
        examples=_joined(old.examples, new.examples),
        counter_examples=_joined(old.counter_examples, new.counter_examples),
    )


def _joined(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))
