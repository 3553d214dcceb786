"""Regexes that backtrack catastrophically wherever they are not run by RE2.

A backtracking matcher needs exponential time where a loop can read the same text in two ways
(exponential ambiguity; Weber and Seidl, "On the degree of ambiguity of finite automata", 1991).
Each outermost loop of a pattern becomes a Glushkov automaton, one state for each character that
the pattern names; two walks that read the same text are a walk in its product with itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

_MANY = 16  # A repeat of so many rounds or more is a loop.
_LARGEST = 200  # States of a loop that are still looked into; larger ones are not ruled out.
_LAST = 0x10FFFF

_ALTERNATIVE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\|", re.DOTALL)

Ranges = tuple[tuple[int, int], ...]
"""Code points, as ranges with both ends in them, sorted."""

_EVERY: Ranges = ((0, _LAST),)
_CLASSES: Mapping[str, Ranges] = {
    "CATEGORY_DIGIT": ((0x30, 0x39),),
    "CATEGORY_SPACE": ((0x09, 0x0D), (0x20, 0x20)),
    "CATEGORY_WORD": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0x80, _LAST)),
}


def backtracks(pattern: str) -> bool:
    """Whether a backtracking matcher may need exponential time for the pattern.

    `(a+)+`, `(a|a)*`, `(?:[ab]*,?)*` and everything else in which a loop can split one text in
    two ways. What Python's parser does not know (RE2's own classes) is left alone.
    """
    try:
        parsed = re._parser.parse(_as_written(pattern))  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError):
        return False
    return any(_ambiguous(body) for body in _loops(list(parsed)))


def _as_written(pattern: str) -> str:
    """The pattern with an empty group before alternatives, so that the parser merges none."""
    return _ALTERNATIVE.sub(lambda found: "|()" if found[0] == "|" else found[0], pattern)


def _loops(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The bodies of the outermost loops."""
    for name, argument in items:
        if str(name) in ("MAX_REPEAT", "MIN_REPEAT") and int(argument[1]) >= _MANY:
            yield list(argument[2])
        else:
            for part in _parts(argument):
                yield from _loops(list(part))


def _parts(argument: Any) -> list[Any]:
    """The sequences of items inside an argument, whatever its shape."""
    if isinstance(argument, re._parser.SubPattern):  # type: ignore[attr-defined]
        return [argument]
    if isinstance(argument, tuple | list):
        return [part for item in argument for part in _parts(item)]
    return []


class _TooLargeError(Exception):
    """The loop has too many states to look into."""


def _ambiguous(body: Sequence[Any]) -> bool:
    automaton = _Automaton()
    try:
        automaton.loop(automaton.sequence(body))
    except _TooLargeError:
        return True
    return automaton.reads_twice()


Ways = dict[int, int]
"""In how many ways a state is come to; two stand for more as well."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a pattern: in how many ways it is empty, the states it begins and ends with."""

    empty: int
    first: Ways = field(default_factory=dict)
    last: Ways = field(default_factory=dict)


_NOTHING = _Part(1)


@dataclass(slots=True)
class _Automaton:
    """The states of a loop: what each reads, and which may follow it.

    `twice` says that some step from state to state can be taken in two ways.
    """

    reads: list[Ranges] = field(default_factory=list)
    follows: list[set[int]] = field(default_factory=list)
    twice: bool = False

    def sequence(self, items: Sequence[Any]) -> _Part:
        """The states of parts that come one after another."""
        whole = _NOTHING
        for item in items:
            whole = self._joined(whole, self._item(item))
        return whole

    def loop(self, body: _Part) -> _Part:
        """The body, again and again."""
        self._link(body.last, body.first)
        return body

    def reads_twice(self) -> bool:
        """Whether two different walks lead from some state back to it and read the same text."""
        if self.twice:
            return True
        pairs = {
            (one, other)
            for one, other in product(range(len(self.reads)), repeat=2)
            if _overlap(self.reads[one], self.reads[other])
        }
        after = {
            pair: [step for step in product(*(self.follows[at] for at in pair)) if step in pairs]
            for pair in pairs
        }
        before: dict[tuple[int, int], list[tuple[int, int]]] = {pair: [] for pair in pairs}
        for pair, steps in after.items():
            for step in steps:
                before[step].append(pair)
        for state in range(len(self.reads)):
            together = _reached((state, state), after) & _reached((state, state), before)
            if any(one != other for one, other in together):
                return True
        return False

    def _item(self, item: Any) -> _Part:
        name, argument = str(item[0]), item[1]
        match name:
            case "SUBPATTERN" | "ATOMIC_GROUP":
                return self.sequence(list(argument if name == "ATOMIC_GROUP" else argument[-1]))
            case "BRANCH":
                parts = [self.sequence(list(part)) for part in argument[1]]
                return _Part(
                    min(2, sum(part.empty for part in parts)),
                    {at: ways for part in parts for at, ways in part.first.items()},
                    {at: ways for part in parts for at, ways in part.last.items()},
                )
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(int(argument[0]), int(argument[1]), list(argument[2]))
            case "AT" | "ASSERT" | "ASSERT_NOT":
                return _NOTHING
            case _:
                return self._state(_characters(name, argument))

    def _repeated(self, least: int, most: int, body: Sequence[Any]) -> _Part:
        if most >= _MANY:
            part = self.loop(self.sequence(body))
            return part if least else _Part(1, part.first, part.last)
        # Two rounds that must be and two that may be are ambiguous when more of them are.
        needed = min(least, 2)
        whole = _NOTHING
        for at in reversed(range(needed + min(most - least, 2))):
            whole = self._joined(self.sequence(body), whole)
            if at >= needed:
                whole = _Part(min(2, whole.empty + 1), whole.first, whole.last)
        return whole

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._link(one.last, other.first)
        return _Part(
            min(2, one.empty * other.empty),
            {**one.first, **_so_often(other.first, one.empty)},
            {**_so_often(one.last, other.empty), **other.last},
        )

    def _link(self, ends: Ways, starts: Ways) -> None:
        for end, start in product(ends, starts):
            self.twice |= start in self.follows[end] or ends[end] * starts[start] > 1
            self.follows[end].add(start)

    def _state(self, reads: Ranges) -> _Part:
        if len(self.reads) == _LARGEST:
            raise _TooLargeError
        self.reads.append(reads)
        self.follows.append(set())
        at = len(self.reads) - 1
        return _Part(0, {at: 1}, {at: 1})


def _so_often(ways: Ways, times: int) -> Ways:
    return {at: min(2, one * times) for at, one in ways.items()} if times else {}


Pair = tuple[int, int]


def _reached(start: Pair, steps: Mapping[Pair, Sequence[Pair]]) -> set[Pair]:
    found, waiting = {start}, [start]
    while waiting:
        for step in steps[waiting.pop()]:
            if step not in found:
                found.add(step)
                waiting.append(step)
    return found


def _characters(name: str, argument: Any) -> Ranges:
    """What a single item reads; everything, where that is not plain."""
    match name:
        case "LITERAL":
            return ((argument, argument),)
        case "NOT_LITERAL":
            return _others(((argument, argument),))
        case "IN":
            return _class(argument)
        case _:
            return _EVERY


def _class(argument: Sequence[tuple[Any, Any]]) -> Ranges:
    found: list[tuple[int, int]] = []
    negated = False
    for kind, value in argument:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found.append((value, value))
            case "RANGE":
                found.append((value[0], value[1]))
            case _:
                said = str(value)
                known = _CLASSES.get(said.replace("_NOT_", "_"), _EVERY)
                found += _others(known) if "_NOT_" in said and known != _EVERY else known
    return _others(tuple(sorted(found))) if negated else tuple(sorted(found))


def _others(ranges: Ranges) -> Ranges:
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, _LAST)) if start <= _LAST else tuple(found)


def _overlap(one: Ranges, other: Ranges) -> bool:
    return any(a <= d and c <= b for a, b in one for c, d in other)
