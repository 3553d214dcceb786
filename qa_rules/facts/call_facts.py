"""CallFacts: one call prepared for many conditions; everything is worked out once, when asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from asr import transcript
from asr.timing import CallTiming
from asr.transcript import Role, Utterance
from core.evidence import Form, Layer
from core.span import Span, total_ms
from events.acts.labels import LABELS
from events.hits import EventHit
from events.places import span_of
from events.reading import CallReading
from nlp.entities import Entity, find_entities
from nlp.normalise import TextForms, forms
from nlp.phonetics import SoundCodes
from qa_rules.conditions.scope import Direction, Range, SaidBy, Scope
from qa_rules.facts.acts import ActListener, Acts
from qa_rules.facts.call import CallView
from qa_rules.facts.meaning import MeaningModel, Meanings
from qa_rules.facts.scan import Line, Mask, Said, Scanner, Trace
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.place import Found, Place
from qa_rules.verdicts.verdict import Gap, precedes

_TELLING_TURNS = 6  # The model knows whole calls: of a sentence or two it rules nothing out.
_POSSIBLE = 0.005  # Held out, shipped words with a smaller chance were wrong in 25 turns of 25.

if TYPE_CHECKING:
    from events.acts.reading import ActPlace

SOUNDS = SoundCodes()
"""One code book for conditions and calls: equal codes are equal sounds."""

ROLE_NAMES = {**transcript.ROLE_NAMES, "any": "通话"}


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies on a `side` of some hits: whole utterances, and parts of the hits' `own` ones."""

    whole: frozenset[int]
    own: Mapping[int, Sequence[Found]]
    side: Direction

    def covers(self, item: Found) -> bool:
        """Whether a place in a selected utterance lies on the side."""
        if item.utterance is None or item.utterance in self.whole:
            return True
        after, before = self.side != "before", self.side != "after"
        return any(
            (after and precedes(hit, item)) or (before and precedes(item, hit))
            for hit in self.own.get(item.utterance, ())
        )


@dataclass(frozen=True)
class Selection:
    """The utterances a scope covers, the time it covers, and why something may be missing.

    `mask` says which of `said`, the utterances of the call, they are. `is_unknown` says that
    nothing can be known of what `role` said. `beside` limits what counts in the utterances to one
    side of an anchor's hits.
    """

    said: tuple[Utterance, ...]
    mask: Mask
    window: Span
    gap: Gap | None
    role: SaidBy = "any"
    unheard_ms: int = 0
    is_unknown: bool = False
    beside: Beside | None = None

    def covers(self, item: Found) -> bool:
        """Whether a place in one of the utterances belongs to the selection."""
        return self.beside is None or self.beside.covers(item)

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """The covered utterances, in order."""
        return tuple(self.among(self.mask))

    @cached_property
    def indexes(self) -> frozenset[int]:
        """The indexes of the covered utterances."""
        return frozenset(utterance.index for utterance in self.utterances)

    def among(self, mask: Mask) -> list[Utterance]:
        """The covered utterances that are also in `mask`, in order."""
        return [self.said[at] for at in bits(mask & self.mask)]


def bits(mask: Mask) -> Iterator[int]:
    """The numbers of the bits that are set, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A scope, and the speech without text in it that is put up with: compare by identity."""

    scope: Scope
    unheard_ms: int


@lru_cache(maxsize=1 << 14)
def area(scope: Scope, unheard_ms: int) -> Area:
    """The area, the same one for the same scope: hashing a scope takes longer than using it."""
    return Area(scope, unheard_ms)


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
        self._matched: dict[Trace, tuple[Mask, Mask]] = {}
        self._entities: dict[int, tuple[Entity, ...]] = {}
        self.quoted: dict[object, tuple[Place, ...]] = {}
        self.found: dict[object, list[tuple[int, Mask]]] = {}
        self._selections: dict[Area, Selection] = {}
        self.everywhere: Mask = (1 << len(utterances)) - 1
        self.by_index = {utterance.index: utterance for utterance in utterances}
        gaps = call.transcript.untranscribed
        starts = [u.start_ms for u in utterances] + [gap.start_ms for gap in gaps]
        ends = [u.end_ms for u in utterances] + [gap.end_ms for gap in gaps]
        self.timed = starts != ends
        self.timing = CallTiming(call.transcript)
        self.spoken = Span(min(starts), max(ends)) if starts else Span(0, 0)
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
        if one.is_sure:
            return mask
        checked, held = self._matched.get(one, (0, 0))
        if new := mask & ~checked:
            for at in bits(new):
                if one.holds_in(self.line(at)):
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
            lines, normalised, heard = own.lines, text.normalised, text.heard
            lines.texts.append(normalised)
            lines.owners.append(owner)
            if heard != normalised:
                lines.texts.append(heard)
                lines.owners.append(owner)
            if self.recognised:
                own.sounds.texts.append(SOUNDS.encode(text.pinyin))
                own.sounds.owners.append(owner)
        return self._scanner.read(said)

    def mask_of(self, indexes: Iterable[int]) -> Mask:
        """The utterances with these indexes, as a mask."""
        mask = 0
        for index in indexes:
            mask |= 1 << self._place[index]
        return mask

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

    @cached_property
    def heard_roles(self) -> frozenset[str]:
        """The roles of which every word is known, with "any": no scope of theirs has a gap."""
        roles = {utterance.role for utterance in self.transcript.utterances}
        if self.transcript.untranscribed or "unknown" in roles or not (roles and self.timed):
            return frozenset()
        return frozenset({"any", *roles})

    def select(self, scope: Scope, unheard_ms: int) -> Selection:
        """What `scope` covers; more than `unheard_ms` of speech without text in it is a gap."""
        return self.selected(area(scope, unheard_ms))

    def selected(self, wanted: Area) -> Selection:
        """What an area covers, worked out once."""
        known = self._selections.get(wanted)
        if known is None:
            known = self._selections[wanted] = self._select(wanted.scope, wanted.unheard_ms)
        return known

    def inside(self, wanted: Area) -> Mask:
        """The utterances that an area covers."""
        if not wanted.scope.ranges:
            return self._said_by(wanted.scope.role)
        return self.selected(wanted).mask

    def _select(self, scope: Scope, unheard_ms: int) -> Selection:
        every, mask = self.transcript.utterances, self._said_by(scope.role)
        missing = self._missing_role(scope.role, mask)
        if missing is not None:
            return Selection(
                every, 0, self.spoken, missing, scope.role, unheard_ms, is_unknown=True
            )
        window, said = self.spoken, [*bits(mask)] if scope.ranges else []
        for part in scope.ranges:
            if part.unit == "s" and not self.timed:
                reason = "没有时间信息，无法按秒取范围"
                gap = Gap(Truth.NOT_APPLICABLE, reason)
                return Selection(every, 0, window, gap, scope.role, unheard_ms, is_unknown=True)
            kept, covered = self._part(part, said)
            mask &= sum(1 << at for at in kept)
            window = intersection(window, covered)
        gap_inside = self.unheard(scope.role, [window], unheard_ms)
        return Selection(every, mask, window, gap_inside, scope.role, unheard_ms)

    def _said_by(self, role: SaidBy) -> Mask:
        return self.everywhere if role == "any" else self._of_roles.get(role, 0)

    @cached_property
    def _of_roles(self) -> Mapping[str, Mask]:
        masks: dict[str, Mask] = {}
        for at, utterance in enumerate(self.transcript.utterances):
            masks[utterance.role] = masks.get(utterance.role, 0) | 1 << at
        return masks

    def _missing_role(self, role: SaidBy, said: Mask) -> Gap | None:
        """Why nothing can be known of what `role` said, None when it can."""
        if said:
            return None
        transcript = self.transcript
        roles = {channel.role for channel in transcript.speech if channel.spans}
        roles |= {gap.role for gap in transcript.untranscribed}
        if role == "any":
            if transcript.untranscribed:
                return Gap(Truth.UNDECIDABLE, "有语音但没有转写文本")
            return Gap(Truth.NOT_APPLICABLE, "通话里没有语音")
        channels = {channel.role for channel in transcript.speech}
        if role in roles or role in channels:
            # The channel is there. Speech without any text is counted as unheard by the caller.
            return None
        unknown = any(u.role == "unknown" for u in transcript.utterances) or "unknown" in roles
        if unknown:
            return Gap(Truth.UNDECIDABLE, f"分不清哪一方是{ROLE_NAMES[role]}")
        return Gap(Truth.NOT_APPLICABLE, f"通话里没有{ROLE_NAMES[role]}的声音")

    def _part(self, part: Range, said: Sequence[int]) -> tuple[Sequence[int], Span]:
        """Which of the utterances `said`, by their place in the call, a range covers; and when."""
        if part.unit == "utterances":
            return self._by_count(part, said)
        start, end = self.spoken.start_ms, self.spoken.end_ms
        low, high = round(part.low * 1000), round(part.high * 1000)
        if part.edge == "first":
            window = Span(start, min(end, start + high))
        elif part.edge == "last":
            window = Span(max(start, end - high), end)
        else:
            window = Span(min(end, start + low), max(min(end, start + low), min(end, start + high)))
        every = self.transcript.utterances
        kept = [
            at
            for at in said
            if every[at].start_ms < window.end_ms and every[at].end_ms > window.start_ms
        ]
        return kept, window

    def _by_count(self, part: Range, said: Sequence[int]) -> tuple[Sequence[int], Span]:
        high, every = int(part.high), self.transcript.utterances
        if part.edge == "last":
            kept = said[-high:] if high else ()
            from_ms = every[kept[0]].start_ms if kept else self.spoken.end_ms
            # With fewer utterances than asked for, the range is the whole call.
            from_ms = self.spoken.start_ms if len(said) <= high else from_ms
            return kept, Span(min(from_ms, self.spoken.end_ms), self.spoken.end_ms)
        low = max(0, int(part.low) - 1) if part.edge == "between" else 0
        kept = said[low:high]
        from_ms = self.spoken.start_ms if low == 0 or not kept else every[kept[0]].start_ms
        to_ms = max((every[at].end_ms for at in kept), default=from_ms)
        to_ms = self.spoken.end_ms if len(said) <= high else to_ms
        return kept, Span(from_ms, max(from_ms, to_ms))

    def unheard(self, role: SaidBy, windows: Sequence[Span], unheard_ms: int) -> Gap | None:
        """The gap of more than `unheard_ms` of the role's speech without text in the windows."""
        spans = self._without_text(role)
        if not spans:
            return None
        inside = [intersection(span, window) for span in spans for window in windows]
        missing = total_ms(span for span in inside if span.duration_ms)
        if missing > unheard_ms:
            seconds = missing / 1000
            return Gap(Truth.UNDECIDABLE, f"{ROLE_NAMES[role]}有 {seconds:.1f} 秒语音没有转写文本")
        return None

    def _without_text(self, role: SaidBy) -> list[Span]:
        """Speech that may be the role's and is not known to be: no text, or no known speaker."""
        wanted = ("agent", "customer", "unknown") if role == "any" else (role, "unknown")
        spans = [
            Span(gap.start_ms, gap.end_ms)
            for gap in self.transcript.untranscribed
            if gap.role in wanted
        ]
        if role != "any":
            spans += [u.span for u in self.transcript.utterances if u.role == "unknown"]
        return spans


@lru_cache(maxsize=4096)
def _lineage(node: str) -> tuple[str, ...]:
    parts = node.split("/")
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def intersection(one: Span, other: Span) -> Span:
    """What both spans cover; empty at the later start when that is nothing."""
    start = max(one.start_ms, other.start_ms)
    return Span(start, max(start, min(one.end_ms, other.end_ms)))


def quote(
    utterance: Utterance, start: int, end: int, layer: Layer, form: Form, score: float = 1.0
) -> Place:
    """The place of `text[start:end)` of an utterance, timed by its words if it has any."""
    span = span_of(utterance, start, end)
    return Place(
        utterance.index, utterance.role, start, end, span.start_ms, span.end_ms, layer, form, score,
        utterance.text[start:end],
    )  # fmt: skip
