"""Linter of rule sets: what a document may say and should not, each with line and fix."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import product

from core.errors import AppError, LintIssue, Severity
from qa_rules.conditions.boolean import Line, names_in
from qa_rules.conditions.measures import (
    DurationCondition,
    MetadataCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.references import placed_references, references
from qa_rules.conditions.relations import RuleCondition
from qa_rules.conditions.searches import (
    EntityCondition,
    EventCondition,
    KeywordCondition,
    RegexCondition,
)
from qa_rules.evaluation.compilation import Compiler
from qa_rules.linting.conditions import condition_problems, suggest, text_problems
from qa_rules.linting.scorecards import lint_scorecards
from qa_rules.model import Condition, Rule, RuleSet
from qa_rules.verdicts.judging import judge_line
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.verdict import Verdict

_MOST_NAMES = 10  # 2 ** 10 assignments are checked at once; longer lines are left alone.


_PLACELESS = (
    TalkRatioCondition,
    DurationCondition,
    TurnsCondition,
    MetadataCondition,
    RuleCondition,
)


def lint_ruleset(
    ruleset: RuleSet, node_paths: Collection[str], source: str = ""
) -> tuple[LintIssue, ...]:
    """Issues of a resolved rule set, in rule order; empty when there is nothing to say.

    `node_paths` are all paths of the key-event tree in force, parents included; empty skips the
    check of event nodes. `source` names the document for rules that do not know theirs.
    """
    issues: list[LintIssue] = []
    issues += _duplicates(ruleset, source)
    issues += lint_scorecards(ruleset, source)
    categories = {category.name for category in ruleset.categories}
    for rule in ruleset.rules:
        where = rule.source or source
        if rule.category not in categories:
            near = suggest(rule.category, categories)
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
        for severity, code, message, fix, line in _rule_issues(rule, ruleset, node_paths):
            text = f"规则 {rule.id}：{message}"
            issues.append(LintIssue(severity, code, text, fix, where, line or rule.line, 1))
    return tuple(issues)


_Found = tuple[Severity, str, str, str, int]


def _rule_issues(rule: Rule, ruleset: RuleSet, node_paths: Collection[str]) -> Iterator[_Found]:
    yield from _names(rule, ruleset)
    for name, condition in rule.conditions.items():
        for severity, code, message, fix in condition_problems(condition, node_paths):
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
    seen: dict[object, str] = {}
    for rule, meaning in _meanings(ruleset):
        first = seen.setdefault(meaning, rule.id)
        if first != rule.id:
            yield LintIssue(
                "warning",
                "duplicate-rule",
                f"规则 {rule.id} 与 {first} 的判断完全相同。",
                "删去其中一条，否则会重复扣分。",
                rule.source or source,
                rule.line,
                1,
            )


def _meanings(ruleset: RuleSet) -> Iterator[tuple[Rule, object]]:
    """Each rule that can be compiled, with a value that rules of the same meaning share.

    Names, labels and the way in which a boolean line is written make no difference: conditions
    count by what they look for, lines by their truth table.
    """
    plain = [_unlabelled(rule) for rule in ruleset.rules]
    compiler = Compiler(plain)
    for rule, bare in zip(ruleset.rules, plain, strict=True):
        if any(True for c in rule.conditions.values() for _ in text_problems(c)):
            continue
        try:
            compiled = compiler.add(bare)
        except AppError:
            continue
        slots = tuple(sorted(set(compiled.stated)))
        if len(slots) > _MOST_NAMES:
            continue
        yield rule, (frozenset(rule.applies), slots, _table(bare, compiled.slots, slots))


def _table(rule: Rule, named: Mapping[str, int], slots: tuple[int, ...]) -> tuple[object, ...]:
    rows = []
    for values in product((Truth.TRUE, Truth.FALSE), repeat=len(slots)):
        by_slot = dict(zip(slots, values, strict=True))
        verdicts = {n: Verdict(by_slot[slot]) for n, slot in named.items() if slot in by_slot}
        applies = rule.applies_if is None or _true(rule.applies_if, verdicts)
        rows.append((applies, applies and _true(rule.hit_if, verdicts)))
    return tuple(rows)


def _unlabelled(rule: Rule) -> Rule:
    bare = {name: _sorted(condition) for name, condition in rule.conditions.items()}
    return replace(rule, conditions=bare, veto_if=None)


def _sorted(condition: Condition) -> Condition:
    """The condition with the same label as any other, and its entries in one order."""
    condition = replace(condition, label="条件")
    match condition:
        case KeywordCondition(words=words):
            return replace(condition, words=tuple(sorted(words)))
        case RegexCondition(patterns=patterns):
            return replace(condition, patterns=tuple(sorted(patterns)))
        case EventCondition(nodes=nodes):
            return replace(condition, nodes=tuple(sorted(nodes)))
        case EntityCondition(kinds=kinds):
            return replace(condition, kinds=tuple(sorted(kinds)))
        case _:
            return condition


def _names(rule: Rule, ruleset: RuleSet) -> Iterator[_Found]:
    used = set(names_in(rule.hit_if))
    for line in (rule.applies_if, rule.veto_if):
        used |= set(names_in(line)) if line is not None else set()
    referred = {name for c in rule.conditions.values() for name in references(c)}
    for name in sorted((used | referred) - set(rule.conditions)):
        near = suggest(name, rule.conditions)
        yield (
            "error",
            "undefined-condition",
            f"用到的条件 {name} 没有定义。",
            f"在 conditions 里定义它{near}。",
            0,
        )
    placed = {name for c in rule.conditions.values() for name in placed_references(c)}
    for name in sorted(placed & set(rule.conditions)):
        yield from _placeless(name, rule.conditions[name])
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
            Compiler(ruleset.rules).add(rule)
        except AppError as error:
            code = "unknown-rule" if "不在规则集里" in error.message else "circular-condition"
            fix = "改正 rule 后面的编号。" if code == "unknown-rule" else "让引用只朝一个方向。"
            yield "error", code, error.message, fix, 0


def _placeless(name: str, condition: Condition) -> Iterator[_Found]:
    """Complaints about a condition that others refer to although it has no place in a call."""
    whole = isinstance(condition, SpeechRateCondition) and condition.of == "call"
    if whole or isinstance(condition, _PLACELESS):
        yield (
            "error",
            "no-position",
            f"条件 {name} 说的是整通电话，没有先后位置。",
            "先后、次数、流程与锚点只能引用说了什么、事件、静音或抢话。",
            condition.line,
        )
    if getattr(condition, "mode", "") == "none" or getattr(condition, "negated", False):
        yield (
            "error",
            "unreachable-condition",
            f"条件 {name} 说的是“没有”，没有位置，引用它的条件不可能成立。",
            "引用“有”的条件，再用 not 或 not_within。",
            condition.line,
        )


def _invalid_text(rule: Rule) -> bool:
    return any(True for condition in rule.conditions.values() for _ in text_problems(condition))


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
