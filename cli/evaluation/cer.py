"""Character error rate by role."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from asr.text import normalise_numbers
from asr.transcript import Role, Transcript
from cli.evaluation.ground_truth import GroundTruth

_ROLES: tuple[Role, ...] = ("agent", "customer")
_NOT_TEXT = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Errors:
    """Edit operations against reference characters."""

    edits: int = 0
    reference: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(self.edits + other.edits, self.reference + other.reference)

    @property
    def rate(self) -> float | None:
        """Edits per reference character (may exceed 1), None without reference text."""
        return self.edits / self.reference if self.reference else None


def comparable(text: str) -> str:
    """`text` as it is compared.

    Numbers are digits, compatibility forms folded, letters lower case, and nothing else is left
    but letters, characters and digits.
    """
    folded = unicodedata.normalize("NFKC", normalise_numbers(text).text).lower()
    return _NOT_TEXT.sub("", folded)


def character_errors(truth: GroundTruth, recognised: Transcript) -> dict[Role, Errors]:
    """Errors of agent and customer: all that a side said, in time order, as one text.

    Text on a channel whose role is unknown counts for neither side.
    """
    errors: dict[Role, Errors] = {}
    for role in _ROLES:
        reference = _joined(turn.text for turn in truth.turns if turn.role == role)
        heard = _joined(u.text for u in recognised.utterances if u.role == role)
        errors[role] = Errors(Levenshtein.distance(reference, heard), len(reference))
    return errors


def add_errors(total: Mapping[Role, Errors], more: Mapping[Role, Errors]) -> dict[Role, Errors]:
    """The errors of both, by role."""
    return {role: total.get(role, Errors()) + more.get(role, Errors()) for role in _ROLES}


def errors_json(errors: Mapping[Role, Errors]) -> dict[str, float | None]:
    """The rates `all`, `agent` and `customer`, to four places; None without reference text."""
    counts = {"all": sum(errors.values(), Errors())}
    counts.update({role: errors.get(role, Errors()) for role in _ROLES})
    return {
        name: None if count.rate is None else round(count.rate, 4) for name, count in counts.items()
    }


def _joined(texts: Iterable[str]) -> str:
    return "".join(comparable(text) for text in texts)
