"""Conditions of the naive evaluator that look for something in what was said."""

import re

from rules_naive_places import (
    Answer,
    Ask,
    Place,
    apart,
    before,
    both_ms,
    flipped,
    nobody,
    scope_of,
    unheard_spans,
    weakest,
)

from events.judgement import JudgeQuestion
from qa_rules.conditions.scope import Scope
from qa_rules.conditions.searches import EventCondition
from qa_rules.facts.call import CallView
from qa_rules.model import Rule


def several(condition, entries: list[str], rule: Rule, call: CallView, ask: Ask) -> Answer:
    part = part_of(condition.scope, rule, call, ask)
    if isinstance(part, Answer):
        return part
    said, belongs, gap = part
    groups: list[list[Place]] = []
    for entry in entries:
        places: list[Place] = []
        for utterance in said:
            if isinstance(condition, EventCondition):
                for hit in call.hits:
                    inside = hit.node == entry or hit.node.startswith(entry + "/")
                    if hit.utterance == utterance.index and inside:
                        places.append((utterance.index, hit.char_start, hit.char_end))
            else:
                matches = re.finditer(entry, utterance.text)
                places += [(utterance.index, m.start(), m.end()) for m in matches]
        groups.append([place for place in places if belongs(place)])
    mode = getattr(condition, "mode", "any")
    needed = {"any": 1, "none": 1, "all": len(groups)}.get(mode, getattr(condition, "at_least", 1))
    if getattr(condition, "in_one_utterance", False) and mode in ("all", "at_least"):
        full = [
            u.index for u in said
            if sum(any(p[0] == u.index for p in places) for places in groups) >= needed
        ]  # fmt: skip
        groups = [[p for p in places if p[0] in full] for places in groups]
        needed = 1
    together = apart(sorted({place for places in groups for place in places}))
    hits = sum(bool(places) for places in groups)
    found = Answer(True, together, gap) if hits >= needed else Answer(gap or False, [], gap)
    return flipped(found) if mode == "none" else found


def part_of(scope: Scope, rule: Rule, call: CallView, ask: Ask):
    """The utterances of a scope, which places in them count, and the gap; an answer at once
    where there is nothing to search."""
    said, window, gap = scope_of(scope, rule.unheard_ms, call)
    if gap == "not_applicable" or scope.anchor is None or nobody(scope, call):
        if gap == "not_applicable" or (nobody(scope, call) and gap):
            return Answer(gap, [], gap)
        return said, lambda place: True, gap
    anchor = scope.anchor
    hits = ask(anchor.of)
    places = hits.places
    if anchor.hit:
        if hits.gap:
            return Answer(hits.gap, [], hits.gap)
        places = places[-1:] if anchor.hit < 0 else places[anchor.hit - 1 : anchor.hit]
    if not places:
        return Answer(hits.gap or False, [], hits.gap)
    return beside(scope, rule, call, said, window, places, hits.gap)


def beside(scope: Scope, rule: Rule, call: CallView, said, window, places, unsure):
    utterances, anchor = call.transcript.utterances, scope.anchor
    spoken = scope_of(Scope(), 0, call)[1]
    chosen, windows = [], []
    for place in places:
        home = utterances[place[0]]
        at = [
            home.start_ms + (home.end_ms - home.start_ms) * n // len(home.text) for n in place[1:]
        ]
        for after in {"after": [1], "before": [0], "around": [0, 1]}[anchor.side]:
            side = [u for u in said if (u.index > place[0] if after else u.index < place[0])]
            count, start, end = anchor.reach.utterances, spoken[0], spoken[1]
            if after:
                start = at[1]
                if count is not None:
                    end = (
                        start
                        if not count
                        else side[count - 1].end_ms
                        if count <= len(side)
                        else end
                    )
                    side = side[:count]
            else:
                end = at[0]
                if count is not None:
                    start = (
                        end if not count else side[-count].start_ms if count <= len(side) else start
                    )
                    side = side[max(0, len(side) - count) :]
            chosen += side
            windows.append((max(start, window[0]), min(end, window[1])))
    lost = unheard_spans(scope.role, call)
    missing = both_ms(windows, lost)
    gap = weakest(["undecidable" if missing > rule.unheard_ms else None, unsure])

    def belongs(place: Place) -> bool:
        if any(u.index == place[0] for u in chosen):
            return True
        return any(
            hit[0] == place[0]
            and (
                (anchor.side != "before" and before(hit, place))
                or (anchor.side != "after" and before(place, hit))
            )
            for hit in places
        )

    return said, belongs, gap


def repetition(condition, rule: Rule, call: CallView) -> Answer:
    said, _, gap = scope_of(condition.scope, rule.unheard_ms, call)
    if gap == "not_applicable":
        return Answer(gap, [], gap)
    places = set()
    for role in ("agent", "customer", "unknown"):
        lines = [u for u in said if u.role == role]
        for at, last in enumerate(lines):
            near = lines[max(0, at - condition.within) : at] if condition.within else lines[:at]
            alike = [u for u in near if similar(u.text, last.text) >= condition.similarity]
            alike = [u for u in alike if len(u.text) >= condition.min_chars]
            if len(last.text) >= condition.min_chars and len(alike) + 1 >= condition.times:
                places |= {(u.index, 0, len(u.text)) for u in (*alike, last)}
    return Answer(True if places else gap or False, sorted(places), gap)


def similar(one: str, other: str) -> float:
    """Twice the longest common subsequence over both lengths."""
    if not one and not other:
        return 1.0
    row = [0] * (len(other) + 1)
    for a in one:
        new = [0]
        for at, b in enumerate(other):
            new.append(row[at] + 1 if a == b else max(new[at], row[at + 1]))
        row = new
    return 2 * row[-1] / (len(one) + len(other))


def volume(condition, rule: Rule, call: CallView) -> Answer:
    said, _, gap = scope_of(condition.scope, rule.unheard_ms, call)
    if gap == "not_applicable":
        return Answer(gap, [], gap)
    known = [u for u in said if u.level_dbfs is not None]
    loud = [u for u in known if u.level_dbfs > condition.above]
    places = [(u.index, 0, len(u.text)) for u in loud]
    doubtful = len(said) - len(known)
    unsure = gap or ("undecidable" if doubtful else None)
    if len(loud) >= condition.count:
        return Answer(True, places, unsure)
    if gap or (doubtful and len(loud) + doubtful >= condition.count):
        return Answer(unsure, places, unsure)
    return Answer(False, places, None)


def judged(condition, call: CallView, rule: Rule) -> Answer:
    said, _, gap = scope_of(Scope(role=condition.role), rule.unheard_ms, call)
    if gap == "not_applicable":
        return Answer(gap, [], gap)
    found = call.judgements.get(JudgeQuestion(condition.question, condition.role))
    if found is None or found.verdict == "unanswered":
        return Answer("undecidable", [], "undecidable")
    if found.verdict == "no":
        return Answer(gap or False, [], gap)
    own = {u.index for u in said}
    places = {(q.utterance, q.char_start, q.char_end) for q in found.quotes if q.utterance in own}
    if not places:
        return Answer("undecidable", [], "undecidable")
    return Answer(True, sorted(places), gap)
