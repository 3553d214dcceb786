"""Patterns: RE2 expressions, searched in single texts or in a whole call at once."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2

from core.errors import AppError
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.scan import Triggers


class Patterns:
    """RE2 patterns of one condition.

    Raises:
        AppError: `bad-rules` quoting the pattern that RE2 refuses and why.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._each = {pattern: compiled(pattern) for pattern in patterns}
        self._over_lines = all(_by_line(pattern) for pattern in patterns)

    @property
    def triggers(self) -> Triggers | None:
        """The patterns, None when they cannot be searched in many utterances at once."""
        return Triggers(patterns=tuple(self._each)) if self._over_lines else None

    def places(self, facts: CallFacts) -> dict[str, set[int]]:
        """For each pattern that may match: indexes of the utterances in which it may."""
        if not self._over_lines:
            everywhere = set(facts.by_index)
            return dict.fromkeys(self._each, everywhere)
        scan = facts.scan
        return {pattern: scan.lines_of(pattern) for pattern in self._each
                if pattern in scan.patterns}  # fmt: skip

    def matches_empty(self) -> bool:
        """Whether some pattern finds something where nothing was said."""
        return any(pattern.search("") for pattern in self._each.values())

    def spans(self, pattern: str, text: str) -> Iterator[tuple[int, int]]:
        """Non-empty matches of one of the patterns; they do not overlap.

        A group named `hit` narrows the match to what it holds; the rest is context.
        """
        wanted = self._each[pattern]
        group = wanted.groupindex.get("hit", 0)
        for match in wanted.finditer(text):
            start, end = match.span(group)
            if end > start >= 0:
                yield start, end


@lru_cache(maxsize=1 << 14)
def compiled(pattern: str) -> Any:
    """The pattern compiled by RE2, whose matching time is linear in the text.

    Raises:
        AppError: `bad-rules` quoting the pattern that RE2 refuses and why.
    """
    try:
        return re2.compile(pattern, _quiet())
    except re2.error as error:
        detail = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise AppError(
            "bad-rules",
            f"正则“{pattern}”不能用（{detail}）：RE2 不支持反向引用与环视，请改写。",
            detail={"pattern": pattern},
        ) from error


def _by_line(pattern: str) -> bool:
    """Whether searching many texts at once finds what searching each finds."""
    plain = pattern.replace("(?:", "").replace("(?P<", "")
    return not any(special in plain for special in (r"\A", r"\z", "(?"))


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options
