"""The rule set as values: what a rule document says once it has been read. Nothing here runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qa_rules.conditions.boolean import Line
from qa_rules.conditions.measures import Measure, MetadataTest
from qa_rules.conditions.relations import Relation
from qa_rules.conditions.scope import Scalar
from qa_rules.conditions.searches import Search
from qa_rules.findings import RuleSeverity
from qa_rules.scoring.scorecard import Scorecard

Condition = Search | Relation | Measure


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """One utterance of an example dialogue.

    `gap_ms` is the pause before it (negative = it starts before the last one ended) and
    `duration_ms` its length; None leaves both to the builder's fixed speaking rate. `level_dbfs`
    is how loud it is; None leaves that unknown.
    """

    role: Literal["agent", "customer"]
    text: str
    gap_ms: int | None = None
    duration_ms: int | None = None
    level_dbfs: float | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A short dialogue on which a rule must or must not fire, with call metadata if needed.

    `answers` are what a language model is taken to say to the questions of `judge` conditions: the
    words that prove a yes, none for a no. A question that is left out stays unanswered.
    """

    lines: tuple[ExampleLine, ...]
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. It hits when `hit_if` is true of a call to which it applies.

    `applies` are tests on metadata, `applies_if` a boolean line over `conditions`: when one of
    them is false the outcome is `not_applicable`. `reason` tells people why the rule exists;
    `regulation` names its legal source, empty without one. `score` is added to the call's score
    once when the rule hits (negative = deduction); `veto` sets the score to the floor, `veto_if`
    only where that boolean line is true as well.
    `min_precision`, in [0, 1], is what people must have found right of the rule's hits, or it only
    flags and costs nothing (`qa_rules.scoring.accuracy`); None asks for nothing.
    `unheard_ms` is how much speech of a role may lack text before "not said" is no longer known.
    `source` and `line` say which document states the rule, for messages; `places` are the line
    and column, from 1, of its fields (`hit_if`) and conditions (`conditions.问候`).
    """

    id: str
    name: str
    category: str
    severity: RuleSeverity
    reason: str
    hit_if: Line
    conditions: Mapping[str, Condition]
    score: float = 0.0
    veto: bool = False
    veto_if: Line | None = None
    regulation: str = ""
    applies: tuple[MetadataTest, ...] = ()
    applies_if: Line | None = None
    min_precision: float | None = None
    unheard_ms: int = 2000
    must_fire: tuple[Example, ...] = ()
    must_not_fire: tuple[Example, ...] = ()
    source: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False)

    def place(self, part: str) -> tuple[int, int]:
        """Line and column of a part of the rule, or of the rule itself."""
        return self.places.get(part) or self.places.get("") or (self.line, 1)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The boolean lines that the rule states."""
        every = (self.hit_if, self.applies_if, self.veto_if)
        return tuple(line for line in every if line is not None)


@dataclass(frozen=True, slots=True)
class Category:
    """A heading under which rules are listed and reported."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A versioned set of rules with its scorecards, in document order.

    `stated_scorecards` are the cards that the document spells out, the one for all other calls
    last; `scorecards` those that count.
    `extends` names the pack whose rules come first and `without` the ids of it that are left
    out; both are empty once `qa_rules.documents.rule_sets.resolve` has merged them.
    """

    name: str
    version: str
    domain: str = ""
    description: str = ""
    extends: str = ""
    without: tuple[str, ...] = ()
    stated_scorecards: tuple[Scorecard, ...] = ()
    categories: tuple[Category, ...] = ()
    background: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def reference(self) -> str:
        """`name@version`, as findings cite it."""
        return f"{self.name}@{self.version}"

    @property
    def scorecards(self) -> tuple[Scorecard, ...]:
        """The stated scorecards, or the default one; the first that applies to a call counts."""
        return self.stated_scorecards or (Scorecard(),)

    @property
    def scorecard(self) -> Scorecard:
        """The scorecard of calls that no other card applies to."""
        return self.scorecards[-1]

    def card_named(self, name: str) -> Scorecard:
        """The scorecard of that name; the one for all other calls when there is none."""
        return next((card for card in self.scorecards if card.name == name), self.scorecard)
