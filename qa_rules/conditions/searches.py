"""Conditions that look for something in what was said, as values. Nothing here runs."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from qa_rules.conditions.scope import SaidBy, Scope
from qa_rules.conditions.stated import Stated

Mode = Literal["any", "all", "none", "at_least"]
Polarity = Literal["affirmed", "any"]
Feeling = Literal["negative", "positive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordCondition(Stated):
    """Keyword expressions found in what was said.

    `any`: one of them in some utterance; `all`: each of them somewhere in the scope (use `&`
    inside one expression for "in one utterance"); `none`: none of them; `at_least`: so many
    different ones. With `in_one_utterance`, `all` and `at_least` ask for one utterance that holds
    them. A match inside an utterance that also matches an expression of `unless` does not count,
    nor a negated or quoted one while `polarity` is `affirmed`, nor one in a turn that the built-in
    act model is sure does not do what `plausible` names.
    """

    operator: ClassVar[str] = "keyword"
    words: tuple[str, ...]
    mode: Mode = "any"
    at_least: int = 1
    in_one_utterance: bool = False
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()
    polarity: Polarity = "affirmed"
    plausible: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegexCondition(Stated):
    """RE2 patterns found in what was said, or (`negated`) in nothing that was said."""

    patterns: tuple[str, ...]
    negated: bool = False
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()
    polarity: Polarity = "affirmed"
    plausible: str = ""

    @property
    def operator(self) -> str:
        """`regex` or `not_regex`, as documents spell it."""
        return "not_regex" if self.negated else "regex"


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticCondition(Stated):
    """A clause that means what the examples mean, rather than anything else.

    `threshold` is the least score, in (0, 1]: the calibrated chance that a clause belongs to the
    examples and not to the counter-examples, the other conditions or the background.
    """

    operator: ClassVar[str] = "semantic"
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...] = ()
    threshold: float = 0.5
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()
    polarity: Polarity = "affirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActCondition(Stated):
    """An act or wording violation that the built-in act model recognises in what was said.

    `at_least` is the least calibrated chance, in (0, 1]; None leaves it to the model, whose own
    threshold is also the lowest that can be asked for.
    """

    operator: ClassVar[str] = "act"
    act: str
    at_least: float | None = None
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCondition(Stated):
    """Nodes of the key-event tree hit in the scope; a parent stands for all its children."""

    operator: ClassVar[str] = "event"
    nodes: tuple[str, ...]
    mode: Mode = "any"
    at_least: int = 1
    in_one_utterance: bool = False
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityCondition(Stated):
    """Entities of some kinds (`phone`, `amount`, ...; `nlp.entities.KINDS`) in what was said.

    The modes are those of keywords. `above` and `below` bound the value of amounts, percentages
    and durations; an entity without a value then does not count.
    """

    operator: ClassVar[str] = "entity"
    kinds: tuple[str, ...]
    mode: Mode = "any"
    at_least: int = 1
    above: float | None = None
    below: float | None = None
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentCondition(Stated):
    """At least `count` utterances whose words show the feeling, by the lexicon `nlp.sentiment`.

    Utterances whose words point both ways may or may not count.
    """

    operator: ClassVar[str] = "sentiment"
    feeling: Feeling
    count: int = 1
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepetitionCondition(Stated):
    """One side says nearly the same at least `times` times.

    Utterances of fewer than `min_chars` characters, punctuation left out, are not compared.
    `similarity`, in (0, 1], is twice the longest common subsequence over both lengths. With
    `within`, the repetitions lie among so many utterances of that side before the last one. An
    utterance that matches an expression of `unless` is left out.
    """

    operator: ClassVar[str] = "repetition"
    times: int = 2
    min_chars: int = 5
    similarity: float = 0.8
    within: int | None = None
    scope: Scope = field(default_factory=Scope)
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCondition(Stated):
    """At least `count` utterances whose level, in dBFS, lies above and below the bounds."""

    operator: ClassVar[str] = "volume"
    above: float | None = None
    below: float | None = None
    count: int = 1
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCondition(Stated):
    """A yes-or-no question about the call, in plain words, that a language model answers.

    `role` is whose words can prove a yes.
    """

    operator: ClassVar[str] = "judge"
    question: str
    role: SaidBy = "any"

    @property
    def scope(self) -> Scope:
        """What the role said, in all of the call: the model is not asked about parts of it."""
        return Scope(role=self.role)


Search = (
    KeywordCondition
    | RegexCondition
    | SemanticCondition
    | ActCondition
    | EventCondition
    | EntityCondition
    | SentimentCondition
    | RepetitionCondition
    | VolumeCondition
    | JudgeCondition
)
TextCondition = KeywordCondition | RegexCondition | SemanticCondition
