"""Linter of rule sets: what a document may say and should not, each with line and fix."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

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
from qa_rules.linting.conditions import (
    condition_problems,
    suggest,
    test_problems,
    text_problems,
)
from qa_rules.linting.possibility import exclusive
from qa_rules.linting.scorecards import lint_scorecards
from qa_rules.model import Condition, Rule, RuleSet
from qa_rules.scoring.scorecard import Scorecard
from qa_rules.verdicts.judging import judge_line
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.verdict import Verdict

_MOST_NAMES = 10  # 2 ** 10 assignments are checked at once; longer lines are left alone.


_STOPS = frozenset(
    ("bad-regex", "bad-keyword", "undefined-condition", "circular-condition", "unknown-rule",
     "unknown-act")
)  # fmt: skip
_OF_A_RULE = re.compile(r"^规则 [^：]*：")
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
    compilers = _Compilers(ruleset.rules)
    if not ruleset.rules:
        issues.append(
            LintIssue(
                "warning", "no-rules", "规则集里一条规则也没有。", "在 rules 里至少写一条。",
                source, 1, 1,
            )
        )  # fmt: skip
    issues += _duplicates(ruleset, source)
    issues += lint_scorecards(ruleset, source)
    categories = {category.name for category in ruleset.categories}
    for rule in ruleset.rules:
        where = rule.source or source
        if rule.category not in categories:
            near = suggest(rule.category, categories)
            line, column = rule.place("category")
            issues.append(
                LintIssue(
                    "error",
                    "unknown-category",
                    f"规则 {rule.id} 的类别 {rule.category} 没有声明。",
                    f"在 categories 里声明它{near}。",
                    where,
                    line,
                    column,
                )
            )
        for severity, code, message, fix, part in _rule_issues(
            rule, ruleset.scorecards, compilers, node_paths
        ):
            text = f"规则 {rule.id}：{message}"
            issues.append(LintIssue(severity, code, text, fix, where, *rule.place(part)))
    return tuple(issues)


def require_runnable(ruleset: RuleSet) -> None:
    """Refuses a rule set that cannot be run, whatever else the linter may say of it.

    Raises:
        AppError: `bad-rules` with source, line and column of the first problem.
    """
    for issue in lint_ruleset(ruleset, ()):
        if issue.code in _STOPS:
            raise AppError(
                "bad-rules",
                f"{issue.source}:{issue.line}:{issue.column}: {issue.message} {issue.fix}",
                detail={"source": issue.source, "line": issue.line, "column": issue.column},
            )


_Found = tuple[Severity, str, str, str, str]
"""Severity, code, message, fix, and the part of the rule that is wrong."""


class _Compilers:
    """One compiler for all rules, and another one after each mistake."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._compiler = Compiler(rules)

    def mistake(self, rule: Rule) -> AppError | None:
        """Why the rule cannot be compiled."""
        try:
            self._compiler.add(rule)
        except AppError as error:
            self._compiler = Compiler(self._rules)
            return error
        return None


def _rule_issues(
    rule: Rule,
    cards: Sequence[Scorecard],
    compilers: _Compilers,
    node_paths: Collection[str],
) -> Iterator[_Found]:
    yield from _names(rule, compilers)
    for severity, code, message, fix in test_problems(rule.applies):
        yield severity, code, f"applies {message}", fix, "applies"
    for name, condition in rule.conditions.items():
        for severity, code, message, fix in condition_problems(condition, node_paths):
            yield severity, code, f"条件 {name} {message}", fix, f"conditions.{name}"
    yield from _examples(rule)
    yield from _reachable(rule)
    if rule.severity in ("major", "critical") and not any(_counts(rule, card) for card in cards):
        yield (
            "warning",
            "no-effect",
            f"严重度是 {rule.severity}，命中却不影响得分。",
            "写上 score 或 veto，或在评分卡里写 severity_points，或把 severity 降为 info。",
            "severity",
        )


def _counts(rule: Rule, card: Scorecard) -> bool:
    """Whether a hit of the rule may change a score on the card."""
    zeroing = {one for section in card.sections for one in section.zero_if}
    vetoes = bool(rule.veto or rule.veto_if or rule.id in card.veto)
    return bool(card.points_of(rule)) or vetoes or rule.id in zeroing


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
                *rule.place("id"),
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
                *rule.place("id"),
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


def _names(rule: Rule, compilers: _Compilers) -> Iterator[_Found]:
    used = {name for line in rule.lines for name in names_in(line)}
    referred = {name for c in rule.conditions.values() for name in references(c)}
    for name in sorted((used | referred) - set(rule.conditions)):
        near = suggest(name, rule.conditions)
        yield (
            "error",
            "undefined-condition",
            f"用到的条件 {name} 没有定义。",
            f"在 conditions 里定义它{near}。",
            _use_of(name, rule),
        )
    placed = {name for c in rule.conditions.values() for name in placed_references(c)}
    for name in sorted(placed & set(rule.conditions)):
        yield from _placeless(name, rule.conditions[name])
    for name in rule.conditions:
        if name not in used | referred:
            yield (
                "warning",
                "unused-condition",
                f"条件 {name} 没有被用到。",
                "在 hit_if 里用上它，或删去。",
                f"conditions.{name}",
            )
    if used | referred <= set(rule.conditions) and not _invalid_text(rule):
        mistake = compilers.mistake(rule)
        if mistake is not None:
            unknown = "不在规则集里" in mistake.message
            code = "unknown-rule" if unknown else "circular-condition"
            fix = "改正 rule 后面的编号。" if unknown else "让引用只朝一个方向。"
            # The rule itself is named before every message; the circle names the others.
            message = _OF_A_RULE.sub("", mistake.message)
            yield "error", code, message, fix, _reference_of(rule)


def _use_of(name: str, rule: Rule) -> str:
    """The part of a rule that uses a name."""
    for part, line in (
        ("hit_if", rule.hit_if),
        ("applies_if", rule.applies_if),
        ("veto_if", rule.veto_if),
    ):
        if line is not None and name in names_in(line):
            return part
    return next(f"conditions.{own}" for own, c in rule.conditions.items() if name in references(c))


def _reference_of(rule: Rule) -> str:
    """The first condition that refers to something, which a circle or a lost rule begins with."""
    for name, condition in rule.conditions.items():
        if isinstance(condition, RuleCondition) or references(condition):
            return f"conditions.{name}"
    return ""


def _placeless(name: str, condition: Condition) -> Iterator[_Found]:
    """Complaints about a condition that others refer to although it has no place in a call."""
    whole = isinstance(condition, SpeechRateCondition) and condition.of == "call"
    if whole or isinstance(condition, _PLACELESS):
        yield (
            "error",
            "no-position",
            f"条件 {name} 说的是整通电话，没有先后位置。",
            "先后、次数、流程与锚点只能引用说了什么、事件、静音或抢话。",
            f"conditions.{name}",
        )
    if getattr(condition, "mode", "") == "none" or getattr(condition, "negated", False):
        yield (
            "error",
            "unreachable-condition",
            f"条件 {name} 说的是“没有”，没有位置，引用它的条件不可能成立。",
            "引用“有”的条件，再用 not 或 not_within。",
            f"conditions.{name}",
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
                "examples",
            )


def _reachable(rule: Rule) -> Iterator[_Found]:
    if len({name for line in rule.lines for name in names_in(line)}) > _MOST_NAMES:
        return
    outcomes, vetoes = set(), set()
    for verdicts in _possible(rule):
        if rule.applies_if is None or _true(rule.applies_if, verdicts):
            hits = _true(rule.hit_if, verdicts)
            outcomes.add(hits)
            if hits and rule.veto_if is not None:
                vetoes.add(_true(rule.veto_if, verdicts))
    if vetoes == {False}:
        yield (
            "warning",
            "never-vetoes",
            "命中时 veto_if 不可能成立，不会否决。",
            "检查 veto_if 是否与 hit_if 矛盾。",
            "veto_if",
        )
    if outcomes <= {False}:
        yield (
            "error",
            "never-hits",
            "无论条件如何都不会命中。",
            "检查 hit_if 与 applies_if 是否互相矛盾。",
            "hit_if",
        )
    elif outcomes == {True}:
        fix = "检查 hit_if 是否少写了 not。"
        yield "warning", "always-hits", "只要适用就一定命中。", fix, "hit_if"


def _possible(rule: Rule) -> Iterator[dict[str, Verdict]]:
    """Every way in which a call can make the conditions of the rule's lines true and false.

    Conditions that ask the same are true together; of two that exclude each other one is false.
    """
    names = sorted({name for line in rule.lines for name in names_in(line)})
    bare = {name: _sorted(rule.conditions[name]) for name in names if name in rule.conditions}
    pairs = list(combinations(bare, 2))
    same = [(a, b) for a, b in pairs if bare[a] == bare[b]]
    apart = [(a, b) for a, b in pairs if exclusive(bare[a], bare[b])]
    for values in product((Truth.TRUE, Truth.FALSE), repeat=len(names)):
        truths = dict(zip(names, values, strict=True))
        if any(truths[a] is not truths[b] for a, b in same):
            continue
        if any(truths[a] is truths[b] is Truth.TRUE for a, b in apart):
            continue
        yield {name: Verdict(truth) for name, truth in truths.items()}


def _true(line: Line, verdicts: Mapping[str, Verdict]) -> bool:
    return judge_line(line, verdicts).truth is Truth.TRUE
