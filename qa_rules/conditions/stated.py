"""Stated: what every condition of a document has, whatever it looks for."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A condition as a document states it.

    `label` is what people call the thing that it looks for (`约定下一步的话`), empty when its words
    speak for themselves; `line` is the line of the document. Each kind has its `operator` besides,
    the key under which documents state it.
    """

    label: str = ""
    line: int = field(default=0, compare=False)
