"""Ordinary sentences of telesales calls, which ship with the product."""

from functools import lru_cache
from importlib import resources

from asr.transcript import Role

_SIDES: dict[str, Role] = {"坐": "agent", "客": "customer"}


@lru_cache(maxsize=2)
def ordinary_sentences(role: Role) -> tuple[str, ...]:
    """Sentences that a side says in calls of many industries, in the order of the file.

    They stand for calls at large: some of them are what any one node looks for.
    """
    text = (resources.files("events.nodes") / "background.txt").read_text(encoding="utf-8")
    return tuple(line[2:].strip() for line in text.splitlines() if line and _SIDES[line[0]] == role)
