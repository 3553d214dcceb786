"""A second rule evaluator, written from docs/rules.md and as slow as it is plain.

It knows the operators keyword (single words), regex, act (without its model), event, order,
within, duration, silence and metadata, shares nothing between rules or conditions, and measures
time in ticks of 100 ms. It imports no evaluation code: only the values that both evaluators read.
"""

import re
from dataclasses import dataclass

from qa_rules.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.call import CallView
from qa_rules.measures import DurationCondition, MetadataCondition, SilenceCondition
from qa_rules.model import Rule
from qa_rules.relations import OrderCondition, WithinCondition
from qa_rules.scope import Scope
from qa_rules.searches import ActCondition, EventCondition, KeywordCondition, RegexCondition

TICK = 100
Place = tuple[int, int, int]


@dataclass
class Answer:
    """`value` is True, False, "undecidable" or "not_applicable"; `gap` why more may exist."""

    value: bool | str
    places: list[Place]
    gap: str | None


def naive_outcome(rule: Rule, call: CallView) -> str:
    for test in rule.applies:
        if test_value(test, call) is not True:
            return "not_applicable"
    if rule.applies_if is not None:
        value = line_value(rule.applies_if, rule, call)
        if value is False:
            return "not_applicable"
        if value is not True:
            return value
    value = line_value(rule.hit_if, rule, call)
    return {True: "hit", False: "clear"}.get(value, value)


def naive_veto(rule: Rule, call: CallView) -> bool:
    """Whether a hit of the rule is a veto."""
    return rule.veto or (rule.veto_if is not None and line_value(rule.veto_if, rule, call) is True)


def line_value(line: Line, rule: Rule, call: CallView) -> bool | str:
    match line:
        case Name(name):
            return answer(name, rule, call).value
        case Not(operand):
            value = line_value(operand, rule, call)
            return value if isinstance(value, str) else not value
        case And(operands):
            return enough(len(operands), [line_value(o, rule, call) for o in operands])
        case Or(operands):
            return enough(1, [line_value(o, rule, call) for o in operands])
        case AtLeast(count, operands):
            return enough(count, [line_value(o, rule, call) for o in operands])


def enough(count: int, values: list[bool | str]) -> bool | str:
    surely = values.count(True)
    maybe = sum(isinstance(v, str) for v in values)
    if surely >= count:
        return True
    if surely + maybe < count:
        return False
    return "undecidable" if "undecidable" in values else "not_applicable"


def answer(name: str, rule: Rule, call: CallView) -> Answer:
    condition = rule.conditions[name]
    match condition:
        case KeywordCondition():
            groups = [re.escape(word) for word in condition.words]
            return several(condition, groups, rule, call)
        case RegexCondition():
            found = several(condition, ["|".join(condition.patterns)], rule, call)
            return flipped(found) if condition.negated else found
        case ActCondition():
            _, _, gap = scope_of(condition.scope, rule.unheard_ms, call)
            gap = gap if gap == "not_applicable" else "undecidable"
            return Answer(gap, [], gap)
        case EventCondition():
            return several(condition, list(condition.nodes), rule, call)
        case OrderCondition():
            return related(condition.first, condition.then, before, rule, call)
        case WithinCondition():
            return related(condition.of, condition.find, near(condition), rule, call)
        case SilenceCondition():
            return silence(condition, call)
        case DurationCondition():
            length = call.transcript.audio.duration_ms / 1000
            if not length:
                return Answer("not_applicable", [], "not_applicable")
            low, high = condition.bounds.above, condition.bounds.below
            inside = (low is None or length > low) and (high is None or length < high)
            return Answer(inside, [], None)
        case MetadataCondition():
            value = enough(len(condition.tests), [test_value(t, call) for t in condition.tests])
            return Answer(value, [], value if isinstance(value, str) else None)
    raise AssertionError(condition)


def flipped(found: Answer) -> Answer:
    if isinstance(found.value, str):
        return found
    return Answer(not found.value, [], None)


def several(condition, entries: list[str], rule: Rule, call: CallView) -> Answer:
    said, _, gap = scope_of(condition.scope, rule.unheard_ms, call)
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
        groups.append(places)
    together = sorted({place for places in groups for place in places})
    mode = getattr(condition, "mode", "any")
    hits = sum(bool(places) for places in groups)
    needed = {"any": 1, "none": 1, "all": len(groups)}.get(mode, getattr(condition, "at_least", 1))
    found = Answer(True, together, gap) if hits >= needed else Answer(gap or False, [], gap)
    return flipped(found) if mode == "none" else found


def scope_of(scope: Scope, unheard_ms: int, call: CallView):
    utterances = call.transcript.utterances
    gaps = call.transcript.untranscribed
    everything = [(u.start_ms, u.end_ms) for u in utterances]
    everything += [(g.start_ms, g.end_ms) for g in gaps]
    start = min((s for s, _ in everything), default=0)
    end = max((e for _, e in everything), default=0)
    said = [u for u in utterances if scope.role in ("any", u.role)]
    if not said:
        if scope.role == "any":
            kind = "undecidable" if gaps else "not_applicable"
            return [], (start, end), kind
        if not any(g.role == scope.role for g in gaps):
            unknown = [x for x in (*utterances, *gaps) if x.role == "unknown"]
            return [], (start, end), "undecidable" if unknown else "not_applicable"
    kept, low, high = list(said), start, end
    for part in scope.ranges:
        if part.unit == "s":
            a = start + part.low * 1000 if part.edge == "between" else start
            b = start + part.high * 1000
            if part.edge == "last":
                a, b = end - part.high * 1000, end
            a, b = max(start, min(a, end)), max(start, min(b, end))
            inside = [u for u in said if u.start_ms < b and u.end_ms > a]
        elif part.edge == "last":
            inside = said[-int(part.high) :]
            a, b = (inside[0].start_ms if len(said) > part.high else start), end
        else:
            first = int(part.low) - 1 if part.edge == "between" else 0
            inside = said[max(first, 0) : int(part.high)]
            a = start if first <= 0 or not inside else inside[0].start_ms
            b = max([u.end_ms for u in inside] or [a]) if len(said) > part.high else end
        kept = [u for u in kept if u in inside]
        low, high = max(low, a), min(high, b)
    roles = ("agent", "customer", "unknown") if scope.role == "any" else (scope.role, "unknown")
    lost = [(g.start_ms, g.end_ms) for g in gaps if g.role in roles]
    if scope.role != "any":
        lost += [(u.start_ms, u.end_ms) for u in utterances if u.role == "unknown"]
    ticks = sum(
        any(s <= at < e for s, e in lost) for at in range(int(low), int(max(low, high)), TICK)
    )
    return kept, (low, high), "undecidable" if ticks * TICK > unheard_ms else None


def before(one: Place, other: Place) -> bool:
    return one[0] < other[0] or (one[0] == other[0] and one[2] <= other[1])


def near(condition: WithinCondition):
    def holds(anchor: Place, place: Place) -> bool:
        distance = place[0] - anchor[0]
        if condition.direction == "after":
            return before(anchor, place) and 0 <= distance <= condition.reach.utterances
        if condition.direction == "before":
            return before(place, anchor) and 0 <= -distance <= condition.reach.utterances
        return place != anchor and abs(distance) <= condition.reach.utterances

    return holds


def related(anchor: str, wanted: str, holds, rule: Rule, call: CallView) -> Answer:
    one, other = answer(anchor, rule, call), answer(wanted, rule, call)
    places = sorted({b for a in one.places for b in other.places if holds(a, b)})
    gaps = [x.gap for x in (one, other) if x.gap]
    gap = ("undecidable" if "undecidable" in gaps else gaps[0]) if gaps else None
    if places:
        return Answer(True, places, gap)
    if any(not x.places and not x.gap for x in (one, other)):
        return Answer(False, [], None)
    return Answer(gap or False, [], gap)


def silence(condition: SilenceCondition, call: CallView) -> Answer:
    spoken = [(u.start_ms, u.end_ms) for u in call.transcript.utterances]
    if not spoken:
        known = call.transcript.audio.duration_ms > 0
        return Answer(False if known else "not_applicable", [], None if known else "not_applicable")
    quiet, longest = 0, 0
    for at in range(min(s for s, _ in spoken), max(e for _, e in spoken), TICK):
        quiet = 0 if any(s <= at < e for s, e in spoken) else quiet + TICK
        longest = max(longest, quiet)
    return Answer(longest > condition.min_s * 1000, [], None)


def test_value(test, call: CallView) -> bool | str:
    value = call.metadata.get(test.key)
    if value is None and test.key == "duration_s":
        value = call.transcript.audio.duration_ms / 1000 or None
    if value is None:
        return "not_applicable"
    if test.comparator in ("=", "in"):
        return value in test.values
    if test.comparator == "!=":
        return value not in test.values
    if isinstance(value, str):
        return "not_applicable"
    limit = test.values[0]
    return {
        ">": value > limit,
        ">=": value >= limit,
        "<": value < limit,
        "<=": value <= limit,
    }[test.comparator]


test_value.__test__ = False  # type: ignore[attr-defined]
