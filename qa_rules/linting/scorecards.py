"""Linter of scorecards: what they name, and which calls each of them gets."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from core.errors import LintIssue, Severity
from qa_rules.conditions.measures import MetadataTest
from qa_rules.model import RuleSet
from qa_rules.scoring.scorecard import Scorecard

_Found = tuple[Severity, str, str, str]
_EQUAL = ("=", "in")
_UNEQUAL = ("!=", "not in")


def lint_scorecards(ruleset: RuleSet, source: str = "") -> tuple[LintIssue, ...]:
    """Issues of the scorecards of a resolved rule set, in card order."""
    return tuple(
        LintIssue(severity, code, message, fix, source, card.line or 1, 1)
        for place, card in enumerate(ruleset.scorecards)
        for severity, code, message, fix in (
            *_unknown_rules(card, ruleset),
            *_sections(card, ruleset),
            *_choice(card, ruleset.scorecards[:place]),
        )
    )


def _unknown_rules(card: Scorecard, ruleset: RuleSet) -> Iterator[_Found]:
    known = {rule.id for rule in ruleset.rules}
    named = [*card.points, *card.veto]
    for section in card.sections:
        named += [*section.rules, *section.zero_if]
    for rule in dict.fromkeys(named):
        if rule not in known:
            yield (
                "error",
                "unknown-rule",
                f"评分卡 {card.name} 提到的规则 {rule} 不存在。",
                "改正编号，或删去它。",
            )


def _sections(card: Scorecard, ruleset: RuleSet) -> Iterator[_Found]:
    for one, other in combinations(card.sections, 2):
        for what in (
            *sorted(set(one.categories) & set(other.categories)),
            *sorted(set(one.rules) & set(other.rules)),
        ):
            yield (
                "warning",
                "section-overlap",
                f"评分卡 {card.name} 的 {what} 同时写在评分项 {one.name} 与 {other.name}。",
                f"它只算在 {one.name}；请从 {other.name} 删去。",
            )
    if not card.sections:
        return
    for rule in ruleset.rules:
        costs = bool(card.points_of(rule) or rule.veto or rule.veto_if)
        if costs and card.section_of(rule.id, rule.category) is None:
            yield (
                "warning",
                "outside-sections",
                f"规则 {rule.id} 不在评分卡 {card.name} 的任何评分项里。",
                f"它直接计入总分；要受上限约束，请把类别 {rule.category} 写进一个评分项。",
            )


def _choice(card: Scorecard, before: Sequence[Scorecard]) -> Iterator[_Found]:
    for earlier in before:
        if _all_implied(earlier.applies_to, card.applies_to):
            yield (
                "error",
                "unreachable-card",
                f"评分卡 {card.name} 用不上：它的通话都先被 {earlier.name} 选中。",
                f"把 {card.name} 移到前面，或改正 applies_to。",
            )
            return
    for earlier in before:
        if card.applies_to and not _disjoint(earlier.applies_to, card.applies_to):
            yield (
                "warning",
                "overlapping-cards",
                f"有的通话同时符合评分卡 {earlier.name} 与 {card.name}，会用前一张。",
                "让两张卡的 applies_to 互不相交，或确认先后顺序正是想要的。",
            )


def _all_implied(wanted: Sequence[MetadataTest], given: Sequence[MetadataTest]) -> bool:
    """Whether every call that passes all of `given` passes all of `wanted`."""
    return all(any(_implied(test, by) for by in given) for test in wanted)


def _implied(test: MetadataTest, by: MetadataTest) -> bool:
    if test == by:
        return True
    if test.key != by.key:
        return False
    values, others = _values(test), _values(by)
    if by.comparator in _EQUAL and test.comparator in _EQUAL:
        return others <= values
    if by.comparator in _EQUAL and test.comparator in _UNEQUAL:
        return not others & values
    if by.comparator in _UNEQUAL and test.comparator in _UNEQUAL:
        return values <= others
    return _bound(test, by)


def _bound(test: MetadataTest, by: MetadataTest) -> bool:
    """`size > 3` holds wherever `size > 5` does."""
    limit, other = test.values[0], by.values[0]
    if not isinstance(limit, int | float) or not isinstance(other, int | float):
        return False
    if test.comparator[0] != by.comparator[0] or test.comparator[0] not in "<>":
        return False
    strict_only = test.comparator in ("<", ">") and by.comparator in ("<=", ">=")
    if other == limit:
        return not strict_only
    return other > limit if test.comparator[0] == ">" else other < limit


def _disjoint(one: Sequence[MetadataTest], other: Sequence[MetadataTest]) -> bool:
    """Whether no call passes both, as far as equal fields tell."""
    return any(
        a.key == b.key and (_apart(a, b) or _apart(b, a) or _bounds_apart(a, b))
        for a in one
        for b in other
    )


def _apart(one: MetadataTest, other: MetadataTest) -> bool:
    if one.comparator not in _EQUAL:
        return False
    if other.comparator in _EQUAL:
        return not _values(one) & _values(other)
    return other.comparator in _UNEQUAL and _values(one) <= _values(other)


def _bounds_apart(one: MetadataTest, other: MetadataTest) -> bool:
    low, high = (one, other) if one.comparator[0] == ">" else (other, one)
    if low.comparator[0] != ">" or high.comparator[0] != "<":
        return False
    least, most = low.values[0], high.values[0]
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return False
    return least > most or (least == most and (low.comparator, high.comparator) != (">=", "<="))


def _values(test: MetadataTest) -> frozenset[str]:
    return frozenset(str(value) for value in test.values)
