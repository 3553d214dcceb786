"""Conditions of the naive evaluator on the call as a whole: its timing and its metadata."""

from rules_naive_places import TICK, Answer, nobody, scope_of

from qa_rules.conditions.measures import InterruptionCondition, SilenceCondition
from qa_rules.conditions.scope import Scope
from qa_rules.facts.call import CallView


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


def silence(condition: SilenceCondition, call: CallView) -> Answer:
    scope = Scope(ranges=condition.ranges)
    _, (low, high), gap = scope_of(scope, 0, call)
    if nobody(scope, call):
        return Answer(gap, [], gap)
    spoken = [(u.start_ms, u.end_ms) for u in call.transcript.utterances]
    began, count = None, 0
    for at in range(min(s for s, _ in spoken), max(e for _, e in spoken) + TICK, TICK):
        if not any(s <= at < e for s, e in spoken) and at < max(e for _, e in spoken):
            began = at if began is None else began
        elif began is not None:
            inside = not condition.ranges or low <= began < high
            count += inside and at - began > condition.min_s * 1000
            began = None
    return Answer(count >= condition.count, [], None)


def interruption(condition: InterruptionCondition, call: CallView) -> Answer:
    scope = Scope(role=condition.role, ranges=condition.ranges)
    said, _, gap = scope_of(scope, 0, call)
    if condition.ranges and nobody(scope, call):
        return Answer(gap, [], gap)
    utterances = call.transcript.utterances
    if {"agent", "customer"} - {u.role for u in utterances}:
        return Answer("not_applicable", [], "not_applicable")
    other = {"agent": "customer", "customer": "agent"}
    places = [
        (u.index, 0, len(u.text))
        for u in said
        if any(
            o.role == other.get(u.role)
            and o.start_ms < u.start_ms
            and any(
                min(u.end_ms, p.end_ms) - max(u.start_ms, p.start_ms) > condition.min_overlap_ms
                for p in goes_on(o, u, utterances)
            )
            for o in utterances
        )
    ]
    return Answer(len(places) >= condition.count, places, None)


def goes_on(said, cut_in, utterances) -> list:
    """`said` itself if it lasts when `cut_in` begins, else the first thing said on after a pause.

    The pause is at most 700 ms, and the speaker goes on within 250 ms of `cut_in`.
    """
    if said.end_ms > cut_in.start_ms:
        return [said]
    later = [
        u
        for u in utterances
        if u.role == said.role and u.index > cut_in.index and u.start_ms <= cut_in.start_ms + 250
    ]
    return later[:1] if later and later[0].start_ms - said.end_ms <= 700 else []


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
