"""Linter of scorecards: what they name, and which calls each of them gets."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from core.errors import LintIssue, Severity
from qa_rules.linting.conditions import suggest, test_problems
from qa_rules.linting.metadata_tests import all_implied, disjoint
from qa_rules.model import RuleSet
from qa_rules.scoring.scorecard import Scorecard

_Found = tuple[Severity, str, str, str]


def lint_scorecards(ruleset: RuleSet, source: str = "") -> tuple[LintIssue, ...]:
    """Issues of the scorecards of a resolved rule set, in card order."""
    return tuple(
        LintIssue(
            severity, code, message, fix, card.source or source, card.line or 1, card.column or 1
        )
        for place, card in enumerate(ruleset.scorecards)
        for severity, code, message, fix in (
            *_unknown_rules(card, ruleset),
            *_limits(card),
            *_patterns(card),
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


def _limits(card: Scorecard) -> Iterator[_Found]:
    """Limits that no score can pass, or that leave nothing to count."""
    mark = card.pass_mark
    if mark is not None and not card.floor <= mark <= card.ceiling:
        all_or_none = "没有通话" if mark > card.ceiling else "没有一票否决的通话都"
        yield (
            "warning",
            "contradictory-range",
            f"评分卡 {card.name} 的 pass_mark {mark:g} 在 {card.floor:g} 到 {card.ceiling:g} "
            f"之外，{all_or_none}会合格。",
            "让 pass_mark 在 floor 与 ceiling 之间；不判合格写 null。",
        )
    for section in card.sections:
        if section.weight == 0 or section.max_points == 0:
            yield (
                "warning",
                "no-effect",
                f"评分卡 {card.name} 的评分项 {section.name} 写了 0，命中了也不扣分。",
                "让 weight 与 max_points 大于 0，或删去这个评分项。",
            )


def _patterns(card: Scorecard) -> Iterator[_Found]:
    for severity, code, message, fix in test_problems(card.applies_to):
        yield severity, code, f"评分卡 {card.name} 的 applies_to {message}", fix


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
    known = {category.name for category in ruleset.categories}
    filled = [card.section_of(rule.id, rule.category) for rule in ruleset.rules]
    for section in card.sections:
        if section not in filled:
            near = "".join(suggest(name, known) for name in section.categories[:1])
            yield (
                "warning",
                "empty-section",
                f"评分卡 {card.name} 的评分项 {section.name} 里一条规则也没有。",
                f"改正 categories 或 rules{near}；不需要这个评分项就删去。",
            )
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
        if all_implied(earlier.applies_to, card.applies_to):
            yield (
                "error",
                "unreachable-card",
                f"评分卡 {card.name} 用不上：它的通话都先被 {earlier.name} 选中。",
                f"把 {card.name} 移到前面，或改正 applies_to。",
            )
            return
    for earlier in before:
        if card.applies_to and not disjoint(earlier.applies_to, card.applies_to):
            yield (
                "warning",
                "overlapping-cards",
                f"有的通话同时符合评分卡 {earlier.name} 与 {card.name}，会用前一张。",
                "让两张卡的 applies_to 互不相交，或确认先后顺序正是想要的。",
            )
