"""The rule set as values: what a rule document says once it has been read. Nothing here runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qa_rules.boolean import Line
from qa_rules.findings import RuleSeverity

SaidBy = Literal["agent", "customer", "any"]
Edge = Literal["first", "last", "between"]
Unit = Literal["utterances", "s"]
Mode = Literal["any", "all", "none", "at_least"]
Direction = Literal["after", "before", "around"]
Polarity = Literal["affirmed", "any"]
Comparator = Literal["=", "!=", ">", ">=", "<", "<=", "in"]
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the call, by utterances of the condition's role or by seconds.

    `first n` and `last n` count from the first and the last speech of the call; `between`
    runs from `low` to `high`, both counted from 1 for utterances and inclusive, or seconds since
    the first speech. For `first` and `last`, `low` is 0 and `high` is n.
    """

    edge: Edge
    low: float
    high: float
    unit: Unit

    def __str__(self) -> str:
        if self.edge == "between":
            return f"{self.unit} {_number(self.low)} to {_number(self.high)}"
        return f"{self.edge} {_number(self.high)} {self.unit}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who says it and where in the call. Several ranges mean their intersection."""

    role: SaidBy = "any"
    ranges: tuple[Range, ...] = ()


# Every condition has a `label`, what people call the thing that it looks for (`约定下一步的话`),
# empty when its words speak for themselves; and the `line` of the document that states it.
@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordCondition:
    """Keyword expressions found in what was said.

    `any`: one of them in some utterance; `all`: each of them somewhere in the scope (use `&`
    inside one expression for "in one utterance"); `none`: none of them; `at_least`: so many
    different ones. A match inside an utterance that also matches an expression of `unless` does
    not count, nor a negated or quoted one while `polarity` is `affirmed`.
    """

    words: tuple[str, ...]
    mode: Mode = "any"
    at_least: int = 1
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()
    polarity: Polarity = "affirmed"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegexCondition:
    """RE2 patterns found in what was said, or (`negated`) in nothing that was said."""

    patterns: tuple[str, ...]
    negated: bool = False
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()
    polarity: Polarity = "affirmed"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticCondition:
    """A clause that means what the examples mean, rather than anything else.

    `threshold` is the least score, in (0, 1]: the calibrated chance that a clause belongs to the
    examples and not to the counter-examples, the other conditions or the background.
    """

    examples: tuple[str, ...]
    counter_examples: tuple[str, ...] = ()
    threshold: float = 0.5
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()
    polarity: Polarity = "affirmed"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActCondition:
    """An act or wording violation that the built-in act model recognises in what was said.

    `at_least` is the least calibrated chance, in (0, 1]; None leaves it to the model, whose own
    threshold is also the lowest that can be asked for.
    """

    act: str
    at_least: float | None = None
    scope: Scope = field(default_factory=Scope)
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCondition:
    """Nodes of the key-event tree hit in the scope; a parent stands for all its children."""

    nodes: tuple[str, ...]
    mode: Mode = "any"
    at_least: int = 1
    scope: Scope = field(default_factory=Scope)
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCondition:
    """Condition `then` occurs after some occurrence of condition `first`."""

    first: str
    then: str
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinCondition:
    """Condition `find` occurs near condition `of`, on the given side of it.

    At most `utterances` utterances (of anybody) or `seconds` seconds away: one of the two is set.
    """

    find: str
    of: str
    utterances: int | None = None
    seconds: float | None = None
    direction: Direction = "after"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceCondition:
    """Nobody speaks for at least `min_s` seconds, at least `count` times.

    Only silences after speech of `after` count, unless that is `any`.
    """

    min_s: float = 5.0
    count: int = 1
    after: SaidBy = "any"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptionCondition:
    """`role` starts while the other side speaks, overlapping at least `min_overlap_ms`."""

    role: SaidBy = "agent"
    min_overlap_ms: int = 500
    count: int = 1
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """An open interval: a value lies inside when it is above `above` and below `below`."""

    above: float | None = None
    below: float | None = None

    def contain(self, value: float) -> bool:
        """Whether `value` lies inside."""
        return (self.above is None or value > self.above) and (
            self.below is None or value < self.below
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRateCondition:
    """The role's speech rate over the call, in 汉字 per minute of its own speech."""

    bounds: Bounds
    role: SaidBy = "agent"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkRatioCondition:
    """The role's share of all speech time, in [0, 1]."""

    bounds: Bounds
    role: SaidBy = "agent"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationCondition:
    """Seconds of the whole recording, or (`of: talk`) of the role's speech."""

    bounds: Bounds
    of: Literal["call", "talk"] = "call"
    role: SaidBy = "any"
    label: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MetadataTest:
    """One comparison with one field of the call's metadata (`in` holds several values)."""

    key: str
    comparator: Comparator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataCondition:
    """Every test on the call's metadata holds."""

    tests: tuple[MetadataTest, ...]
    label: str = ""
    line: int = field(default=0, compare=False)


TextCondition = KeywordCondition | RegexCondition | SemanticCondition
Condition = (
    KeywordCondition
    | RegexCondition
    | SemanticCondition
    | ActCondition
    | EventCondition
    | OrderCondition
    | WithinCondition
    | SilenceCondition
    | InterruptionCondition
    | SpeechRateCondition
    | TalkRatioCondition
    | DurationCondition
    | MetadataCondition
)


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """One utterance of an example dialogue.

    `gap_ms` is the pause before it (negative = it starts before the last one ended) and
    `duration_ms` its length; None leaves both to the builder's fixed speaking rate.
    """

    role: Literal["agent", "customer"]
    text: str
    gap_ms: int | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A short dialogue on which a rule must or must not fire, with call metadata if needed."""

    lines: tuple[ExampleLine, ...]
    metadata: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. It hits when `hit_if` is true of a call to which it applies.

    `applies` are tests on metadata, `applies_if` a boolean line over `conditions`: when one of
    them is false the outcome is `not_applicable`. `reason` tells people why the rule exists;
    `regulation` names its legal source, empty without one. `score` is added to the call's score
    once when the rule hits (negative = deduction); `veto` sets the score to the floor, `veto_if`
    only where that boolean line is true as well.
    `unheard_ms` is how much speech of a role may lack text before "not said" is no longer known.
    `source` and `line` say which document states the rule, for messages.
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
    unheard_ms: int = 2000
    must_fire: tuple[Example, ...] = ()
    must_not_fire: tuple[Example, ...] = ()
    source: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Category:
    """A heading under which rules are listed and reported."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How findings become a score: `start` plus effects, kept inside [`floor`, `ceiling`].

    A call passes at `pass_mark` or above; None means that nothing passes or fails.
    """

    name: str = "默认评分卡"
    start: float = 100.0
    floor: float = 0.0
    ceiling: float = 100.0
    pass_mark: float | None = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A versioned set of rules with its scorecard, in document order.

    `stated_scorecard` is the card that the document spells out, `scorecard` the one that counts.
    `extends` names the pack whose rules come first and `without` the ids of it that are left
    out; both are empty once `qa_rules.document.resolve` has merged them.
    """

    name: str
    version: str
    domain: str = ""
    description: str = ""
    extends: str = ""
    without: tuple[str, ...] = ()
    stated_scorecard: Scorecard | None = None
    categories: tuple[Category, ...] = ()
    background: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def reference(self) -> str:
        """`name@version`, as findings cite it."""
        return f"{self.name}@{self.version}"

    @property
    def scorecard(self) -> Scorecard:
        """The stated scorecard, or the default one."""
        return self.stated_scorecard or Scorecard()
