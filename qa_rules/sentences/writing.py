"""A rule as one controlled Chinese sentence, which `reading` reads back to the same rule.

    [适用于通话信息 … 。][当 LINE 时，]LINE → EFFECT[，容忍 N 毫秒语音没有文本]
    [。其中 CLAUSE；CLAUSE]

Every condition is stated once, by a clause that ends in its name (`坐席说了“您好”〔问候〕`), and
named from then on (`【问候】成立`). Those that no boolean line states follow 其中.
"""

from collections.abc import Mapping

from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.conditions.measures import MetadataCondition, MetadataTest
from qa_rules.conditions.relations import LogicCondition, ProcessCondition, Step
from qa_rules.model import Condition, Rule
from qa_rules.sentences.quoting import quote_text, refer, write_scalar
from qa_rules.sentences.slots import SLOTS, write_reach
from qa_rules.sentences.templates import TEMPLATES
from qa_rules.sentences.wording import effect

USUAL_UNHEARD_MS = 2000
COMPARED = {
    "=": "是", "!=": "不是", ">": "大于", ">=": "不小于", "<": "小于", "<=": "不大于",
    "in": "属于", "not in": "不属于", "matches": "符合正则",
}  # fmt: skip


def write_rule(rule: Rule) -> str:
    """The sentence of what a rule judges and what follows from it."""
    writer = _Writer(rule.conditions)
    text = f"适用于通话信息 {_tests(rule.applies)}。" if rule.applies else ""
    if rule.applies_if is not None:
        text += f"当{writer.line(rule.applies_if)}时，"
    text += f"{writer.line(rule.hit_if)} → {effect(rule, writer.line)}"
    if rule.unheard_ms != USUAL_UNHEARD_MS:
        text += f"，容忍 {rule.unheard_ms} 毫秒语音没有文本"
    others = [name for name in rule.conditions if name not in writer.stated]
    if others:
        text += f"。其中{'；'.join(writer.clause(name, True) for name in others)}"
    return text


class _Writer:
    """Writes boolean lines; knows which conditions have been stated already."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._conditions = conditions
        self.stated: set[str] = set()

    def line(self, line: Line) -> str:
        match line:
            case Name(name):
                return self._named(name, True)
            case Not(Name(name)):
                return self._named(name, False)
            case Not(operand):
                return f"并非（{self.line(operand)}）"
            case And(operands):
                return "，且".join(self._wrapped(operand, And | Or) for operand in operands)
            case Or(operands):
                return "，或".join(self._wrapped(operand, Or) for operand in operands)
            case AtLeast(count, operands):
                return f"以下至少 {count} 项成立（{'；'.join(map(self.line, operands))}）"

    def _wrapped(self, line: Line, kinds: object) -> str:
        text = self.line(line)
        return f"（{text}）" if isinstance(line, kinds) else text  # type: ignore[arg-type]

    def _named(self, name: str, holds: bool) -> str:
        if name in self.stated or name not in self._conditions:
            return f"{refer(name)}{'成立' if holds else '不成立'}"
        return self.clause(name, holds)

    def clause(self, name: str, holds: bool) -> str:
        """The sentence of a condition, with its name."""
        self.stated.add(name)
        condition = self._conditions[name]
        said = write_condition(condition, holds)
        return f"{said}〔{name}〕" if said else f"并非{write_condition(condition, True)}〔{name}〕"


def write_condition(condition: Condition, holds: bool = True) -> str | None:
    """The sentence of a condition without its name; None for a denial without own words."""
    if isinstance(condition, LogicCondition | ProcessCondition | MetadataCondition):
        options = SLOTS["options"].write(condition)
        return f"{_own_form(condition)}{options}" if holds else None
    template = next(one for one in TEMPLATES if one.fits(condition))
    return template.write(condition, holds)


def _own_form(condition: LogicCondition | ProcessCondition | MetadataCondition) -> str:
    match condition:
        case LogicCondition(of=line):
            return f"满足（{_Writer({}).line(line)}）"
        case ProcessCondition(steps=steps):
            return f"走完流程：{'；'.join(map(_step, steps))}"
        case MetadataCondition(tests=tests):
            return f"通话信息 {_tests(tests)}"


def _step(step: Step) -> str:
    notes = ["可略过"] if step.optional else []
    if reach := write_reach(step.reach).strip():
        notes.append(f"上一步后 {reach}")
    noted = f"（{'，'.join(notes)}）" if notes else ""
    following = f"接{'、'.join(map(refer, step.next))}" if step.next else "结束"
    return f"{refer(step.step)}{noted}{following}"


def _tests(tests: tuple[MetadataTest, ...]) -> str:
    return "，且 ".join(
        quote_text(test.key) + COMPARED[test.comparator] + "、".join(map(write_scalar, test.values))
        for test in tests
    )
