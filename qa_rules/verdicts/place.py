"""Place: evidence in the making, as cheap to make as can be."""

from typing import NamedTuple

from core.evidence import Evidence, Form, Layer


class Place(NamedTuple):
    """A place in a call that a verdict rests on; the fields are those of `Evidence`.

    Conditions find many more places than findings quote: only those become evidence.
    """

    utterance: int | None
    role: str
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int
    layer: Layer
    form: Form
    score: float
    text: str


Found = Place | Evidence
"""What a condition found: a place, or what was evidence before (the hit of an event)."""
