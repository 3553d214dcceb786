"""What a pattern cannot do without: literals that occur in every text that it matches."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from qa_rules.facts.ordinary_speech import commonness

_MOST_TOGETHER = 48  # Combinations of neighbouring parts that are still spelled out.
_MOST_CHARACTERS = 12  # A larger class of characters says too little.
_MOST_LITERALS = 400  # Longer lists of alternatives are taken as they are, and no further.

Group = frozenset[str]


@lru_cache(maxsize=1 << 14)
def signs(pattern: str) -> Group:
    """Literals of which one occurs in whatever the pattern matches, as rare ones as there are.

    Empty for a pattern that asks for nothing in particular, or that is written in a way which
    only RE2 understands.
    """
    if "[:" in pattern:  # A class of RE2's, which Python's parser would read as characters.
        return frozenset()
    try:
        parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError):
        return frozenset()
    if parsed.state.flags & re.IGNORECASE:
        return frozenset()
    groups = _sequence(list(parsed)).settled()
    return rarest(map(_shortest, groups)) if groups else frozenset()


def rarest(groups: Iterable[Group]) -> Group:
    """The group whose words occur least often in ordinary speech."""
    return min(groups, key=_telling)


def _shortest(group: Group) -> Group:
    """The literals that hold no other one of the group: the others occur only with them."""
    by_length = sorted(group, key=len)
    kept: list[str] = []
    for literal in by_length:
        if not any(other in literal for other in kept):
            kept.append(literal)
    return frozenset(kept)


def _telling(group: Group) -> tuple[float, int, list[str]]:
    return sum(map(commonness, group)), len(group), sorted(group)


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a part of a pattern asks for.

    `exact` are all the texts that it matches, None when they are too many to list; `groups` are
    needed besides.
    """

    exact: frozenset[str] | None
    groups: tuple[Group, ...] = ()

    def settled(self) -> tuple[Group, ...]:
        """The groups, with the exact texts as one of them."""
        if self.exact is None or "" in self.exact or not self.exact:
            return self.groups
        return (*self.groups, self.exact)


_NOTHING = _Needs(frozenset({""}))
_ANYTHING = _Needs(None)


def _sequence(items: Sequence[Any]) -> _Needs:
    exact: frozenset[str] | None = frozenset({""})
    groups: list[Group] = []
    whole = True
    for item in items:
        needs = _item(item)
        groups += needs.groups
        if needs.exact is None:
            groups += _Needs(exact).settled()
            exact, whole = frozenset({""}), False
        elif exact is not None and len(exact) * len(needs.exact) <= _MOST_TOGETHER:
            exact = frozenset(map("".join, product(exact, needs.exact)))
        else:
            groups += _Needs(exact).settled()
            exact, whole = needs.exact, False
    if whole:
        return _Needs(exact, tuple(groups))
    return _Needs(None, (*groups, *_Needs(exact).settled()))


def _item(item: Any) -> _Needs:
    name, argument = str(item[0]), item[1]
    match name:
        case "LITERAL":
            return _Needs(frozenset({chr(argument)}))
        case "IN":
            return _characters(argument)
        case "SUBPATTERN":
            _, added, removed, body = argument
            return _ANYTHING if added or removed else _sequence(list(body))
        case "BRANCH":
            return _alternatives([_sequence(list(part)) for part in argument[1]])
        case "MAX_REPEAT" | "MIN_REPEAT":
            return _repeated(int(argument[0]), int(argument[1]), _sequence(list(argument[2])))
        case "AT":
            return _NOTHING
        case _:
            return _ANYTHING


def _characters(argument: Iterable[tuple[Any, Any]]) -> _Needs:
    found = set[str]()
    for name, value in argument:
        if str(name) == "LITERAL":
            found.add(chr(value))
        elif str(name) == "RANGE" and value[1] - value[0] < _MOST_CHARACTERS:
            found.update(map(chr, range(value[0], value[1] + 1)))
        else:
            return _ANYTHING
    return _Needs(frozenset(found)) if len(found) <= _MOST_CHARACTERS else _ANYTHING


def _alternatives(parts: Sequence[_Needs]) -> _Needs:
    every = [part.exact for part in parts]
    if all(one is not None for one in every) and not any(part.groups for part in parts):
        exact = frozenset[str]().union(*(one for one in every if one is not None))
        if len(exact) <= _MOST_LITERALS:
            return _Needs(exact)
    each = [part.settled() for part in parts]
    if not all(each):
        return _ANYTHING
    together = frozenset[str]().union(*map(rarest, each))
    return _Needs(None, (together,)) if len(together) <= _MOST_LITERALS else _ANYTHING


def _repeated(least: int, most: int, body: _Needs) -> _Needs:
    if least == most == 1:
        return body
    if least == 0:
        if most == 1 and body.exact is not None and not body.groups:
            return _Needs(body.exact | {""})
        return _ANYTHING
    return _Needs(None, body.settled())
