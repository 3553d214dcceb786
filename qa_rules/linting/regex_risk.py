"""Regexes that backtrack catastrophically wherever they are not run by RE2."""

import re
from collections.abc import Sequence
from typing import Any

_UNBOUNDED = 64


def backtracks(pattern: str) -> bool:
    """Whether a backtracking matcher may need exponential time for the pattern.

    True for an unbounded repeat whose body is nothing but another one, `(a+)+` or `(?:[ab]*,?)*`:
    the same text can then be split in ever more ways. What Python's parser does not know (RE2's
    own classes) is left alone.
    """
    try:
        parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError):
        return False
    return _risky(list(parsed))


def _risky(items: Sequence[Any]) -> bool:
    for name, argument in items:
        if str(name) in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = argument
            inner = list(body)
            if int(most) >= _UNBOUNDED and _only_repeats(inner):
                return True
        if any(_risky(list(part)) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> list[Any]:
    """The sequences of items inside an argument, whatever its shape."""
    if isinstance(argument, re._parser.SubPattern):  # type: ignore[attr-defined]
        return [argument]
    if isinstance(argument, tuple | list):
        return [part for item in argument for part in _parts(item)]
    return []


def _only_repeats(body: Sequence[Any]) -> bool:
    """Whether an unbounded repeat is all of the body that is not optional."""
    body = _unwrapped(body)
    required = [item for item in body if not _may_be_empty(item)]
    unbounded = [item for item in body if _is_unbounded(item)]
    return bool(unbounded) and all(_is_unbounded(item) for item in required) and len(required) <= 1


def _unwrapped(body: Sequence[Any]) -> Sequence[Any]:
    while len(body) == 1 and str(body[0][0]) == "SUBPATTERN":
        body = list(body[0][1][-1])
    return body


def _is_unbounded(item: Any) -> bool:
    name, argument = item
    return str(name) in ("MAX_REPEAT", "MIN_REPEAT") and int(argument[1]) >= _UNBOUNDED


def _may_be_empty(item: Any) -> bool:
    name, argument = item
    return str(name) in ("MAX_REPEAT", "MIN_REPEAT") and argument[0] == 0
