"""Ordinary speech: what calls are made of, and how often words occur in it."""

from collections import Counter
from functools import lru_cache

from events.document import load_pack, pack_names
from events.tree import Background
from nlp.normalise import forms

_LONGEST = 4
_UNSEEN = 0.1  # What never occurred may still occur, the less the longer it is.


@lru_cache(maxsize=1)
def ordinary_speech() -> tuple[Background, ...]:
    """Sentences of everyday sales calls: every example of the event packs that ship with us.

    What a violation sounds like is only learned against what calls are made of.
    """
    found: dict[Background, None] = {}
    for name in pack_names():
        tree = load_pack(name)
        for node in tree.walk():
            for text in (*node.match.examples, *node.match.counter_examples):
                found[Background(node.role, text)] = None
        for sentence in tree.background:
            found[sentence] = None
    return tuple(found)


@lru_cache(maxsize=1 << 17)
def commonness(word: str) -> float:
    """How often a word occurs in ordinary speech, in normalised text; never 0.

    Of a long word, its rarest part of four characters is counted.
    """
    counts = _counts()
    parts = [word[at : at + _LONGEST] for at in range(max(1, len(word) - _LONGEST + 1))]
    return float(min(counts[part] or _UNSEEN ** len(part) for part in parts))


@lru_cache(maxsize=1)
def _counts() -> Counter[str]:
    """How often each run of up to four characters occurs."""
    found = Counter[str]()
    for sentence in ordinary_speech():
        text = forms(sentence.text).normalised
        for length in range(1, _LONGEST + 1):
            found.update(text[at : at + length] for at in range(len(text) - length + 1))
    return found
