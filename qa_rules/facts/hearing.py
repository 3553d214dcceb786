"""Hearing: what of a call was heard, and which part of it a scope covers."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from asr.transcript import Transcript
from core.span import Span, total_ms
from qa_rules.conditions.scope import Range, SaidBy, Scope
from qa_rules.facts.scan import Mask
from qa_rules.facts.selection import ROLE_NAMES, Area, Selection, area, bits, intersection
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.verdict import Gap


class Hearing:
    """The utterances of one call and its speech without text; selections are made once.

    `everywhere` is the mask of all utterances, `spoken` the time from the first to the last
    speech, `timed` whether times mean anything.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self._selections: dict[Area, Selection] = {}
        self.everywhere: Mask = (1 << len(transcript.utterances)) - 1
        gaps = transcript.untranscribed
        starts = [u.start_ms for u in transcript.utterances] + [gap.start_ms for gap in gaps]
        ends = [u.end_ms for u in transcript.utterances] + [gap.end_ms for gap in gaps]
        self.timed = starts != ends
        self.spoken = Span(min(starts), max(ends)) if starts else Span(0, 0)

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
