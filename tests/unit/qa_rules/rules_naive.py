"""A second rule evaluator, written from docs/rules.md and as slow as it is plain.

It knows every operator whose meaning is in the document itself: keyword (single words), regex,
act (without its model), event, entity (runs of digits), repetition, volume, judge, the relations
between conditions, processes, silence, duration, turns and metadata. It shares nothing between
rules or conditions, and measures time in ticks of 100 ms. It imports no evaluation code: only the
values that both evaluators read.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from events.judgement import JudgeQuestion
from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.conditions.measures import (
    DurationCondition,
    MetadataCondition,
    SilenceCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    RuleCondition,
    TimesCondition,
    WithinCondition,
)
from qa_rules.conditions.scope import Scope
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    JudgeCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    VolumeCondition,
)
from qa_rules.facts.call import CallView
from qa_rules.model import Rule

TICK = 100
Place = tuple[int, int, int]


@dataclass
class Answer:
    """`value` is True, False, "undecidable" or "not_applicable"; `gap` why more may exist."""

    value: bool | str
    places: list[Place]
    gap: str | None


OTHERS: list[Rule] = []
"""The rules that a rule may refer to."""


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
        case EntityCondition():
            return several(condition, [r"\d{11}" for _ in condition.kinds], rule, call)
        case RepetitionCondition():
            return repetition(condition, rule, call)
        case VolumeCondition():
            return volume(condition, rule, call)
        case JudgeCondition():
            return judged(condition, call, rule)
        case TimesCondition():
            return times(condition, answer(condition.of, rule, call))
        case ProcessCondition():
            return process(condition, rule, call)
        case LogicCondition():
            return logic(condition.of, rule, call)
        case RuleCondition():
            other = next(one for one in OTHERS if one.id == condition.rule)
            value = naive_outcome(other, call)
            known = {"hit": True, "clear": False}.get(value, value)
            return Answer(known, [], known if isinstance(known, str) else None)
        case TurnsCondition():
            return turns(condition, call)
        case RegexCondition():
            found = several(condition, ["|".join(condition.patterns)], rule, call)
            return flipped(found) if condition.negated else found
        case ActCondition():
            part = part_of(condition.scope, rule, call)
            if isinstance(part, Answer):
                return part
            return Answer("undecidable", [], "undecidable")
        case EventCondition():
            return several(condition, list(condition.nodes), rule, call)
        case OrderCondition():
            return related(condition.first, condition.then, before, rule, call)
        case WithinCondition():
            if condition.lacking:
                return unaccompanied(condition, rule, call)
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
    part = part_of(condition.scope, rule, call)
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


def apart(places: list[Place]) -> list[Place]:
    """Without those that overlap a longer (or equal, earlier) one."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda p: (p[1] - p[2], p)):
        if not any(o[0] == place[0] and place[1] < o[2] and o[1] < place[2] for o in kept):
            kept.append(place)
    return sorted(kept)


def part_of(scope: Scope, rule: Rule, call: CallView):
    """The utterances of a scope, which places in them count, and the gap; an answer at once
    where there is nothing to search."""
    said, window, gap = scope_of(scope, rule.unheard_ms, call)
    if gap == "not_applicable" or scope.anchor is None or nobody(scope, call):
        if gap == "not_applicable" or (nobody(scope, call) and gap):
            return Answer(gap, [], gap)
        return said, lambda place: True, gap
    anchor = scope.anchor
    hits = answer(anchor.of, rule, call)
    places = hits.places
    if anchor.hit:
        if hits.gap:
            return Answer(hits.gap, [], hits.gap)
        places = places[-1:] if anchor.hit < 0 else places[anchor.hit - 1 : anchor.hit]
    if not places:
        return Answer(hits.gap or False, [], hits.gap)
    return beside(scope, rule, call, said, window, places, hits.gap)


def nobody(scope: Scope, call: CallView) -> bool:
    return not any(scope.role in ("any", u.role) for u in call.transcript.utterances) and not any(
        g.role == scope.role for g in call.transcript.untranscribed
    )


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
    gaps = [g for g in ("undecidable" if missing > rule.unheard_ms else None, unsure) if g]
    gap = ("undecidable" if "undecidable" in gaps else gaps[0]) if gaps else None

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


def both_ms(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
    """Milliseconds that lie in one of `some` and in one of `others`."""
    edges = sorted({edge for span in (*some, *others) for edge in span})
    return sum(
        end - start
        for start, end in pairwise(edges)
        if any(s <= start and end <= e for s, e in some)
        and any(s <= start and end <= e for s, e in others)
    )


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


def times(condition, counted: Answer) -> Answer:
    count = len(counted.places)
    if condition.at_most is not None and count > condition.at_most:
        return Answer(False, [], None)
    enough_already = count >= (condition.at_least or 0)
    if counted.gap and (condition.at_most is not None or not enough_already):
        return Answer(counted.gap, [], counted.gap)
    return Answer(True, counted.places, counted.gap) if enough_already else Answer(False, [], None)


def unaccompanied(condition, rule: Rule, call: CallView) -> Answer:
    one, other = answer(condition.of, rule, call), answer(condition.find, rule, call)
    holds = near(condition)
    alone = [a for a in one.places if not any(holds(a, b) for b in other.places)]
    if alone and not other.gap:
        return Answer(True, alone, one.gap)
    gaps = [g for g in (one.gap, other.gap if alone else None) if g]
    gap = ("undecidable" if "undecidable" in gaps else gaps[0]) if gaps else None
    return Answer(gap or False, [], gap)


def process(condition, rule: Rule, call: CallView) -> Answer:
    """Every path through the graph, tried one by one; an unheard step stands for any place."""
    steps = {step.step: step for step in condition.steps}
    answers = {name: answer(name, rule, call) for name in steps}

    def paths(name: str):
        step = steps[name]
        tails = [tail for after in step.next for tail in paths(after)] if step.next else [[]]
        for tail in tails:
            yield [name, *tail]
            if step.optional:
                yield tail

    def completes(path: list[str], at: Place | None, unheard: bool) -> list[Place | None]:
        """The last places of the path's chains; None stands for an unheard one."""
        if not path:
            return [at]
        found: list[Place | None] = []
        limit = steps[path[0]].reach.utterances
        for place in answers[path[0]].places:
            free = at is None
            if free or (before(at, place) and (limit is None or place[0] - at[0] <= limit)):
                found += completes(path[1:], place, unheard)
        if unheard and answers[path[0]].gap:
            found += completes(path[1:], None, unheard)
        return found

    every = [path for path in paths(condition.steps[0].step) if path]
    ends = {place for path in every for place in completes(path, None, unheard=False)}
    gaps = [a.gap for a in answers.values() if a.gap]
    gap = ("undecidable" if "undecidable" in gaps else gaps[0]) if gaps else None
    if ends:
        return Answer(True, apart(sorted(ends)), gap)
    if gap and any(completes(path, None, unheard=True) for path in every):
        return Answer(gap, [], gap)
    return Answer(False, [], None)


def logic(line: Line, rule: Rule, call: CallView) -> Answer:
    value = line_value(line, rule, call)
    if value is not True:
        return Answer(value, [], value if isinstance(value, str) else None)

    def places(part: Line) -> list[Place]:
        if line_value(part, rule, call) is not True or isinstance(part, Not):
            return []
        if isinstance(part, Name):
            return answer(part.name, rule, call).places
        return [place for operand in part.operands for place in places(operand)]

    def names(part: Line) -> list[str]:
        if isinstance(part, Name):
            return [part.name]
        parts = [part.operand] if isinstance(part, Not) else part.operands
        return [name for one in parts for name in names(one)]

    gaps = [g for name in names(line) if (g := answer(name, rule, call).gap)]
    gap = ("undecidable" if "undecidable" in gaps else gaps[0]) if gaps else None
    return Answer(True, apart(sorted(set(places(line)))), gap)


def turns(condition, call: CallView) -> Answer:
    scope = Scope(role=condition.role)
    said, _, gap = scope_of(scope, 0, call)
    if gap is None and condition.of == "turns":
        gap = scope_of(Scope(), 0, call)[2]
    if gap:
        return Answer(gap, [], gap)
    count = len(said)
    if condition.of == "turns":
        roles = [u.role for u in call.transcript.utterances]
        starts = [r for at, r in enumerate(roles) if at == 0 or roles[at - 1] != r]
        count = sum(condition.role in ("any", r) for r in starts)
    low, high = condition.bounds.above, condition.bounds.below
    return Answer((low is None or count > low) and (high is None or count < high), [], None)


def unheard_spans(role: str, call: CallView) -> list[tuple[int, int]]:
    roles = ("agent", "customer", "unknown") if role == "any" else (role, "unknown")
    lost = [(g.start_ms, g.end_ms) for g in call.transcript.untranscribed if g.role in roles]
    if role != "any":
        lost += [(u.start_ms, u.end_ms) for u in call.transcript.utterances if u.role == "unknown"]
    return lost


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
    lost = unheard_spans(scope.role, call)
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
