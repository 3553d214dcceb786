"""Differences between two documents, printed for people or as JSON."""

from collections.abc import Sequence

from cli.console import out, print_json
from core.changes import EntryChange, FieldChange
from core.serial import to_json

_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def show_changes(changes: Sequence[EntryChange], as_json: bool) -> None:
    """Print the changes, one entry after another with its fields below."""
    if as_json:
        print_json({"changes": [to_json(change) for change in changes]})
        return
    for change in changes:
        line = f"{_MARKS[change.kind]} {change.name}（{change.key or '文档本身'}）"
        out().print(line, markup=False, soft_wrap=True)
        for field in change.fields:
            out().print(f"    {field.field}: {_told(field)}", markup=False, soft_wrap=True)
    out().print(f"{len(changes)} 处不同" if changes else "没有不同", markup=False)


def _told(field: FieldChange) -> str:
    if field.added or field.removed:
        return " ".join([*(f"-{item}" for item in field.removed), *(f"+{i}" for i in field.added)])
    return f"{field.before or '（无）'} → {field.after or '（无）'}"
