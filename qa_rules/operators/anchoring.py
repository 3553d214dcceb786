"""Anchors: the part of a call that lies beside the hits of another condition."""

from collections.abc import Sequence

from asr.transcript import Utterance
from core.span import Span
from qa_rules.conditions.scope import EVERY_HIT, LAST_HIT, Anchor
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.selection import Beside, Selection, intersection
from qa_rules.verdicts.logic import Truth, weakest
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, Verdict, absent, fact, unsettled

_IS_AFTER = {"after": (True,), "before": (False,), "around": (False, True)}


def anchored(
    facts: CallFacts, base: Selection, anchor: Anchor, verdict: Verdict
) -> Selection | Verdict:
    """The part of `base` beside the hits that count; a verdict when there is none to search.

    In the utterance of a hit itself only what stands before (after) the hit belongs to it.
    Without the hit the condition is FALSE, whatever it asks: 在报价之后没有说 needs a 报价.
    """
    if base.is_unknown and base.gap is not None:
        return unsettled(base.gap)
    if anchor.reach.seconds is not None and not facts.hearing.timed:
        return unsettled(Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法按秒取范围"))
    hits = verdict.occurrences
    if anchor.hit != EVERY_HIT:
        if verdict.gap is not None:
            return unsettled(verdict.gap)  # Which hit is the nth one cannot be known.
        hits = hits[-1:] if anchor.hit == LAST_HIT else hits[anchor.hit - 1 : anchor.hit]
    if not hits:
        if verdict.gap is not None:
            return unsettled(verdict.gap)
        whole = facts.hearing.spoken
        return absent(fact(f"没有出现“{anchor.of}”", "timing", whole.start_ms, whole.end_ms))
    return _beside(facts, base, anchor, hits, verdict.gap)


def _beside(
    facts: CallFacts,
    base: Selection,
    anchor: Anchor,
    hits: Sequence[Found],
    unsure: Gap | None,
) -> Selection:
    whole: set[int] = set()
    own: dict[int, list[Found]] = {}
    windows: list[Span] = []
    for hit in hits:
        if hit.utterance in base.indexes and hit.utterance is not None:
            own.setdefault(hit.utterance, []).append(hit)
        for is_after in _IS_AFTER[anchor.side]:
            chosen, window = _side(facts, base.utterances, anchor, hit, is_after)
            whole.update(utterance.index for utterance in chosen)
            windows.append(intersection(base.window, window))
    gaps = [
        gap
        for gap in (facts.hearing.unheard(base.role, windows, base.unheard_ms), unsure)
        if gap is not None
    ]
    start = min(window.start_ms for window in windows)
    return Selection(
        base.said,
        facts.mask_of(u.index for u in base.utterances if u.index in whole or u.index in own),
        Span(start, max(window.end_ms for window in windows)),
        Gap(weakest([gap.truth for gap in gaps]), gaps[0].reason) if gaps else None,
        base.role,
        base.unheard_ms,
        beside=Beside(frozenset(whole), own, anchor.side),
    )


def _side(
    facts: CallFacts, said: Sequence[Utterance], anchor: Anchor, hit: Found, is_after: bool
) -> tuple[Sequence[Utterance], Span]:
    """The utterances on one side of a hit within the anchor's reach, and the time they cover."""
    start, end = facts.hearing.spoken.start_ms, facts.hearing.spoken.end_ms
    count, seconds = anchor.reach.utterances, anchor.reach.seconds
    if is_after:
        chosen = [u for u in said if _follows(hit, u)]
        start = min(end, max(start, hit.end_ms))
        if count is not None:
            end = chosen[count - 1].end_ms if 0 < count <= len(chosen) else end if count else start
            chosen = chosen[:count]
    else:
        chosen = [u for u in said if _leads(hit, u)]
        end = max(start, min(end, hit.start_ms))
        if count is not None:
            start = chosen[-count].start_ms if 0 < count <= len(chosen) else start if count else end
            chosen = chosen[len(chosen) - count :] if count <= len(chosen) else chosen
    if seconds is not None:
        reach_ms = round(seconds * 1000)
        if is_after:
            end = min(end, start + reach_ms)
            chosen = [u for u in chosen if u.start_ms - hit.end_ms <= reach_ms]
        else:
            start = max(start, end - reach_ms)
            chosen = [u for u in chosen if hit.start_ms - u.end_ms <= reach_ms]
    return chosen, Span(start, max(start, end))


def _follows(hit: Found, utterance: Utterance) -> bool:
    if hit.utterance is not None:
        return utterance.index > hit.utterance
    return utterance.start_ms >= hit.end_ms


def _leads(hit: Found, utterance: Utterance) -> bool:
    if hit.utterance is not None:
        return utterance.index < hit.utterance
    return utterance.end_ms <= hit.start_ms
