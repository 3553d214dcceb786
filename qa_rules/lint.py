"""Linter of rule sets: what a document may say and should not, each with line and fix."""

import difflib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product

from core.errors import AppError, LintIssue, Severity
from events.acts.labels import LABELS, act_role
from events.acts.model import ActModel
from qa_rules.boolean import Line, names_in
from qa_rules.compilation import Compiler
from qa_rules.judging import judge_line
from qa_rules.keywords import Keywords
from qa_rules.logic import Truth
from qa_rules.measures import (
    Bounds,
    DurationCondition,
    MetadataCondition,
    SpeechRateCondition,
    TalkRatioCondition,
)
from qa_rules.model import Condition, Rule, RuleSet
from qa_rules.patterns import Patterns
from qa_rules.relations import OrderCondition, WithinCondition
from qa_rules.scope import Range, Scope
from qa_rules.searches import (
    ActCondition,
    EventCondition,
    KeywordCondition,
    RegexCondition,
    SemanticCondition,
)
from qa_rules.verdict import Verdict

_MOST_NAMES = 12  # 2 ** 12 assignments are checked at once; longer lines are left alone.


_PLACELESS = (SpeechRateCondition, TalkRatioCondition, DurationCondition, MetadataCondition)


def lint_ruleset(
    ruleset: RuleSet, node_paths: Collection[str], source: str = ""
) -> tuple[LintIssue, ...]:
    """Issues of a resolved rule set, in rule order; empty when there is nothing to say.

    `node_paths` are all paths of the key-event tree in force, parents included; empty skips the
    check of event nodes. `source` names the document for rules that do not know theirs.
    """
    issues: list[LintIssue] = []
    issues += _duplicates(ruleset, source)
    categories = {category.name for category in ruleset.categories}
    for rule in ruleset.rules:
        where = rule.source or source
        if rule.category not in categories:
            near = _suggest(rule.category, categories)
            issues.append(
                LintIssue(
                    "error",
                    "unknown-category",
                    f"规则 {rule.id} 的类别 {rule.category} 没有声明。",
                    f"在 categories 里声明它{near}。",
                    where,
                    rule.line,
                    1,
                )
            )
        for severity, code, message, fix, line in _rule_issues(rule, node_paths):
            text = f"规则 {rule.id}：{message}"
            issues.append(LintIssue(severity, code, text, fix, where, line or rule.line, 1))
    return tuple(issues)


_Found = tuple[Severity, str, str, str, int]


def _rule_issues(rule: Rule, node_paths: Collection[str]) -> Iterator[_Found]:
    yield from _names(rule)
    for name, condition in rule.conditions.items():
        for severity, code, message, fix in _condition(condition, node_paths):
            yield severity, code, f"条件 {name} {message}", fix, condition.line
    yield from _examples(rule)
    yield from _reachable(rule)
    if rule.severity in ("major", "critical") and not (rule.score or rule.veto or rule.veto_if):
        yield (
            "warning",
            "no-effect",
            f"严重度是 {rule.severity}，命中却不影响得分。",
            "写上 score 或 veto，或把 severity 降为 info。",
            0,
        )


def _duplicates(ruleset: RuleSet, source: str) -> Iterator[LintIssue]:
    counts = Counter(rule.id for rule in ruleset.rules)
    for rule in ruleset.rules:
        if counts[rule.id] > 1:
            yield LintIssue(
                "error",
                "duplicate-id",
                f"规则编号 {rule.id} 用了 {counts[rule.id]} 次。",
                "给每条规则不同的 id。",
                rule.source or source,
                rule.line,
                1,
            )
    for one, other in combinations(ruleset.rules, 2):
        same = (one.hit_if, one.applies_if, one.applies) == (
            other.hit_if,
            other.applies_if,
            other.applies,
        )
        if same and one.id != other.id and _unlabelled(one) == _unlabelled(other):
            yield LintIssue(
                "warning",
                "duplicate-rule",
                f"规则 {other.id} 与 {one.id} 的判断完全相同。",
                "删去其中一条，否则会重复扣分。",
                other.source or source,
                other.line,
                1,
            )


def _unlabelled(rule: Rule) -> dict[str, Condition]:
    return {name: replace(condition, label="") for name, condition in rule.conditions.items()}


def _names(rule: Rule) -> Iterator[_Found]:
    used = set(names_in(rule.hit_if))
    for line in (rule.applies_if, rule.veto_if):
        used |= set(names_in(line)) if line is not None else set()
    referred = {name for c in rule.conditions.values() for name in _references(c)}
    for name in sorted((used | referred) - set(rule.conditions)):
        near = _suggest(name, rule.conditions)
        yield (
            "error",
            "undefined-condition",
            f"用到的条件 {name} 没有定义。",
            f"在 conditions 里定义它{near}。",
            0,
        )
    for name in sorted(referred & set(rule.conditions)):
        if isinstance(rule.conditions[name], _PLACELESS):
            yield (
                "error",
                "no-position",
                f"条件 {name} 说的是整通电话，没有先后位置。",
                "order 与 within 只能引用说了什么、事件、静音或抢话。",
                rule.conditions[name].line,
            )
    for name, condition in rule.conditions.items():
        if name not in used | referred:
            yield (
                "warning",
                "unused-condition",
                f"条件 {name} 没有被用到。",
                "在 hit_if 里用上它，或删去。",
                condition.line,
            )
    if used | referred <= set(rule.conditions) and not _invalid_text(rule):
        try:
            Compiler().add(rule)
        except AppError as error:
            yield "error", "circular-condition", error.message, "让引用只朝一个方向。", 0


def _references(condition: Condition) -> tuple[str, ...]:
    if isinstance(condition, OrderCondition):
        return condition.first, condition.then
    return (condition.of, condition.find) if isinstance(condition, WithinCondition) else ()


def _invalid_text(rule: Rule) -> bool:
    return any(True for condition in rule.conditions.values() for _ in _texts(condition))


_Problem = tuple[Severity, str, str, str]


def _condition(condition: Condition, node_paths: Collection[str]) -> Iterator[_Problem]:
    yield from _texts(condition)
    scope = getattr(condition, "scope", None)
    if isinstance(scope, Scope):
        yield from _ranges(scope.ranges)
    if isinstance(condition, SpeechRateCondition | TalkRatioCondition | DurationCondition):
        yield from _bounds(condition.bounds)
    if isinstance(condition, EventCondition):
        yield from _nodes(condition, node_paths)
    if isinstance(condition, ActCondition):
        yield from _act(condition)


def _texts(condition: Condition) -> Iterator[_Problem]:
    if isinstance(condition, RegexCondition):
        for pattern in condition.patterns:
            yield from _pattern(pattern)
    if isinstance(condition, KeywordCondition):
        for word in condition.words:
            yield from _keyword(word)
    if isinstance(condition, KeywordCondition | RegexCondition | SemanticCondition):
        for word in condition.unless:
            yield from _keyword(word)


def _pattern(pattern: str) -> Iterator[_Problem]:
    try:
        empty = Patterns([pattern]).matches_empty()
    except AppError as error:
        yield "error", "bad-regex", error.message, "改写这条正则，或换成关键词。"
        return
    if empty:
        yield (
            "warning",
            "empty-match",
            f"的正则“{pattern}”什么都没有也能匹配。",
            "去掉使它可以为空的 * 或 ?。",
        )


def _keyword(word: str) -> Iterator[_Problem]:
    try:
        Keywords([word])
    except AppError as error:
        yield "error", "bad-keyword", error.message, "按 & | ! near/n 与括号的写法改正。"


def _ranges(ranges: tuple[Range, ...]) -> Iterator[_Problem]:
    for part in ranges:
        if part.high <= 0 or part.low > part.high:
            yield (
                "error",
                "contradictory-range",
                f"的范围 {part} 是空的。",
                "让范围至少包含一句或一秒。",
            )
    fixed = [part for part in ranges if part.edge != "last"]
    for one, other in combinations(fixed, 2):
        if one.unit == other.unit and (one.high < other.low or other.high < one.low):
            yield (
                "error",
                "contradictory-range",
                f"的范围 {one} 与 {other} 没有交集。",
                "范围之间取交集，请改成能同时满足的。",
            )


def _bounds(bounds: Bounds) -> Iterator[_Problem]:
    above, below = bounds.above, bounds.below
    if above is not None and below is not None and above >= below:
        yield (
            "error",
            "contradictory-range",
            f"要求大于 {above:g} 又小于 {below:g}，不可能成立。",
            "让 above 小于 below。",
        )


def _nodes(condition: EventCondition, node_paths: Collection[str]) -> Iterator[_Problem]:
    for node in condition.nodes:
        if node_paths and node not in node_paths:
            yield (
                "error",
                "unknown-event",
                f"引用的事件 {node} 不在关键事件树里。",
                f"改成树里的路径{_suggest(node, node_paths)}。",
            )
        customers = node == "客户" or node.startswith("客户/")
        if condition.scope.role == ("agent" if customers else "customer"):
            yield (
                "error",
                "role-mismatch",
                f"只看 {condition.scope.role}，而 {node} 是另一方的事件。",
                "改正 role，或删去它。",
            )


def _act(condition: ActCondition) -> Iterator[_Problem]:
    act, least = condition.act, condition.at_least
    if act not in LABELS:
        yield (
            "error",
            "unknown-act",
            f"的 act 写的是 {act}，没有这个内置事件或违规。",
            f"改成内置的名字{_suggest(act, LABELS)}。",
        )
        return
    if condition.scope.role not in ("any", act_role(act)):
        yield (
            "error",
            "role-mismatch",
            f"只看 {condition.scope.role}，而 {act} 是另一方的事件。",
            "改正 role，或删去它。",
        )
    own = ActModel.load().threshold(act) if least is not None else 0.0
    if least is not None and least < own:
        yield (
            "warning",
            "low-chance",
            f"的 at_least {least:g} 低于模型自己的阈值 {own:.2f}，不起作用。",
            "删去 at_least，或写得更高。",
        )


def _examples(rule: Rule) -> Iterator[_Found]:
    for key, examples, what in (
        ("must_fire", rule.must_fire, "应当命中"),
        ("must_not_fire", rule.must_not_fire, "不应命中"),
    ):
        if not examples:
            yield (
                "error",
                "missing-examples",
                f"没有{what}的例子。",
                f"在 examples.{key} 里至少写一个。",
                0,
            )


def _reachable(rule: Rule) -> Iterator[_Found]:
    lines = [rule.hit_if] if rule.applies_if is None else [rule.hit_if, rule.applies_if]
    names = sorted({name for line in lines for name in names_in(line)})
    if len(names) > _MOST_NAMES:
        return
    outcomes = set()
    for values in product((Truth.TRUE, Truth.FALSE), repeat=len(names)):
        verdicts = {name: Verdict(value) for name, value in zip(names, values, strict=True)}
        if rule.applies_if is None or _true(rule.applies_if, verdicts):
            outcomes.add(_true(rule.hit_if, verdicts))
    if outcomes <= {False}:
        yield (
            "error",
            "never-hits",
            "无论条件如何都不会命中。",
            "检查 hit_if 与 applies_if 是否互相矛盾。",
            0,
        )
    elif outcomes == {True}:
        yield "warning", "always-hits", "只要适用就一定命中。", "检查 hit_if 是否少写了 not。", 0


def _true(line: Line, verdicts: Mapping[str, Verdict]) -> bool:
    return judge_line(line, verdicts).truth is Truth.TRUE


def _suggest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"，是否想写 {near[0]}" if near else ""
