"""Conditions of the naive evaluator that look at other conditions."""

from collections.abc import Callable

from rules_naive_places import Answer, Ask, Place, apart, before, near, weakest

from qa_rules.conditions.boolean import Line, Name, Not


def times(condition, counted: Answer) -> Answer:
    count = len(counted.places)
    if condition.at_most is not None and count > condition.at_most:
        return Answer(False, [], None)
    enough_already = count >= (condition.at_least or 0)
    if counted.gap and (condition.at_most is not None or not enough_already):
        return Answer(counted.gap, [], counted.gap)
    return Answer(True, counted.places, counted.gap) if enough_already else Answer(False, [], None)


def unaccompanied(condition, ask: Ask) -> Answer:
    one, other = ask(condition.of), ask(condition.find)
    holds = near(condition)
    alone = [a for a in one.places if not any(holds(a, b) for b in other.places)]
    if alone and not other.gap:
        return Answer(True, alone, one.gap)
    gap = weakest([one.gap, other.gap if alone else None])
    return Answer(gap or False, [], gap)


def related(anchor: str, wanted: str, holds, ask: Ask) -> Answer:
    one, other = ask(anchor), ask(wanted)
    places = sorted({b for a in one.places for b in other.places if holds(a, b)})
    gap = weakest([one.gap, other.gap])
    if places:
        return Answer(True, places, gap)
    if any(not x.places and not x.gap for x in (one, other)):
        return Answer(False, [], None)
    return Answer(gap or False, [], gap)


def process(condition, ask: Ask) -> Answer:
    """Every path through the graph, tried one by one; an unheard step stands for any place."""
    steps = {step.step: step for step in condition.steps}
    answers = {name: ask(name) for name in steps}

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
    gap = weakest([a.gap for a in answers.values()])
    if ends:
        return Answer(True, apart(sorted(ends)), gap)
    if gap and any(completes(path, None, unheard=True) for path in every):
        return Answer(gap, [], gap)
    return Answer(False, [], None)


def logic(line: Line, value_of: Callable[[Line], bool | str], ask: Ask) -> Answer:
    value = value_of(line)
    if value is not True:
        return Answer(value, [], value if isinstance(value, str) else None)

    def places(part: Line) -> list[Place]:
        if value_of(part) is not True or isinstance(part, Not):
            return []
        if isinstance(part, Name):
            return ask(part.name).places
        return [place for operand in part.operands for place in places(operand)]

    def names(part: Line) -> list[str]:
        if isinstance(part, Name):
            return [part.name]
        parts = [part.operand] if isinstance(part, Not) else part.operands
        return [name for one in parts for name in names(one)]

    gap = weakest([ask(name).gap for name in names(line)])
    return Answer(True, apart(sorted(set(places(line)))), gap)
