"""References: the other conditions of its rule that a condition names."""

from qa_rules.conditions.boolean import names_in
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    TimesCondition,
    UnansweredCondition,
    WithinCondition,
)
from qa_rules.conditions.scope import Scope
from qa_rules.model import Condition


def references(condition: Condition) -> tuple[str, ...]:
    """The names that a condition refers to, in reading order, each once."""
    return tuple(dict.fromkeys((*placed_references(condition), *_in_line(condition))))


def placed_references(condition: Condition) -> tuple[str, ...]:
    """Those of the names whose place in the call matters."""
    match condition:
        case OrderCondition(first=first, then=then):
            return first, then
        case WithinCondition(of=of, find=find):
            return of, find
        case TimesCondition(of=of):
            return (of,)
        case UnansweredCondition(question=question, answer=answer):
            return tuple(filter(None, (question, answer)))
        case ProcessCondition(steps=steps):
            return tuple(step.step for step in steps)
        case _:
            scope = getattr(condition, "scope", None)
            anchor = scope.anchor if isinstance(scope, Scope) else None
            return (anchor.of,) if anchor else ()


def _in_line(condition: Condition) -> tuple[str, ...]:
    return tuple(names_in(condition.of)) if isinstance(condition, LogicCondition) else ()
