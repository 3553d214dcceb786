"""Words for the parts of conditions: who and where, bounds, fields, what somebody may say."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from asr.transcript import ROLE_NAMES
from events import keywords
from qa_rules.conditions.boolean import Line
from qa_rules.conditions.measures import Bounds, MetadataTest
from qa_rules.conditions.relations import ProcessCondition, Step
from qa_rules.conditions.scope import Range, Scalar, Scope
from qa_rules.conditions.searches import RepetitionCondition, SemanticCondition, TextCondition
from qa_rules.model import Rule
from qa_rules.sentences.quoting import write_number

_SHOWN = 2
_COMPARED = {"=": "是", "!=": "不是", ">": "大于", ">=": "不小于", "<": "小于", "<=": "不大于"}
_OPPOSITE = {"=": "!=", "!=": "=", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_USUAL = RepetitionCondition()
_USUAL_THRESHOLD = SemanticCondition(examples=()).threshold
_FIELDS = {
    "agent": "坐席",
    "team": "团队",
    "campaign": "任务",
    "direction": "呼叫方向",
    "disposition": "通话结果",
    "duration_s": "通话秒数",
    "talk_s": "说话秒数",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A condition in words: `subject` with `yes` states it, with `no` it denies it.

    `subject` says who and where (`坐席在前 3 句内`), so that two phrases about the same can
    share it.
    """

    subject: str
    yes: str
    no: str

    def says(self, holds: bool = True) -> str:
        """The whole clause; a denial without a place says that all of the call is meant."""
        return self.subject + (self.yes if holds else self.no)

    def flipped(self) -> "Phrase":
        """The phrase of the opposite condition."""
        return Phrase(self.subject, self.no, self.yes)


def effect(rule: Rule, said: Callable[[Line], str]) -> str:
    """What a hit does to the score: `扣 5 分`, `扣 50 分，一票否决`, `只作标记`.

    `said` puts the boolean line of a conditional veto into words.
    """
    parts = []
    if rule.score:
        parts.append(f"{'扣' if rule.score < 0 else '加'} {write_number(abs(rule.score))} 分")
    if rule.veto:
        parts.append("一票否决")
    if rule.veto_if is not None:
        parts.append(f"其中{said(rule.veto_if)}时一票否决")
    return "，".join(parts) or "只作标记"


def role_name(role: str) -> str:
    """`坐席`, `客户`, `双方`."""
    return "双方" if role == "any" else ROLE_NAMES[role]


def subject_of(scope: Scope) -> str:
    """Who says it, and where: `坐席在前 3 句内`."""
    who = "通话中" if scope.role == "any" else ROLE_NAMES[scope.role]
    return who + inside_words(scope.ranges)


def inside_words(ranges: tuple[Range, ...]) -> str:
    """`在前 3 句且最后 20 秒内`; nothing for the whole call."""
    return f"在{'且'.join(map(range_words, ranges))}内" if ranges else ""


def range_words(part: Range) -> str:
    """`前 3 句`, `最后 20 秒`, `第 2 到 5 句`."""
    unit = "秒" if part.unit == "s" else "句"
    if part.edge == "between":
        return f"第 {part.low:g} 到 {part.high:g} {unit}"
    return f"{'前' if part.edge == 'first' else '最后'} {part.high:g} {unit}"


def bounded(subject: str, bounds: Bounds, unit: str, times: float = 1) -> Phrase:
    """`语速超过 300 字/分钟`, and its opposite."""
    above = "" if bounds.above is None else f"{bounds.above * times:g}{unit}"
    below = "" if bounds.below is None else f"{bounds.below * times:g}{unit}"
    if above and below:
        apart = " " if (unit or "0")[-1].isalnum() and (unit or "0")[-1].isascii() else ""
        inside = f" {above}{apart}到 {below}{apart}之间"
        return Phrase(subject, f"在{inside}", f"不在{inside}")
    if above:
        return Phrase(subject, f"超过 {above}", f"不超过 {above}")
    return Phrase(subject, f"不到 {below}", f"不少于 {below}")


def field_words(test: MetadataTest, holds: bool = True) -> str:
    """A test on a field of the call, or its opposite: `团队是 一部`."""
    field = _FIELDS.get(test.key, test.key)
    field += " " if field[-1:].isascii() else ""
    if test.comparator in ("in", "not in"):
        same = holds == (test.comparator == "in")
        return f"{field}{'是' if same else '不是'} {' 或 '.join(map(_value, test.values))}"
    if test.comparator == "matches":
        return f"{field}{'符合' if holds else '不符合'}“{test.values[0]}”"
    comparator = test.comparator if holds else _OPPOSITE[test.comparator]
    return f"{field}{_COMPARED[comparator]} {_value(test.values[0])}"


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "真" if value else "假"
    return str(value)


def some_words(
    words: tuple[str, ...], many: str = "等 {} 种说法", joined: str = "或", parse: bool = True
) -> str:
    """Some of the expressions, quoted, and how many there are; two at most stand `joined`.

    Without `parse` they are plain sentences, in which & and | mean nothing.
    """
    said = [expression_words(word) if parse else word for word in words[:_SHOWN]]
    shown = [f"“{word}”" for word in said]
    if len(words) <= _SHOWN:
        return joined.join(shown)
    return f"{''.join(shown)}{many.format(len(words))}"


def exceptions(condition: TextCondition) -> str:
    """What a search lets off, in brackets: `（同一句有“不能”的不算）`."""
    parts = []
    if condition.unless:
        parts.append(f"同一句有{some_words(condition.unless)}的不算")
    if condition.polarity == "any":
        parts.append("否定与引述也算")
    if plausible := getattr(condition, "plausible", ""):
        parts.append(f"模型确信不是“{plausible}”的不算")
    return f"（{'，'.join(parts)}）" if parts else ""


def meant_words(condition: SemanticCondition) -> str:
    """What the examples mean, what does not count as that, and how sure it must be."""
    unlike = ""
    if condition.counter_examples:
        unlike = f"、而不像{some_words(condition.counter_examples, '等 {} 句', parse=False)}"
    sure = (
        "" if condition.threshold == _USUAL_THRESHOLD else f"（把握不低于 {condition.threshold:g}）"
    )
    return f"意思接近{some_words(condition.examples, '等 {} 句', parse=False)}{unlike}的话{sure}"


def likeness_words(condition: RepetitionCondition) -> str:
    """How alike, how long and how near repetitions are, as far as it is not as usual."""
    parts = []
    if condition.similarity != _USUAL.similarity:
        parts.append(f"相似度不低于 {condition.similarity:g}")
    if condition.min_chars != _USUAL.min_chars:
        parts.append(f"至少 {condition.min_chars} 个字")
    if condition.within is not None:
        parts.append(f"相隔 {condition.within} 句以内")
    if condition.unless:
        parts.append(f"有{some_words(condition.unless)}的句子不算")
    return f"（{'，'.join(parts)}）" if parts else ""


def chain_words(condition: ProcessCondition) -> str:
    """The steps of a process: `甲→乙（3 句内）`, or with branches `甲→乙或丙；乙→结束；丙→结束`."""
    steps = condition.steps
    notes = {step.step: _note(step) for step in steps}
    following = [after.step for after in steps[1:]]
    if all(step.next == (after,) for step, after in zip(steps, following, strict=False)):
        return "→".join(f"{step.step}{notes[step.step]}" for step in steps)
    return "；".join(
        f"{step.step}{notes[step.step]}→{'或'.join(step.next) or '结束'}" for step in steps
    )


def _note(step: Step) -> str:
    notes = ["可略过"] if step.optional else []
    if step.reach.utterances is not None:
        notes.append(f"上一步后 {step.reach.utterances} 句内")
    if step.reach.seconds is not None:
        notes.append(f"上一步后 {step.reach.seconds:g} 秒内")
    return f"（{'，'.join(notes)}）" if notes else ""


@lru_cache(maxsize=4096)
def expression_words(source: str) -> str:
    """A keyword expression as one thing that somebody may say: `(加|添加) near/6 微信` is 添加微信.

    Of alternatives the longest stands for all; what must not occur is left out.
    """
    return _plain_words(keywords.parse_expression(source))


def _plain_words(expression: keywords.Expression) -> str:
    match expression:
        case keywords.Term(text):
            return text
        case keywords.Near(left, right, _):
            return _plain_words(left) + _plain_words(right)
        case keywords.AnyOf(parts):
            return max(map(_plain_words, parts), key=len)
        case keywords.AllOf(parts):
            return "＋".join(filter(None, map(_plain_words, parts)))
        case keywords.Not(_):
            return ""
