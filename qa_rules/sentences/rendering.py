"""Rules and conditions as Chinese sentences: what reviewers read instead of rule syntax.

A condition becomes a `Phrase` that states it and one that denies it; a boolean line becomes one
sentence, with `not` carried inwards so that no double negation is left to the reader. Patterns
are never shown: a regex goes by its `label`, or by the name that its rule gives it.
"""

from collections.abc import Mapping
from dataclasses import replace

from asr.transcript import ROLE_NAMES
from nlp.entities import NAMES as ENTITY_NAMES
from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.conditions.measures import (
    Bounds,
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
from qa_rules.conditions.scope import EVERY_HIT, LAST_HIT, Anchor, Reach, Scope
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
from qa_rules.model import Condition, Rule
from qa_rules.sentences.wording import (
    Phrase,
    bounded,
    chain_words,
    effect,
    exceptions,
    field_words,
    inside_words,
    likeness_words,
    meant_words,
    role_name,
    some_words,
    subject_of,
)


def rule_sentence(rule: Rule) -> str:
    """`坐席在前 3 句内没有出现“开场白/问候语” → 扣 5 分`: when the rule hits, and what follows."""
    given = [field_words(test) for test in rule.applies]
    if rule.applies_if is not None:
        given.append(line_sentence(rule.applies_if, rule.conditions))
    when = f"{'，且'.join(given)}时，" if given else ""

    def said(line: Line) -> str:
        return line_sentence(line, rule.conditions)

    return f"{when}{said(rule.hit_if)} → {effect(rule, said)}"


def line_sentence(line: Line, conditions: Mapping[str, Condition]) -> str:
    """The boolean line in words."""
    holds, bare = True, line
    while isinstance(bare, Not):
        holds, bare = not holds, bare.operand
    # A line that is only the name of another needs no brackets around it.
    if isinstance(bare, Name) and isinstance(named := conditions.get(bare.name), LogicCondition):
        others = {name: c for name, c in conditions.items() if name != bare.name}
        return _line(named.of, others, holds, inner=False)
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
    if isinstance(condition, KeywordCondition | RegexCondition | SemanticCondition):
        # What would not have counted matters little where nothing was found at all.
        condition = replace(condition, unless=(), polarity="affirmed")
    if isinstance(condition, KeywordCondition | RegexCondition):
        condition = replace(condition, plausible="")
    found = phrase(name, {**conditions, name: condition})
    scope = getattr(condition, "scope", None)
    asked = isinstance(condition, JudgeCondition)
    everywhere = isinstance(scope, Scope) and not scope.ranges and not asked
    text = f"{found.subject}{'全程' if everywhere else ''}{found.no}"
    if isinstance(condition, KeywordCondition) and condition.label:
        text += f"（{some_words(condition.words)}）"
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
    who = subject_of(condition.scope)
    match condition:
        case KeywordCondition():
            return _keyword(condition)
        case EventCondition():
            return _event(condition)
        case RegexCondition():
            what = condition.label or f"“{name}”一类的话"
            stated = _said(who, f"{what}{exceptions(condition)}")
            return stated.flipped() if condition.negated else stated
        case SemanticCondition():
            return _said(who, f"{condition.label or meant_words(condition)}{exceptions(condition)}")
        case ActCondition():
            least = condition.at_least
            sure = "" if least is None else f"（概率不低于 {least:g}）"
            return _said(who, f"{condition.label or f'听起来像“{condition.act}”的话'}{sure}")
        case EntityCondition():
            return _entity(condition, who)
        case SentimentCondition(feeling=feeling, count=count):
            mood = "不满" if feeling == "negative" else "满意"
            times = f" {count} 句以上" if count > 1 else ""
            what = condition.label or f"{times}表示{mood}的话"
            return _said(who, what)
        case RepetitionCondition(times=times):
            what = (condition.label or "几乎同样的话") + likeness_words(condition)
            return Phrase(who, f"把{what}说了 {times} 遍以上", f"没有把{what}说 {times} 遍")
        case VolumeCondition(above=above, below=below, count=count):
            level = bounded("", Bounds(above=above, below=below), " dBFS").yes
            what = f" {count} 句以上的音量{level}"
            return Phrase(who, f"有{what}", f"没有{what}")
        case JudgeCondition(question=question):
            asked = f"问“{condition.label or question}”，语言模型答"
            # The subject states whose words prove it: “坐席的话，问…，语言模型答是”.
            whose = "" if condition.role == "any" else f"{who}的话，"
            return Phrase(f"{whose}{asked}", "是", "否")


def _said(who: str, what: str) -> Phrase:
    return Phrase(who, f"说了{what}", f"没有说{what}")


def _entity(condition: EntityCondition, who: str) -> Phrase:
    names = [ENTITY_NAMES[kind] for kind in condition.kinds]
    bounds = Bounds(above=condition.above, below=condition.below)
    limit = "" if bounds == Bounds() else f"（数值{bounded('', bounds, '').yes}）"
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
            asked = f"{asker}提问"
            if condition.question:
                asked = phrase(condition.question, others).says()
            answer = (
                f"（{phrase(condition.answer, others).says()}才算）" if condition.answer else ""
            )
            return Phrase(
                f"{asked}后{near}，", f"{other}没有回答{answer}", f"{other}每次都有回答{answer}"
            )
        case ProcessCondition():
            chain = condition.label or chain_words(condition)
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
            times = f"至少 {condition.count} 次" if condition.count > 1 else ""
            after = "" if condition.after == "any" else f"{ROLE_NAMES[condition.after]}说完后"
            what = f"超过 {condition.min_s:g} 秒的静音"
            where = after + inside_words(condition.ranges)
            return Phrase(where, f"出现{times}{what}", f"没有{times}{what}")
        case InterruptionCondition():
            times = f" {condition.count} 次以上" if condition.count > 1 else ""
            what = f"抢话{times}（重叠超过 {condition.min_overlap_ms} 毫秒）"
            return _one_side(condition.role, inside_words(condition.ranges), what, what)
        case SpeechRateCondition(of="utterance"):
            rate = bounded("", condition.bounds, " 字/分钟").yes
            what = f" {condition.count} 句以上的语速{rate}"
            return Phrase(role_name(condition.role), f"有{what}", f"没有{what}")
        case SpeechRateCondition():
            return bounded(f"{role_name(condition.role)}语速", condition.bounds, " 字/分钟")
        case TalkRatioCondition():
            return bounded(f"{role_name(condition.role)}说话占比", condition.bounds, "%", 100)
        case DurationCondition(of="call"):
            return bounded("通话时长", condition.bounds, " 秒")
        case DurationCondition():
            return bounded(f"{role_name(condition.role)}说话时长", condition.bounds, " 秒")
        case MonologueCondition():
            times = f" {condition.count} 次以上" if condition.count > 1 else ""
            what = f"{times}连续说话超过 {condition.min_s:g} 秒"
            return _one_side(condition.role, "", f"有{what}" if times else what, what)
        case TurnsCondition():
            unit = "句" if condition.of == "utterances" else "轮"
            return bounded(f"{role_name(condition.role)}说的话", condition.bounds, f" {unit}")
        case MetadataCondition():
            yes = "，且".join(field_words(test) for test in condition.tests)
            if len(condition.tests) == 1:
                return Phrase("", yes, field_words(condition.tests[0], False))
            return Phrase("", yes, f"不满足（{yes}）")


def _one_side(role: str, where: str, does: str, what: str) -> Phrase:
    """Who does what only one side at a time can do: of `any`, either side."""
    if role == "any":
        return Phrase("", f"有一方{where}{does}", f"双方{where}都没有{what}")
    return Phrase(f"{ROLE_NAMES[role]}{where}", does, f"没有{what}")


def _keyword(condition: KeywordCondition) -> Phrase:
    who = subject_of(condition.scope)
    either = (condition.label or some_words(condition.words)) + exceptions(condition)
    one = "在同一句里" if condition.in_one_utterance else ""
    match condition.mode:
        case "any":
            return Phrase(who, f"说了{either}", f"没有说{either}")
        case "none":
            return Phrase(who, f"没有说{either}", f"说了{either}")
        case "all":
            every = condition.label or some_words(condition.words, joined="和")
            every += exceptions(condition)
            return Phrase(who, f"{one}说全了{every}", f"没有{one}说全{every}")
        case "at_least":
            named = condition.label or some_words(condition.words, joined="、")
            share = f"{named}中的至少 {condition.at_least} 种{exceptions(condition)}"
            return Phrase(who, f"{one}说了{share}", f"没有{one}说够{share}")


def _event(condition: EventCondition) -> Phrase:
    names = [f"“{node}”" for node in condition.nodes]
    either = condition.label or "或".join(names)
    who = subject_of(condition.scope)
    one = "在同一句里" if condition.in_one_utterance else ""
    match condition.mode:
        case "any":
            return Phrase(who, f"出现{either}", f"没有出现{either}")
        case "none":
            return Phrase(who, f"没有出现{either}", f"出现{either}")
        case "all":
            every = condition.label or "".join(names)
            return Phrase(who, f"{one}全部出现{every}", f"没有{one}全部出现{every}")
        case "at_least":
            share = f"{'、'.join(names)}中的至少 {condition.at_least} 项"
            return Phrase(who, f"{one}出现{share}", f"没有{one}出现{share}")


def _within(condition: WithinCondition, conditions: Mapping[str, Condition]) -> Phrase:
    anchor = phrase(condition.of, conditions).says()
    found = phrase(condition.find, conditions)
    side = {"after": "后", "before": "前", "around": "前后"}[condition.direction]
    near = "的同一句里" if condition.reach.utterances == 0 else side + _distance(condition.reach)
    if condition.lacking:
        every = f"每次{found.subject}都{found.yes}"
        return Phrase(f"{anchor}{near}，", f"有一次{found.says(False)}", every)
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
        same = one.subject == subject != ""
        also = "也" if same and word == "且" else word
        parts.append(f"{also if parts else ''}{'' if same else one.subject}{clause}")
        subject = one.subject
    text = "，".join(parts)
    return f"（{text}）" if inner else text
