"""Scorecards as values: sections, points and limits by which findings become a score."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qa_rules.conditions.measures import MetadataTest
from qa_rules.findings import RuleSeverity

if TYPE_CHECKING:
    from qa_rules.model import Rule, RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a scorecard that takes in rules: those listed, and all of its categories.

    `weight` multiplies what its rules cost or earn. Deductions in it end at `max_points`, bonuses
    at `max_bonus`; None sets no limit. A hit of a rule in `zero_if` takes all of `max_points`.
    """

    name: str
    categories: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    weight: float = 1.0
    max_points: float | None = None
    max_bonus: float | None = None
    zero_if: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How findings become a score: `start` plus effects, kept inside [`floor`, `ceiling`].

    A call passes at `pass_mark` or above; None means that nothing passes or fails. `applies_to`
    are tests on the call's metadata, none for the card of all other calls. `points` take the
    place of a rule's own by its id; `severity_points` are for rules that state neither points nor
    a veto. Hits of the rules in `veto` set the score to the floor, as rules with `veto` do.
    `source`, `line` and `column` say which document states the card and where, for messages.
    """

    name: str = "默认评分卡"
    start: float = 100.0
    floor: float = 0.0
    ceiling: float = 100.0
    pass_mark: float | None = 60.0
    applies_to: tuple[MetadataTest, ...] = ()
    sections: tuple[Section, ...] = ()
    points: Mapping[str, float] = field(default_factory=dict)
    severity_points: Mapping[RuleSeverity, float] = field(default_factory=dict)
    veto: tuple[str, ...] = ()
    source: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    def section_of(self, rule: str, category: str) -> Section | None:
        """The section that a rule counts in: one that lists it, else the first of its category."""
        for section in self.sections:
            if rule in section.rules:
                return section
        for section in self.sections:
            if category in section.categories:
                return section
        return None

    def points_of(self, rule: "Rule") -> float:
        """What a hit of the rule adds to the score on this card, before any limit."""
        points = self.points.get(rule.id)
        if points is None:
            points = rule.score
            if not (rule.score or rule.veto or rule.veto_if):
                points = self.severity_points.get(rule.severity, 0.0)
        section = self.section_of(rule.id, rule.category)
        return round(points * section.weight, 2) if section else points


def on_card(ruleset: "RuleSet", card: Scorecard) -> "RuleSet":
    """The rule set with the points and vetoes that its rules have on a card."""
    return replace(ruleset, rules=tuple(_on_card(rule, card) for rule in ruleset.rules))


def _on_card(rule: "Rule", card: Scorecard) -> "Rule":
    if rule.id in card.veto:
        return replace(rule, score=card.points_of(rule), veto=True, veto_if=None)
    return replace(rule, score=card.points_of(rule))
