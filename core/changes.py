"""Changes between two versions of a document, by meaning: entries that came, went, or changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs.

    `before` and `after` are the values in words, empty where there was none. Of two lists, `added`
    and `removed` say which items differ instead; when only their order does, both are shown.
    """

    field: str
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChange:
    """One entry that differs: `key` identifies it in both versions, `name` is what people read.

    Fields are listed only for `changed` entries.
    """

    kind: ChangeKind
    key: str
    name: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a document, flattened: its name, and its fields as plain JSON values."""

    name: str
    fields: Mapping[str, object]


def compare(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> tuple[EntryChange, ...]:
    """What changed from `old` to `new`, in the order of `new`, then what was removed.

    Entries are matched by key. A changed name counts as a change of the field `name`; the order
    of entries is a field like any other, if the caller gives one.
    """
    changes: list[EntryChange] = []
    for key, entry in new.items():
        before = old.get(key)
        if before is None:
            changes.append(EntryChange(kind="added", key=key, name=entry.name))
            continue
        fields = _fields(before, entry)
        if fields:
            changes.append(EntryChange(kind="changed", key=key, name=entry.name, fields=fields))
    changes += [
        EntryChange(kind="removed", key=key, name=entry.name)
        for key, entry in old.items()
        if key not in new
    ]
    return tuple(changes)


def _fields(old: Entry, new: Entry) -> tuple[FieldChange, ...]:
    before: dict[str, object] = {"name": old.name, **old.fields}
    after: dict[str, object] = {"name": new.name, **new.fields}
    return tuple(
        _field(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*after, *before))
        if before.get(name) != after.get(name)
    )


def _field(name: str, before: object, after: object) -> FieldChange:
    old, new = before or [], after or []
    if isinstance(old, list) and isinstance(new, list):
        old_words, new_words = [_words(item) for item in old], [_words(item) for item in new]
        added = tuple(word for word in new_words if word not in old_words)
        removed = tuple(word for word in old_words if word not in new_words)
        if added or removed:
            return FieldChange(field=name, before="", after="", added=added, removed=removed)
    return FieldChange(field=name, before=_words(before), after=_words(after))


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "；".join(f"{key}: {_words(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "、".join(_words(item) for item in value)
    return str(value)
