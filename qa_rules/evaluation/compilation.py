"""Compilation: the conditions of a rule set as one list of operators, each distinct one once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import AppError
from qa_rules.conditions.boolean import Line, names_in
from qa_rules.conditions.measures import (
    DurationCondition,
    InterruptionCondition,
    Measure,
    MetadataCondition,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.references import references
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    Relation,
    RuleCondition,
    TimesCondition,
    UnansweredCondition,
    WithinCondition,
)
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    JudgeCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    Search,
    SemanticCondition,
    SentimentCondition,
    VolumeCondition,
)
from qa_rules.facts.call_facts import CallFacts
from qa_rules.model import Condition, Rule
from qa_rules.operators.conversation import RuleOperator, UnansweredOperator
from qa_rules.operators.judge import JudgeOperator
from qa_rules.operators.meaning import ActOperator, SemanticOperator
from qa_rules.operators.metadata import MetadataOperator
from qa_rules.operators.process import ProcessOperator
from qa_rules.operators.relations import (
    LogicOperator,
    OrderOperator,
    TimesOperator,
    WithinOperator,
)
from qa_rules.operators.searching import SearchOperator, Setting
from qa_rules.operators.text import KeywordOperator, RegexOperator
from qa_rules.operators.timing import (
    DurationOperator,
    InterruptionOperator,
    MonologueOperator,
    SilenceOperator,
    SpeechRateOperator,
    TalkRatioOperator,
    TurnsOperator,
)
from qa_rules.operators.utterances import (
    EntityOperator,
    EventOperator,
    RepetitionOperator,
    SentimentOperator,
    VolumeOperator,
)
from qa_rules.sentences.rendering import absence
from qa_rules.verdicts.verdict import Verdict, Verdicts

Operator = Callable[[CallFacts, Verdicts], Verdict]
Slots = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule with its conditions as slots of the shared operator list."""

    rule: Rule
    slots: Slots

    @property
    def stated(self) -> tuple[int, ...]:
        """The slots that the boolean lines name, each once."""
        return self._slots_in(*self.rule.lines)

    @property
    def leading(self) -> tuple[int, ...]:
        """The slots on which it hangs whether the others are of any interest."""
        return self._slots_in(self.rule.applies_if or self.rule.hit_if)

    def _slots_in(self, *lines: Line) -> tuple[int, ...]:
        names = (name for line in lines for name in names_in(line))
        return tuple(dict.fromkeys(self.slots[name] for name in names))


class Compiler:
    """Collects operators; equal conditions share one slot and so are evaluated once per call.

    `rules` are those that a rule may refer to.
    """

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._compiled: dict[str, Compiled] = {}
        self._known: dict[object, int] = {}
        self._above: list[str] = []
        self.operators: list[Operator] = []

    def add(self, rule: Rule) -> Compiled:
        """The rule, compiled, after those that it refers to.

        Raises:
            AppError: `bad-rules` for an undefined name or rule, a circle, or a bad pattern.
        """
        known = self._compiled.get(rule.id)
        if known is not None and known.rule is rule:
            return known
        self._above.append(rule.id)
        slots: dict[str, int] = {}
        for name in rule.conditions:
            self._slot(rule, name, slots, ())
        for name in (name for line in rule.lines for name in names_in(line)):
            if name not in slots:
                raise _error(rule, f"布尔式用到的条件 {name} 没有定义，请在 conditions 里补上")
        self._above.pop()
        compiled = self._compiled[rule.id] = Compiled(rule, slots)
        return compiled

    def _slot(self, rule: Rule, name: str, slots: dict[str, int], above: tuple[str, ...]) -> int:
        if name in slots:
            return slots[name]
        if name in above:
            raise _error(rule, f"条件 {' → '.join((*above, name))} 互相引用成环，请拆开")
        condition = rule.conditions.get(name)
        if condition is None:
            raise _error(rule, f"条件 {above[-1]} 引用的 {name} 没有定义，请在 conditions 里补上")
        for other in references(condition):
            self._slot(rule, other, slots, (*above, name))
        if isinstance(condition, RuleCondition):
            slots[name] = self._other_rule(rule, condition)
            return slots[name]
        try:
            missing = absence(name, rule.conditions)
            build = _operator(condition, slots, rule.unheard_ms, missing)
        except ValueError as error:
            raise _error(rule, f"条件 {name} 的流程成环：{error}") from error
        # Names mean other conditions in other rules: what they stand for is part of the key.
        key = (condition, rule.unheard_ms, missing, *(slots[n] for n in references(condition)))
        slots[name] = self._share(key, build)
        return slots[name]

    def _other_rule(self, rule: Rule, condition: RuleCondition) -> int:
        if condition.rule in self._above:
            circle = " → ".join((*self._above, condition.rule))
            raise _error(rule, f"规则 {circle} 互相引用成环，请拆开")
        wanted = self._rules.get(condition.rule)
        if wanted is None:
            raise _error(rule, f"引用的规则 {condition.rule} 不在规则集里，请改正编号")
        compiled = self.add(wanted)
        return self._share(("rule", wanted.id), lambda: RuleOperator(wanted, compiled.slots))

    def _share(self, key: object, build: Callable[[], Operator]) -> int:
        known = self._known.get(key)
        if known is None:
            self.operators.append(build())
            known = self._known[key] = len(self.operators) - 1
        return known


Build = Callable[[], Operator]


def _operator(condition: Condition, slots: Slots, unheard_ms: int, missing: str) -> Build:
    """What builds the operator of a condition."""
    if isinstance(condition, Search):
        anchor = condition.scope.anchor
        setting = Setting(unheard_ms, missing, slots[anchor.of] if anchor else None)
        return lambda: _SEARCHES[type(condition)](condition, setting)
    if isinstance(condition, Measure):
        return lambda: _MEASURES[type(condition)](condition)
    return _relation(condition, slots, unheard_ms, missing)


def _relation(condition: Relation, slots: Slots, unheard_ms: int, missing: str) -> Build:
    match condition:
        case OrderCondition(first=first, then=then):
            return lambda: OrderOperator(slots[first], slots[then], missing)
        case WithinCondition(of=of, find=find):
            return lambda: WithinOperator(condition, slots[of], slots[find], missing)
        case TimesCondition(of=of):
            return lambda: TimesOperator(condition, slots[of], missing)
        case UnansweredCondition(question=question, answer=answer):
            return lambda: UnansweredOperator(
                condition,
                slots[question] if question else None,
                slots[answer] if answer else None,
                unheard_ms,
                missing,
            )
        case ProcessCondition(steps=steps):
            return lambda: ProcessOperator(condition, tuple(slots[s.step] for s in steps), missing)
        case LogicCondition(of=line):
            names = tuple(dict.fromkeys(names_in(line)))
            return lambda: LogicOperator(line, names, tuple(slots[name] for name in names))
        case RuleCondition():
            raise TypeError("a rule is compiled as a rule")


_MEASURES: Mapping[type, Callable[..., Operator]] = {
    SilenceCondition: SilenceOperator,
    InterruptionCondition: InterruptionOperator,
    SpeechRateCondition: SpeechRateOperator,
    TalkRatioCondition: TalkRatioOperator,
    DurationCondition: DurationOperator,
    MonologueCondition: MonologueOperator,
    TurnsCondition: TurnsOperator,
    MetadataCondition: MetadataOperator,
}

_SEARCHES: Mapping[type, Callable[..., SearchOperator]] = {
    KeywordCondition: KeywordOperator,
    RegexCondition: RegexOperator,
    SemanticCondition: SemanticOperator,
    ActCondition: ActOperator,
    EventCondition: EventOperator,
    EntityCondition: EntityOperator,
    SentimentCondition: SentimentOperator,
    RepetitionCondition: RepetitionOperator,
    VolumeCondition: VolumeOperator,
    JudgeCondition: JudgeOperator,
}


def _error(rule: Rule, message: str) -> AppError:
    return AppError(
        "bad-rules", f"规则 {rule.id}：{message}。", detail={"rule": rule.id, "line": rule.line}
    )
