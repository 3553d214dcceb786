"""CallFacts: one call prepared for many conditions; everything is worked out once, when asked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from asr.timing import CallTiming
from asr.transcript import Role, Utterance
from core.evidence import Form, Layer
from events.acts.labels import LABELS
from events.hits import EventHit
from events.places import span_of
from events.reading import CallReading
from nlp.entities import Entity, find_entities
from nlp.normalise import TextForms, forms
from nlp.phonetics import SoundCodes
from qa_rules.facts.acts import ActListener, Acts
from qa_rules.facts.call import CallView
from qa_rules.facts.hearing import Hearing
from qa_rules.facts.meaning import MeaningModel, Meanings
from qa_rules.facts.scan import Line, Mask, Said, Scanner, Sightings, Trace
from qa_rules.facts.selection import bits
from qa_rules.verdicts.place import Place

_TELLING_TURNS = 6  # The model knows whole calls: of a sentence or two it rules nothing out.
_POSSIBLE = 0.005  # Held out, shipped words with a smaller chance were wrong in 25 turns of 25.

if TYPE_CHECKING:
    from events.acts.reading import ActPlace

SOUNDS = SoundCodes()
"""One code book for conditions and calls: equal codes are equal sounds."""


class CallFacts:
    """Lazily computed views of one call, shared by all conditions of a rule set.

    `found` is where the traces of an operator may be, as the waking of conditions tells: for each
    operator the numbers of its traces with the utterances in its area. `quoted` keeps what was
    found there, for other conditions that look for the same.
    """

    def __init__(
        self,
        call: CallView,
        scanner: Scanner,
        meaning: MeaningModel | None = None,
        acts: ActListener | None = None,
    ) -> None:
        self.call = call
        self._scanner = scanner
        self._meaning = meaning
        self._acts = acts
        self.transcript = call.transcript
        utterances = call.transcript.utterances
        self._forms: dict[int, TextForms] = dict(call.forms)
        self._lines: list[Line | None] = [None] * len(utterances)
        self._seen = Sightings()
        self._matched: dict[Trace, tuple[Mask, Mask]] = {}
        self._entities: dict[int, tuple[Entity, ...]] = {}
        self.quoted: dict[object, tuple[Place, ...]] = {}
        self.found: dict[object, list[tuple[int, Mask]]] = {}
        self.hearing = Hearing(call.transcript)
        known = call.timing
        if known is None or known.transcript is not call.transcript:
            known = CallTiming(call.transcript)
        self.timing = known
        self.recognised = call.transcript.engine.engine != "reference"

    def forms(self, utterance: Utterance) -> TextForms:
        """The matching forms of an utterance's raw text."""
        known = self._forms.get(utterance.index)
        if known is None:
            known = self._forms[utterance.index] = forms(utterance.text)
        return known

    @cached_property
    def everything_said(self) -> str:
        """Raw and normalised texts of all utterances, one a line."""
        texts = [self.forms(utterance) for utterance in self.transcript.utterances]
        return "\n".join([text.raw for text in texts] + [text.normalised for text in texts])

    def line(self, at: int) -> Line:
        """The nth utterance as patterns read it."""
        known = self._lines[at]
        if known is None:
            text = self.forms(self.transcript.utterances[at])
            normalised, heard = text.normalised, text.heard
            other = None if heard == normalised else heard.encode()
            known = self._lines[at] = (normalised.encode(), other)
        return known

    def matched(self, one: Trace, mask: Mask) -> Mask:
        """The utterances of `mask`, which have a sign of it, in which a trace does hold."""
        holds_in = one.holds_in
        if holds_in is None:
            return mask
        checked, held = self._matched.get(one, (0, 0))
        if new := mask & ~checked:
            in_normalised = self._seen.normalised.get(one, 0)
            in_heard = self._seen.heard.get(one, 0)
            for at in bits(new):
                normalised, heard = self.line(at)
                shown = (
                    normalised if in_normalised >> at & 1 else None,
                    heard if in_heard >> at & 1 else None,
                )
                if holds_in(shown):
                    held |= 1 << at
            self._matched[one] = checked | new, held
        return held & mask

    def scan(self) -> Mapping[Trace, Mask]:
        """The utterances in which what the rule set looks for may hold."""
        said: dict[Role, Said] = {}
        for at, utterance in enumerate(self.transcript.utterances):
            owner, text = 1 << at, self.forms(utterance)
            own = said.get(utterance.role)
            if own is None:
                own = said[utterance.role] = Said()
            own.everywhere |= owner
            normalised, heard = text.normalised, text.heard
            own.normalised.texts.append(normalised)
            own.normalised.owners.append(owner)
            if heard != normalised:
                own.heard.texts.append(heard)
                own.heard.owners.append(owner)
            if self.recognised:
                own.sounds.texts.append(SOUNDS.encode(text.pinyin))
                own.sounds.owners.append(owner)
        self._seen = self._scanner.read(said)
        return self._seen.together()

    def mask_of(self, indexes: Iterable[int]) -> Mask:
        """The utterances with these indexes, as a mask."""
        mask = 0
        for index in indexes:
            mask |= 1 << self._place[index]
        return mask

    def utterance(self, index: int) -> Utterance:
        """The utterance with this index."""
        return self.transcript.utterances[self._place[index]]

    @cached_property
    def _place(self) -> Mapping[int, int]:
        return {u.index: at for at, u in enumerate(self.transcript.utterances)}

    @cached_property
    def meanings(self) -> Meanings | None:
        """What the clauses of the call may mean; None without an encoder."""
        if self._meaning is None:
            return None
        said = [(u, self.forms(u)) for u in self.transcript.utterances]
        reading = self.call.reading
        return self._meaning.read(said, {} if reading is None else reading.vectors)

    @cached_property
    def acts(self) -> Acts | None:
        """The acts that the model reads in the call; None without the model's encoder."""
        return None if self._heard_acts is None else self._heard_acts.acts

    @cached_property
    def _heard_acts(self) -> CallReading | None:
        if self._acts is None:
            return None
        return self.call.reading or self._acts.read(self.transcript)

    def may_be(self, act: str, utterance: Utterance) -> bool:
        """Whether the act model holds it for possible that an utterance's turn does `act`.

        True where it cannot tell: without the encoder of its vectors, of a few turns, or without
        words.
        """
        if self._heard_acts is None or len(self._heard_acts.turns) < _TELLING_TURNS:
            return True
        chances = self._heard_acts.chances.get(utterance.index)
        return chances is None or bool(chances[LABELS.index(act)] >= _POSSIBLE)

    @cached_property
    def acts_by_name(self) -> "Mapping[str, Mapping[int, ActPlace]]":
        """By name of an act: where it is read, by the index of the utterance."""
        found: dict[str, dict[int, ActPlace]] = defaultdict(dict)
        for index, places in (self.acts or {}).items():
            for name, place in places.items():
                found[name][index] = place
        return found

    def entities(self, utterance: Utterance) -> tuple[Entity, ...]:
        """The entities of an utterance, by place."""
        known = self._entities.get(utterance.index)
        if known is None:
            known = self._entities[utterance.index] = find_entities(self.forms(utterance))
        return known

    @cached_property
    def events(self) -> Mapping[str, list[EventHit]]:
        """The hits that lie on utterances, by their node and by each of its parents."""
        found: dict[str, list[EventHit]] = defaultdict(list)
        for hit in self.call.hits or ():
            if hit.utterance is not None:
                for path in _lineage(hit.node):
                    found[path].append(hit)
        return found


@lru_cache(maxsize=4096)
def _lineage(node: str) -> tuple[str, ...]:
    parts = node.split("/")
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def quote(
    utterance: Utterance, start: int, end: int, layer: Layer, form: Form, score: float = 1.0
) -> Place:
    """The place of `text[start:end)` of an utterance, timed by its words if it has any."""
    span = span_of(utterance, start, end)
    return Place(
        utterance.index, utterance.role, start, end, span.start_ms, span.end_ms, layer, form, score,
        utterance.text[start:end],
    )  # fmt: skip
