"""Compilation: the conditions of a rule set as one list of operators, each distinct one once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import AppError
from qa_rules.boolean import And, AtLeast, Line, Name, Not, Or, names_in
from qa_rules.call_operators import (
    DurationOperator,
    InterruptionOperator,
    MetadataOperator,
    SilenceOperator,
    SpeechRateOperator,
    TalkRatioOperator,
)
from qa_rules.facts import CallFacts
from qa_rules.logic import at_least, negate
from qa_rules.measures import (
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
)
from qa_rules.model import Condition, Rule
from qa_rules.relation_operators import OrderOperator, WithinOperator
from qa_rules.relations import OrderCondition, WithinCondition
from qa_rules.rendering import absence
from qa_rules.searches import (
    ActCondition,
    EventCondition,
    KeywordCondition,
    RegexCondition,
    SemanticCondition,
)
from qa_rules.text_operators import (
    ActOperator,
    EventOperator,
    KeywordOperator,
    RegexOperator,
    SemanticOperator,
)
from qa_rules.verdict import Verdict

Operator = Callable[[CallFacts, Mapping[int, Verdict]], Verdict]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule with its conditions as slots of the shared operator list.

    `stated` are the slots that its boolean lines name, each once.
    """

    rule: Rule
    slots: Mapping[str, int]
    stated: tuple[int, ...]


class Compiler:
    """Collects operators; equal conditions share one slot and so are evaluated once per call."""

    def __init__(self) -> None:
        self._known: dict[object, int] = {}
        self.operators: list[Operator] = []

    def add(self, rule: Rule) -> Compiled:
        """The rule, compiled.

        Raises:
            AppError: `bad-rules` for an undefined name, a circle, or a bad pattern.
        """
        slots: dict[str, int] = {}
        for name in rule.conditions:
            self._slot(rule, name, slots, ())
        for line in (rule.hit_if, rule.applies_if, rule.veto_if):
            for name in _names(line):
                if name not in slots:
                    raise _error(rule, f"布尔式用到的条件 {name} 没有定义，请在 conditions 里补上")
        lines = (*_names(rule.hit_if), *_names(rule.applies_if), *_names(rule.veto_if))
        return Compiled(rule, slots, tuple(dict.fromkeys(slots[name] for name in lines)))

    def _slot(self, rule: Rule, name: str, slots: dict[str, int], above: tuple[str, ...]) -> int:
        if name in slots:
            return slots[name]
        if name in above:
            raise _error(rule, f"条件 {' → '.join((*above, name))} 互相引用成环，请拆开")
        condition = rule.conditions.get(name)
        if condition is None:
            raise _error(rule, f"条件 {above[-1]} 引用的 {name} 没有定义，请在 conditions 里补上")
        path = (*above, name)
        if isinstance(condition, OrderCondition):
            first = self._slot(rule, condition.first, slots, path)
            then = self._slot(rule, condition.then, slots, path)
            missing = absence(name, rule.conditions)
            key: object = ("order", first, then, missing)
            slots[name] = self._share(key, lambda: OrderOperator(first, then, missing))
        elif isinstance(condition, WithinCondition):
            of = self._slot(rule, condition.of, slots, path)
            find = self._slot(rule, condition.find, slots, path)
            missing = absence(name, rule.conditions)
            key = ("within", condition, of, find, missing)
            slots[name] = self._share(key, lambda: WithinOperator(condition, of, find, missing))
        else:
            slots[name] = self._plain(rule, name, condition)
        return slots[name]

    def _plain(self, rule: Rule, name: str, condition: Condition) -> int:
        if not isinstance(condition, _SEARCHES):
            return self._share(condition, lambda: _measure(condition))
        missing = absence(name, rule.conditions)
        key = (condition, rule.unheard_ms, missing)
        return self._share(key, lambda: _search(condition, rule.unheard_ms, missing))

    def _share(self, key: object, build: Callable[[], Operator]) -> int:
        known = self._known.get(key)
        if known is None:
            self.operators.append(build())
            known = self._known[key] = len(self.operators) - 1
        return known


_SEARCHES = (KeywordCondition, RegexCondition, SemanticCondition, ActCondition, EventCondition)


def _search(condition: Condition, unheard_ms: int, missing: str) -> Operator:
    match condition:
        case KeywordCondition():
            return KeywordOperator(condition, unheard_ms, missing)
        case RegexCondition():
            return RegexOperator(condition, unheard_ms, missing)
        case SemanticCondition():
            return SemanticOperator(condition, unheard_ms, missing)
        case ActCondition():
            return ActOperator(condition, unheard_ms, missing)
        case EventCondition():
            return EventOperator(condition, unheard_ms, missing)
        case _:
            raise TypeError(f"{type(condition).__name__} is no search")


def _measure(condition: Condition) -> Operator:
    match condition:
        case SilenceCondition():
            return SilenceOperator(condition)
        case InterruptionCondition():
            return InterruptionOperator(condition)
        case SpeechRateCondition():
            return SpeechRateOperator(condition)
        case TalkRatioCondition():
            return TalkRatioOperator(condition)
        case DurationCondition():
            return DurationOperator(condition)
        case MetadataCondition():
            return MetadataOperator(condition)
        case _:
            raise TypeError(f"{type(condition).__name__} is compiled with its rule")


def judge_line(line: Line, verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict of a boolean line: its truth, the evidence of the parts that made it so."""
    match line:
        case Name(name):
            return verdicts[name]
        case Not(operand):
            inner = judge_line(operand, verdicts)
            return Verdict(negate(inner.truth), inner.evidence, (), inner.gap)
        case And(operands):
            return _count(len(operands), operands, verdicts)
        case Or(operands):
            return _count(1, operands, verdicts)
        case AtLeast(count, operands):
            return _count(count, operands, verdicts)


def _count(count: int, operands: tuple[Line, ...], verdicts: Mapping[str, Verdict]) -> Verdict:
    parts = [judge_line(operand, verdicts) for operand in operands]
    truth = at_least(count, [part.truth for part in parts])
    evidence = tuple(item for part in parts if part.truth is truth for item in part.evidence)
    gap = next((part.gap for part in parts if part.gap and part.truth is truth), None)
    return Verdict(truth, evidence if truth.known else (), (), gap)


def _names(line: Line | None) -> Sequence[str]:
    return () if line is None else tuple(names_in(line))


def _error(rule: Rule, message: str) -> AppError:
    return AppError(
        "bad-rules", f"规则 {rule.id}：{message}。", detail={"rule": rule.id, "line": rule.line}
    )
