"""Patterns: RE2 expressions, searched in single utterances."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from core.errors import AppError
from qa_rules.facts.literals import signs
from qa_rules.facts.scan import Line, Signs

# How RE2's own words begin, and what people are told.
_REASONS = {
    "missing )": "括号没有成对，请补上 )",
    "unexpected )": "多了一个 )，请删去，或写成 \\)",
    "missing ]": "方括号没有成对，请补上 ]",
    "trailing": "末尾的反斜杠没有写完，请写成 \\\\",
    "no argument": "“{}”前面没有可以重复的内容，请补上，或写成 \\{}",
    "bad repetition": "“{}”连写了两次重复，请只留一个",
    "invalid repetition size": "“{}”的次数不对，要从小到大且乘起来不超过 1000",
    "invalid perl": "“{}”不能用，RE2 没有环视（前后断言），请换成 unless 或 not_regex",
    "invalid escape": "“{}”不是 RE2 的转义，反向引用也不支持，请改写",
    "invalid named": "“{}”的组名不对，写成 (?P<hit>…)",
    "invalid character class": "字符范围“{}”不对，请改正",
    "pattern too large": "它太大了，请拆成几条",
}


class Pattern:
    """One RE2 pattern, shared by every condition that states it: compare by identity.

    Raises:
        AppError: `bad-rules` quoting the pattern that RE2 refuses and why.
    """

    sound_signs: Signs = frozenset()

    def __init__(self, source: str) -> None:
        self.matches_empty = compiled(source).search("") is not None
        self.signs = signs(source)
        over_bytes = re2.compile(source.encode(), _quiet())  # Bytes need no offsets.
        self._hit = over_bytes.groupindex.get(b"hit", 0)
        self._finditer = over_bytes.finditer
        self._search = over_bytes.search

    def holds_in(self, line: Line) -> bool:
        """Whether the pattern matches somewhere in a form of an utterance."""
        return any(form is not None and self._search(form) is not None for form in line)

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Non-empty matches in a text in UTF-8, in code points; they do not overlap.

        A group named `hit` narrows the match to what it holds; the rest is context.
        """
        for match in self._finditer(text):
            start, end = match.span(self._hit)
            if end > start >= 0:
                first = len(text[:start].decode())
                yield first, first + len(text[start:end].decode())


@lru_cache(maxsize=1 << 14)
def pattern(source: str) -> Pattern:
    """The compiled pattern, the same one for the same source.

    Raises:
        AppError: `bad-rules` quoting the pattern that RE2 refuses and why.
    """
    return Pattern(source)


@lru_cache(maxsize=1 << 14)
def compiled(source: str) -> Any:
    """The pattern compiled by RE2, whose matching time is linear in the text.

    Raises:
        AppError: `bad-rules` quoting the pattern that RE2 refuses and why.
    """
    try:
        return re2.compile(source, _quiet())
    except re2.error as error:
        detail = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise AppError(
            "bad-rules",
            f"正则“{source}”不能用：{_reason(str(detail))}。",
            detail={"pattern": source},
        ) from error


def _reason(detail: str) -> str:
    """What RE2 refuses, and the fix."""
    told = next((words for start, words in _REASONS.items() if detail.startswith(start)), "")
    where = detail.partition(": ")[2]
    return told.replace("{}", where) if told else f"RE2 读不了它（{detail}），请改写"


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options
