"""Quoted texts of the sentence form, and the numbers and lists that stand in it."""

import re
from collections.abc import Iterable

from qa_rules.conditions.scope import Scalar

QUOTED = r"“(?:[^“”\\]|\\.)*”"
QUOTED_LIST = rf"{QUOTED}(?:、{QUOTED})*"
NAME = r"[\w\-]+"
REFERENCE = rf"【{NAME}】"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
SCALAR = rf"(?:{QUOTED}|{NUMBER}|真|假)"
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "“": "“", "”": "”", "\\": "\\"}
_PLAIN = {code: character for character, code in _ESCAPES.items()}


def quote_text(text: str) -> str:
    """The text in Chinese quotation marks; what would end them is escaped by a backslash."""
    return "“" + "".join(f"\\{_ESCAPES[c]}" if c in _ESCAPES else c for c in text) + "”"


def unquote(quoted: str) -> str:
    """The text of a quotation."""
    return re.sub(r"\\(.)", lambda match: _PLAIN.get(match[1], match[1]), quoted[1:-1], flags=re.S)


def quote_all(texts: Iterable[str]) -> str:
    """Quotations, one after the other: `“a”、“b”`."""
    return "、".join(map(quote_text, texts))


def unquote_all(text: str) -> tuple[str, ...]:
    """The texts of a list of quotations."""
    return tuple(unquote(found) for found in re.findall(QUOTED, text, re.DOTALL))


def refer(name: str) -> str:
    """A condition by its name: `【报价】`."""
    return f"【{name}】"


def referred(text: str) -> tuple[str, ...]:
    """The names that a text refers to, in order."""
    return tuple(re.findall(rf"【({NAME})】", text))


def write_number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def write_scalar(value: Scalar) -> str:
    """A value of a field: texts are quoted, truth values are 真 and 假."""
    if isinstance(value, bool):
        return "真" if value else "假"
    return quote_text(value) if isinstance(value, str) else repr(value)


def read_scalar(text: str) -> Scalar:
    """The value that `write_scalar` wrote."""
    if text.startswith("“"):
        return unquote(text)
    if text in ("真", "假"):
        return text == "真"
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
