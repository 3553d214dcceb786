"""Places, answers and scopes of the naive evaluator: what was said, where, and what is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from qa_rules.conditions.relations import WithinCondition
from qa_rules.conditions.scope import Scope
from qa_rules.facts.call import CallView

TICK = 100
Place = tuple[int, int, int]


@dataclass
class Answer:
    """`value` is True, False, "undecidable" or "not_applicable"; `gap` why more may exist."""

    value: bool | str
    places: list[Place]
    gap: str | None


Ask = Callable[[str], Answer]
"""What finds the answer of another condition of the rule, by its name."""


def enough(count: int, values: list[bool | str]) -> bool | str:
    surely = values.count(True)
    maybe = sum(isinstance(v, str) for v in values)
    if surely >= count:
        return True
    if surely + maybe < count:
        return False
    return "undecidable" if "undecidable" in values else "not_applicable"


def flipped(found: Answer) -> Answer:
    if isinstance(found.value, str):
        return found
    return Answer(not found.value, [], None)


def weakest(gaps: list[str | None]) -> str | None:
    """What is said of several gaps together."""
    known = [gap for gap in gaps if gap]
    return ("undecidable" if "undecidable" in known else known[0]) if known else None


def apart(places: list[Place]) -> list[Place]:
    """Without those that overlap a longer (or equal, earlier) one."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda p: (p[1] - p[2], p)):
        if not any(o[0] == place[0] and place[1] < o[2] and o[1] < place[2] for o in kept):
            kept.append(place)
    return sorted(kept)


def both_ms(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
    """Milliseconds that lie in one of `some` and in one of `others`."""
    edges = sorted({edge for span in (*some, *others) for edge in span})
    return sum(
        end - start
        for start, end in pairwise(edges)
        if any(s <= start and end <= e for s, e in some)
        and any(s <= start and end <= e for s, e in others)
    )


def unheard_spans(role: str, call: CallView) -> list[tuple[int, int]]:
    roles = ("agent", "customer", "unknown") if role == "any" else (role, "unknown")
    lost = [(g.start_ms, g.end_ms) for g in call.transcript.untranscribed if g.role in roles]
    if role != "any":
        lost += [(u.start_ms, u.end_ms) for u in call.transcript.utterances if u.role == "unknown"]
    return lost


def nobody(scope: Scope, call: CallView) -> bool:
    return not any(scope.role in ("any", u.role) for u in call.transcript.utterances) and not any(
        g.role == scope.role for g in call.transcript.untranscribed
    )


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
