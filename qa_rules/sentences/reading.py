"""Controlled Chinese sentences back to rules: the inverse of `writing`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import AppError
from qa_rules.conditions.boolean import MAX_DEPTH, And, AtLeast, Line, Name, Not, Or, names_in
from qa_rules.conditions.measures import MetadataCondition, MetadataTest
from qa_rules.conditions.references import references
from qa_rules.conditions.relations import LogicCondition, ProcessCondition, Step
from qa_rules.documents.dumping import dump_rule
from qa_rules.documents.rule_sets import parse_document
from qa_rules.model import Condition, Rule
from qa_rules.sentences.quoting import (
    NAME,
    NUMBER,
    QUOTED,
    REFERENCE,
    SCALAR,
    read_scalar,
    referred,
    unquote,
)
from qa_rules.sentences.slots import SLOTS, read_reach
from qa_rules.sentences.templates import TEMPLATES
from qa_rules.sentences.writing import COMPARED, USUAL_UNHEARD_MS

_COMPARATORS = {word: comparator for comparator, word in COMPARED.items()}
_WORDS = "|".join(sorted(_COMPARATORS, key=len, reverse=True))
_TEST = rf"{QUOTED}(?:{_WORDS}){SCALAR}(?:、{SCALAR})*"
_TESTS = rf"{_TEST}(?:，且 {_TEST})*"
_STEP = rf"{REFERENCE}(?:（[^（）]*）)?(?:结束|接{REFERENCE}(?:、{REFERENCE})*)"
_LONGEST_SHOWN = 60
_OPTIONS = SLOTS["options"].pattern
_CLAUSE = re.compile(rf"((?:{QUOTED}|[^“〔])+?)〔({NAME})〕", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RuleSentence:
    """What a sentence says of a rule: the fields of `Rule` that judge a call."""

    hit_if: Line
    conditions: dict[str, Condition]
    applies: tuple[MetadataTest, ...] = ()
    applies_if: Line | None = None
    score: float = 0.0
    veto: bool = False
    veto_if: Line | None = None
    unheard_ms: int = USUAL_UNHEARD_MS

    def fields(self) -> dict[str, Any]:
        """The values by the name of the rule's field."""
        return {name: getattr(self, name) for name in self.__slots__}


def read_rule(sentence: str) -> RuleSentence:
    """The judging part of the rule that `write_rule` wrote as this sentence.

    Raises:
        AppError: `bad-rules` with the column of what cannot be understood, from 1; also when no
            rule document could say the same (a circle of steps, a share of 80, a lost name).
    """
    said = _Reader(sentence.strip()).rule()
    _check(said)
    return said


def _check(said: RuleSentence) -> None:
    lines = (said.hit_if, said.applies_if, said.veto_if)
    named = {name for line in lines if line is not None for name in names_in(line)}
    named |= {name for condition in said.conditions.values() for name in references(condition)}
    if lost := sorted(named - said.conditions.keys()):
        raise _unsayable(f"条件 {lost[0]} 没有定义，请在“其中”后面写它的句子，以〔{lost[0]}〕结尾")
    rule = Rule(
        id="said", name="said", category="said", severity="minor", reason="said", **said.fields()
    )
    try:
        parse_document(f"ruleset: said\nversion: said\nrules:\n{dump_rule(rule)}", "said")
    except AppError as error:
        raise _unsayable(error.message.split(": ", 1)[1].rstrip("。")) from error


def _unsayable(message: str) -> AppError:
    return AppError("bad-rules", f"规则句：{message}。", detail={"line": 1, "column": 1})


def read_condition_sentence(sentence: str) -> tuple[Condition, bool]:
    """The condition of a clause without its name, and whether the clause states or denies it.

    Raises:
        ValueError: when no kind of condition is written like this.
    """
    for template in TEMPLATES:
        if (found := template.read(sentence)) is not None:
            return found
    if (own := _own_form(sentence)) is not None:
        return own, True
    if sentence.startswith("并非"):
        condition, holds = read_condition_sentence(sentence[2:])
        if holds:
            return condition, False
    raise ValueError(sentence)


def _own_form(sentence: str) -> Condition | None:
    if sentence.startswith("满足（"):
        return _logic(sentence)
    if found := re.fullmatch(
        rf"走完流程：({_STEP}(?:；{_STEP})*)({_OPTIONS})", sentence, re.DOTALL
    ):
        steps = tuple(map(_step, re.findall(_STEP, found[1])))
        return ProcessCondition(steps=steps, **SLOTS["options"].read(found[2]))
    if found := re.fullmatch(rf"通话信息 ({_TESTS})({_OPTIONS})", sentence, re.DOTALL):
        return MetadataCondition(tests=_tests(found[1]), **SLOTS["options"].read(found[2]))
    return None


def _logic(sentence: str) -> Condition:
    reader = _Reader(sentence, at=len("满足（"))
    line = reader.line()
    found = re.compile(rf"）({_OPTIONS})$", re.DOTALL).match(sentence, reader.at)
    if found is None:
        raise ValueError(sentence)
    return LogicCondition(of=line, **SLOTS["options"].read(found[1]))


def _step(text: str) -> Step:
    notes = re.search(r"（([^（）]*)）", text)
    noted = notes[1] if notes else ""
    reach = re.search(rf" {NUMBER} [句秒]内", noted)
    name, *following = referred(text)
    return Step(
        step=name,
        next=tuple(following),
        reach=read_reach(reach[0] if reach else ""),
        optional="可略过" in noted,
    )


def _tests(text: str) -> tuple[MetadataTest, ...]:
    return tuple(map(_test, re.findall(_TEST, text, re.DOTALL)))


def _test(text: str) -> MetadataTest:
    found = re.fullmatch(rf"({QUOTED})({_WORDS})(.*)", text, re.DOTALL)
    if found is None:
        raise ValueError(text)
    values = tuple(map(read_scalar, re.findall(SCALAR, found[3], re.DOTALL)))
    return MetadataTest(unquote(found[1]), _COMPARATORS[found[2]], values)  # type: ignore[arg-type]


@dataclass
class _Reader:
    """Reads a sentence from left to right; `at` is where the next part begins."""

    text: str
    at: int = 0
    depth: int = 0
    conditions: dict[str, Condition] = field(default_factory=dict)

    def rule(self) -> RuleSentence:
        applies: tuple[MetadataTest, ...] = ()
        if found := self._take(rf"适用于通话信息 ({_TESTS})。"):
            applies = _tests(found[1])
        applies_if = self._until("当", "时，")
        hit_if = self.line()
        self._expect(" → ")
        effect = self._effect()
        unheard = self._take(r"，容忍 (\d+) 毫秒语音没有文本")
        if self._take("。其中"):
            self._several(lambda: self._clause(), "；")
        self._take("。")
        if self.at < len(self.text):
            raise self._fail("这里之后看不懂，一条规则写到效果（和“其中”）为止")
        unheard_ms = int(unheard[1]) if unheard else USUAL_UNHEARD_MS
        return RuleSentence(
            hit_if, self.conditions, applies, applies_if, *effect, unheard_ms=unheard_ms
        )

    def _until(self, before: str, after: str) -> Line | None:
        if not self._take(before):
            return None
        line = self.line()
        self._expect(after)
        return line

    def _effect(self) -> tuple[float, bool, Line | None]:
        if self._take("只作标记"):
            return 0.0, False, None
        score, veto, veto_if = 0.0, False, None
        if found := self._take(rf"([扣加]) ({NUMBER}) 分"):
            score = float(found[2]) * (-1 if found[1] == "扣" else 1)
            if not self._take("，(?=一票否决|其中)"):
                return score, veto, veto_if
        if self._take("一票否决"):
            veto = True
        elif self._take("其中"):
            veto_if = self.line()
            self._expect("时一票否决")
        else:
            raise self._fail("→ 后面要写“扣 5 分”“加 2 分”“一票否决”或“只作标记”")
        return score, veto, veto_if

    def line(self) -> Line:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._fail("括号嵌套太深，请拆成几个条件")
        operands = self._several(self._term, "，或")
        self.depth -= 1
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _term(self) -> Line:
        operands = self._several(self._factor, "，且")
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _several(self, read: Callable[[], Line], between: str) -> list[Line]:
        found = [read()]
        while self._take(between):
            found.append(read())
        return found

    def _factor(self) -> Line:
        if self._take("并非（"):
            line = self.line()
            self._expect("）")
            return Not(line)
        if self._take("（"):
            line = self.line()
            self._expect("）")
            return line
        if found := self._take(r"以下至少 (\d+) 项成立（"):
            operands = self._several(self.line, "；")
            self._expect("）")
            if not 1 <= int(found[1]) <= len(operands):
                raise self._fail(f"至少 {found[1]} 项超出了列出的 {len(operands)} 项")
            return AtLeast(int(found[1]), tuple(operands))
        if found := self._take(rf"【({NAME})】(不?)成立"):
            return Not(Name(found[1])) if found[2] else Name(found[1])
        return self._clause()

    def _clause(self) -> Line:
        start = self.at
        found = self._take(_CLAUSE)
        if found is None:
            raise self._fail("这里要写一个条件，句末用〔名字〕给它起名，如 坐席说了“您好”〔问候〕")
        try:
            condition, holds = read_condition_sentence(found[1])
        except ValueError:
            self.at = start
            shown = found[1] if len(found[1]) <= _LONGEST_SHOWN else f"{found[1][:_LONGEST_SHOWN]}…"
            raise self._fail(f"看不懂“{shown}”，请按规则文档里的句式写") from None
        name = found[2]
        if name in self.conditions:
            self.at = start
            raise self._fail(f"条件 {name} 定义了两次，后面用【{name}】成立 来引用")
        self.conditions[name] = condition
        return Name(name) if holds else Not(Name(name))

    def _take(self, pattern: str | re.Pattern[str]) -> re.Match[str] | None:
        found = (re.compile(pattern, re.DOTALL) if isinstance(pattern, str) else pattern).match(
            self.text, self.at
        )
        if found is not None:
            self.at = found.end()
        return found

    def _expect(self, text: str) -> None:
        if not self._take(re.escape(text)):
            raise self._fail(f"这里应当是“{text.strip()}”")

    def _fail(self, message: str) -> AppError:
        column = self.at + 1
        return AppError(
            "bad-rules",
            f"规则句第 {column} 个字：{message}。",
            detail={"line": 1, "column": column},
        )
