"""Rules and conditions as Chinese sentences: what reviewers read instead of rule syntax.

A condition becomes a `Phrase` that states it and one that denies it; a boolean line becomes one
sentence, with `not` carried inwards so that no double negation is left to the reader. Patterns
are never shown: a regex goes by its `label`, or by the name that its rule gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from asr.transcript import ROLE_NAMES
from events import keywords
from nlp.entities import NAMES as ENTITY_NAMES
from qa_rules.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    Measure,
    MetadataCondition,
    MetadataTest,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.model import Condition, Rule
from qa_rules.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    Relation,
    RuleCondition,
    TimesCondition,
    UnansweredCondition,
    WithinCondition,
)
from qa_rules.scope import EVERY_HIT, LAST_HIT, Anchor, Range, Reach, Scope
from qa_rules.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    Search,
    SemanticCondition,
    SentimentCondition,
    VolumeCondition,
)

_SHOWN = 2
_COMPARED = {"=": "是", "!=": "不是", ">": "大于", ">=": "不小于", "<": "小于", "<=": "不大于"}
_OPPOSITE = {"=": "!=", "!=": "=", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}
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


def rule_sentence(rule: Rule) -> str:
    """`坐席在前 3 句内没有出现“开场白/问候语” → 扣 5 分`: when the rule hits, and what follows."""
    given = [_test(test) for test in rule.applies]
    if rule.applies_if is not None:
        given.append(line_sentence(rule.applies_if, rule.conditions))
    when = f"{'，且'.join(given)}时，" if given else ""
    return f"{when}{line_sentence(rule.hit_if, rule.conditions)} → {effect(rule)}"


def effect(rule: Rule) -> str:
    """What a hit does to the score: `扣 5 分`, `扣 50 分，一票否决`, `只作标记`."""
    parts = []
    if rule.score:
        parts.append(f"{'扣' if rule.score < 0 else '加'} {abs(rule.score):g} 分")
    if rule.veto:
        parts.append("一票否决")
    if rule.veto_if is not None:
        parts.append(f"其中{line_sentence(rule.veto_if, rule.conditions)}时一票否决")
    return "，".join(parts) or "只作标记"


def line_sentence(line: Line, conditions: Mapping[str, Condition]) -> str:
    """The boolean line in words."""
    return _line(line, conditions, True, inner=False)


def absence(name: str, conditions: Mapping[str, Condition]) -> str:
    """What a complete search in vain says: `坐席全程没有说：添加微信、再联系（等 5 种说法）`."""
    condition = conditions[name]
    if (
        isinstance(condition, KeywordCondition | EventCondition | EntityCondition)
        and condition.mode == "none"
    ):
        condition = replace(condition, mode="any")
    elif isinstance(condition, RegexCondition):
        condition = replace(condition, negated=False)
    found = phrase(name, {**conditions, name: condition})
    scope = getattr(condition, "scope", None)
    everywhere = isinstance(scope, Scope) and not scope.ranges
    text = f"{found.subject}{'全程' if everywhere else ''}{found.no}"
    if isinstance(condition, KeywordCondition) and condition.label:
        text += f"（{_some(condition.words)}）"
    return text


def phrase(name: str, conditions: Mapping[str, Condition]) -> Phrase:
    """The phrase of a condition; relations put those of the conditions they name together."""
    condition = conditions.get(name)
    # What a condition refers to is looked up without it, so that circles come to an end.
    others = {key: value for key, value in conditions.items() if key != name}
    if condition is None:
        return Phrase("", f"“{name}”成立", f"“{name}”不成立")
    if isinstance(condition, Search):
        said = _search(name, condition)
        anchor = condition.scope.anchor
        return said if anchor is None else replace(said, subject=_beside(anchor, others, said))
    if isinstance(condition, Relation):
        return _relation(condition, others)
    return _measured(condition)


def _search(name: str, condition: Search) -> Phrase:
    who = _who(condition.scope)
    match condition:
        case KeywordCondition():
            return _keyword(condition)
        case EventCondition():
            return _event(condition)
        case RegexCondition():
            stated = _said(who, condition.label or f"“{name}”一类的话")
            return stated.flipped() if condition.negated else stated
        case SemanticCondition():
            return _said(who, condition.label or f"意思接近“{condition.examples[0]}”的话")
        case ActCondition():
            return _said(who, condition.label or f"听起来像“{condition.act}”的话")
        case EntityCondition():
            return _entity(condition, who)
        case SentimentCondition(feeling=feeling, count=count):
            mood = "不满" if feeling == "negative" else "满意"
            what = condition.label or f"{count} 句以上表示{mood}的话"
            return _said(who, what)
        case RepetitionCondition(times=times):
            what = condition.label or "几乎同样的话"
            return Phrase(who, f"把{what}说了 {times} 遍以上", f"没有把{what}说 {times} 遍")
        case VolumeCondition(above=above, below=below, count=count):
            level = _bounded("", Bounds(above=above, below=below), " dBFS").yes
            return Phrase(who, f"有 {count} 句以上的音量{level}", f"没有 {count} 句音量{level}的话")


def _said(who: str, what: str) -> Phrase:
    return Phrase(who, f"说了{what}", f"没有说{what}")


def _entity(condition: EntityCondition, who: str) -> Phrase:
    names = [ENTITY_NAMES[kind] for kind in condition.kinds]
    bounds = Bounds(above=condition.above, below=condition.below)
    limit = "" if bounds == Bounds() else f"（数值{_bounded('', bounds, '').yes}）"
    either = condition.label or "或".join(names)
    match condition.mode:
        case "any":
            return Phrase(who, f"提到{either}{limit}", f"没有提到{either}{limit}")
        case "none":
            return Phrase(who, f"没有提到{either}{limit}", f"提到{either}{limit}")
        case "all":
            every = condition.label or "和".join(names)
            return Phrase(who, f"提到了{every}{limit}", f"没有提全{every}{limit}")
        case "at_least":
            share = f"{'、'.join(names)}中的至少 {condition.at_least} 种{limit}"
            return Phrase(who, f"提到{share}", f"没有提到{share}")


def _relation(condition: Relation, others: Mapping[str, Condition]) -> Phrase:
    match condition:
        case OrderCondition(first=first, then=then):
            after = phrase(then, others)
            return Phrase(f"{phrase(first, others).says()}之后", after.says(), after.says(False))
        case WithinCondition():
            return _within(condition, others)
        case TimesCondition(of=of, at_least=low, at_most=high):
            bounds = [f"至少 {low} 次"] if low is not None else []
            bounds += [f"至多 {high} 次"] if high is not None else []
            said = phrase(of, others).says()
            return Phrase(said, f"（{'、'.join(bounds)}）", f"（不满足{'、'.join(bounds)}）")
        case UnansweredCondition(role=role):
            asker, other = ("坐席", "客户") if role == "agent" else ("客户", "坐席")
            near = _distance(condition.reach)
            question = f"“{condition.question}”" if condition.question else "提问"
            return Phrase(f"{asker}{question}后{near}，", f"{other}没有回答", f"{other}都有回答")
        case ProcessCondition(steps=steps):
            chain = condition.label or "→".join(step.step for step in steps)
            return Phrase("通话中", f"走完了流程“{chain}”", f"没有走完流程“{chain}”")
        case LogicCondition(of=line):
            return Phrase("", _line(line, others, True, True), _line(line, others, False, True))
        case RuleCondition(rule=rule):
            return Phrase("", f"规则“{rule}”命中", f"规则“{rule}”没有命中")


def _distance(reach: Reach) -> str:
    if reach.seconds is not None:
        return f" {reach.seconds:g} 秒内"
    return "" if reach.utterances is None else f" {reach.utterances} 句内"


def _beside(anchor: Anchor, others: Mapping[str, Condition], said: Phrase) -> str:
    """`“报价”第 2 次出现后 3 句内，坐席`: the subject of a phrase with an anchor."""
    hit = {EVERY_HIT: "", LAST_HIT: "最后一次"}.get(anchor.hit, f"第 {anchor.hit} 次")
    side = {"after": "之后", "before": "之前", "around": "前后"}[anchor.side]
    return f"{phrase(anchor.of, others).says()}{hit}{side}{_distance(anchor.reach)}，{said.subject}"


def _measured(condition: Measure) -> Phrase:
    match condition:
        case SilenceCondition():
            times = f"至少 {condition.count} 次 " if condition.count > 1 else " "
            after = "" if condition.after == "any" else f"{ROLE_NAMES[condition.after]}说完后"
            what = f"{condition.min_s:g} 秒以上的静音"
            return Phrase(after, f"出现{times}{what}", f"没有{times}{what}")
        case InterruptionCondition():
            times = f" {condition.count} 次以上" if condition.count > 1 else ""
            what = f"抢话{times}（重叠 {condition.min_overlap_ms} 毫秒以上）"
            return Phrase(_role(condition.role), what, f"没有{what}")
        case SpeechRateCondition(of="utterance"):
            rate = _bounded("", condition.bounds, " 字/分钟").yes
            what = f" {condition.count} 句以上的语速{rate}"
            return Phrase(_role(condition.role), f"有{what}", f"没有{what}")
        case SpeechRateCondition():
            return _bounded(f"{_role(condition.role)}语速", condition.bounds, " 字/分钟")
        case TalkRatioCondition():
            return _bounded(f"{_role(condition.role)}说话占比", condition.bounds, "%", 100)
        case DurationCondition(of="call"):
            return _bounded("通话时长", condition.bounds, " 秒")
        case DurationCondition():
            return _bounded(f"{_role(condition.role)}说话时长", condition.bounds, " 秒")
        case MonologueCondition():
            times = f" {condition.count} 次" if condition.count > 1 else ""
            what = f"连续说话超过 {condition.min_s:g} 秒{times}"
            return Phrase(_role(condition.role), what, f"没有{what}")
        case TurnsCondition():
            unit = "句" if condition.of == "utterances" else "轮"
            return _bounded(f"{_role(condition.role)}说的话", condition.bounds, f" {unit}")
        case MetadataCondition():
            yes = "，且".join(_test(test) for test in condition.tests)
            if len(condition.tests) == 1:
                return Phrase("", yes, _test(condition.tests[0], False))
            return Phrase("", yes, f"不满足（{yes}）")


def _keyword(condition: KeywordCondition) -> Phrase:
    who, count = _who(condition.scope), len(condition.words)
    wanted = condition.label or _some(condition.words)
    match condition.mode:
        case "any":
            return Phrase(who, f"说了{wanted}", f"没有说{wanted}")
        case "none":
            return Phrase(who, f"没有说{wanted}", f"说了{wanted}")
        case "all":
            one = "在同一句里" if condition.in_one_utterance else ""
            return Phrase(who, f"{one}说全了{wanted}", f"没有{one}说全{wanted}")
        case "at_least":
            share = f"{count} 种说法中的至少 {condition.at_least} 种"
            return Phrase(who, f"说了{share}{wanted}", f"没有说够{share}{wanted}")


def _event(condition: EventCondition) -> Phrase:
    names = [f"“{node}”" for node in condition.nodes]
    either = condition.label or "或".join(names)
    who = _who(condition.scope)
    match condition.mode:
        case "any":
            return Phrase(who, f"出现{either}", f"没有出现{either}")
        case "none":
            return Phrase(who, f"没有出现{either}", f"出现{either}")
        case "all":
            every = condition.label or "".join(names)
            return Phrase(who, f"全部出现{every}", f"没有全部出现{every}")
        case "at_least":
            share = f"{'、'.join(names)}中的至少 {condition.at_least} 项"
            return Phrase(who, f"出现{share}", f"没有出现{share}")


def _within(condition: WithinCondition, conditions: Mapping[str, Condition]) -> Phrase:
    anchor = phrase(condition.of, conditions).says()
    found = phrase(condition.find, conditions)
    side = {"after": "后", "before": "前", "around": "前后"}[condition.direction]
    near = "的同一句里" if condition.reach.utterances == 0 else side + _distance(condition.reach)
    if condition.lacking:
        return Phrase(f"{anchor}{near}，", f"有一次{found.says(False)}", f"每次都{found.says()}")
    return Phrase(f"{anchor}{near}，", found.says(), found.says(False))


def _line(line: Line, conditions: Mapping[str, Condition], holds: bool, inner: bool) -> str:
    match line:
        case Name(name):
            return phrase(name, conditions).says(holds)
        case Not(operand):
            return _line(operand, conditions, not holds, inner)
        case And(operands):
            return _joined(operands, conditions, holds, "且" if holds else "或", inner)
        case Or(operands):
            return _joined(operands, conditions, holds, "或" if holds else "且", inner)
        case AtLeast(count, operands):
            parts = "；".join(_line(part, conditions, True, inner=True) for part in operands)
            verb = f"至少 {count} 项成立" if holds else f"成立的不足 {count} 项"
            return f"以下{verb}（{parts}）"


def _joined(
    operands: tuple[Line, ...],
    conditions: Mapping[str, Condition],
    holds: bool,
    word: str,
    inner: bool,
) -> str:
    """The operands, each subject said once as long as it stays the same."""
    parts: list[str] = []
    subject = None
    for operand in operands:
        bare, says = operand, holds
        while isinstance(bare, Not):
            bare, says = bare.operand, not says
        if not isinstance(bare, Name):
            parts.append(f"{word if parts else ''}{_line(bare, conditions, says, inner=True)}")
            subject = None
            continue
        one = phrase(bare.name, conditions)
        clause = one.yes if says else one.no
        same = one.subject == subject
        also = "也" if same and word == "且" else word
        parts.append(f"{also if parts else ''}{'' if same else one.subject}{clause}")
        subject = one.subject
    text = "，".join(parts)
    return f"（{text}）" if inner else text


def _role(role: str) -> str:
    return "双方" if role == "any" else ROLE_NAMES[role]


def _who(scope: Scope) -> str:
    who = "通话中" if scope.role == "any" else ROLE_NAMES[scope.role]
    if not scope.ranges:
        return who
    return f"{who}在{'且'.join(map(range_words, scope.ranges))}内"


def range_words(part: Range) -> str:
    """`前 3 句`, `最后 20 秒`, `第 2 到 5 句`."""
    unit = "秒" if part.unit == "s" else "句"
    if part.edge == "between":
        return f"第 {part.low:g} 到 {part.high:g} {unit}"
    return f"{'前' if part.edge == 'first' else '最后'} {part.high:g} {unit}"


def _bounded(subject: str, bounds: Bounds, unit: str, times: float = 1) -> Phrase:
    above = "" if bounds.above is None else f"{bounds.above * times:g}{unit}"
    below = "" if bounds.below is None else f"{bounds.below * times:g}{unit}"
    if above and below:
        return Phrase(subject, f"在 {above}到 {below}之间", f"不在 {above}到 {below}之间")
    if above:
        return Phrase(subject, f"超过 {above}", f"不超过 {above}")
    return Phrase(subject, f"不到 {below}", f"不少于 {below}")


def _test(test: MetadataTest, holds: bool = True) -> str:
    field = _FIELDS.get(test.key, test.key)
    if test.comparator in ("in", "not in"):
        same = holds == (test.comparator == "in")
        return f"{field}{'是' if same else '不是'} {'或 '.join(map(str, test.values))}"
    if test.comparator == "matches":
        return f"{field}{'符合' if holds else '不符合'}“{test.values[0]}”"
    comparator = test.comparator if holds else _OPPOSITE[test.comparator]
    return f"{field}{_COMPARED[comparator]} {test.values[0]}"


def _some(words: tuple[str, ...]) -> str:
    shown = [f"“{expression_words(word)}”" for word in words[:_SHOWN]]
    return "或".join(shown) if len(words) <= _SHOWN else f"{''.join(shown)}等 {len(words)} 种说法"


@lru_cache(maxsize=4096)
def expression_words(source: str) -> str:
    """A keyword expression as one thing that somebody may say: `(加|添加) near/6 微信` is 添加微信.

    Of alternatives the longest stands for all; what must not occur is left out.
    """
    return _words(keywords.parse_expression(source))


def _words(expression: keywords.Expression) -> str:
    match expression:
        case keywords.Term(text):
            return text
        case keywords.Near(left, right, _):
            return _words(left) + _words(right)
        case keywords.AnyOf(parts):
            return max(map(_words, parts), key=len)
        case keywords.AllOf(parts):
            return "＋".join(filter(None, map(_words, parts)))
        case keywords.Not(_):
            return ""
