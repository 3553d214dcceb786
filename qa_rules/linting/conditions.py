"""Linter of single conditions: patterns, ranges, bounds, names of events and acts."""

import difflib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

from core.errors import AppError, Severity
from events.acts.labels import LABELS, act_role
from events.acts.model import ActModel
from qa_rules.conditions.measures import (
    Bounds,
    InterruptionCondition,
    MetadataCondition,
    MetadataTest,
    SilenceCondition,
)
from qa_rules.conditions.relations import TimesCondition
from qa_rules.conditions.scope import Range, Scope
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    SemanticCondition,
    VolumeCondition,
)
from qa_rules.facts.acts import unknown_act
from qa_rules.facts.keywords import Keywords
from qa_rules.facts.patterns import pattern as compiled_pattern
from qa_rules.linting.possibility import impossible
from qa_rules.linting.regex_risk import backtracks
from qa_rules.model import Condition

Problem = tuple[Severity, str, str, str]
_LONGEST_SHOWN = 60


def condition_problems(condition: Condition, node_paths: Collection[str]) -> Iterator[Problem]:
    """What is wrong with a condition by itself: severity, code, message and fix of each."""
    yield from text_problems(condition)
    scope = getattr(condition, "scope", None)
    if isinstance(scope, Scope):
        yield from _ranges(scope.ranges)
    if isinstance(condition, SilenceCondition | InterruptionCondition):
        yield from _ranges(condition.ranges)
    bounds = getattr(condition, "bounds", None)
    if isinstance(bounds, Bounds):
        yield from _bounds(bounds)
    if isinstance(condition, EntityCondition | VolumeCondition):
        yield from _bounds(Bounds(above=condition.above, below=condition.below))
    for why in impossible(condition):
        yield (
            "error",
            "unreachable-condition",
            f"不可能成立：{why}。",
            "改正它的界限或用词，使它有可能成立。",
        )
    yield from _repeated(condition)
    if isinstance(condition, MetadataCondition):
        yield from test_problems(condition.tests)
    if isinstance(condition, TimesCondition):
        yield from _times(condition)
    if isinstance(condition, EntityCondition):
        yield from _values(condition)
    if isinstance(condition, EventCondition):
        yield from _nodes(condition, node_paths)
    if act := unknown_act(condition):
        yield _unknown_act("act" if isinstance(condition, ActCondition) else "plausible", act)
    elif isinstance(condition, ActCondition):
        yield from _act(condition)


def text_problems(condition: Condition) -> Iterator[Problem]:
    """What is wrong with the expressions and patterns of a condition."""
    if isinstance(condition, RegexCondition):
        for pattern in condition.patterns:
            yield from _pattern(pattern)
    if isinstance(condition, KeywordCondition):
        for word in condition.words:
            yield from _keyword(word)
    if isinstance(
        condition, KeywordCondition | RegexCondition | SemanticCondition | RepetitionCondition
    ):
        for word in condition.unless:
            yield from _keyword(word)


def _pattern(pattern: str) -> Iterator[Problem]:
    try:
        empty = compiled_pattern(pattern).matches_empty
    except AppError as error:
        message = error.message.replace(pattern, _shortened(pattern))
        yield "error", "bad-regex", message, "改写这条正则，或换成关键词。"
        return
    if backtracks(pattern):
        yield (
            "error",
            "backtracking-regex",
            f"的正则“{_shortened(pattern)}”里有一处重复能用两种方式读同一段文字，别处的正则引擎会跑不完。",
            "去掉里层或外层的 + 或 *，或改写重复里的分支，使它们不能读到同样的字。",
        )
    if empty:
        yield (
            "warning",
            "empty-match",
            f"的正则“{_shortened(pattern)}”什么都没有也能匹配。",
            "去掉使它可以为空的 * 或 ?。",
        )


def test_problems(tests: Sequence[MetadataTest]) -> Iterator[Problem]:
    """What is wrong with the patterns of tests on metadata."""
    for test in tests:
        if test.comparator == "matches":
            yield from _pattern(str(test.values[0]))


def _repeated(condition: Condition) -> Iterator[Problem]:
    """Entries that stand twice in a list, where each of them counts."""
    for field in ("words", "patterns", "nodes", "kinds", "examples"):
        entries = Counter(getattr(condition, field, ()))
        for entry, times in entries.items():
            if times > 1:
                counts = getattr(condition, "mode", "") == "at_least"
                yield (
                    "error" if counts else "warning",
                    "repeated-entry",
                    f"把“{_shortened(entry)}”列了 {times} 次"
                    + ("，at_least 会各算一项。" if counts else "。"),
                    "只留一次。",
                )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _keyword(word: str) -> Iterator[Problem]:
    try:
        Keywords([word])
    except AppError as error:
        message = error.message.replace(word.strip(), _shortened(word.strip()))
        yield "error", "bad-keyword", message, "按 & | ! near/n 与括号的写法改正。"


def _ranges(ranges: tuple[Range, ...]) -> Iterator[Problem]:
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


def _bounds(bounds: Bounds) -> Iterator[Problem]:
    above, below = bounds.above, bounds.below
    if above is not None and below is not None and above >= below:
        yield (
            "error",
            "contradictory-range",
            f"要求大于 {above:g} 又小于 {below:g}，不可能成立。",
            "让 above 小于 below。",
        )


def _times(condition: TimesCondition) -> Iterator[Problem]:
    low, high = condition.at_least, condition.at_most
    if low is not None and high is not None and low > high:
        yield (
            "error",
            "contradictory-range",
            f"要求至少 {low} 次又至多 {high} 次，不可能成立。",
            "让 at_least 不大于 at_most。",
        )


def _values(condition: EntityCondition) -> Iterator[Problem]:
    valued = ("amount", "percent", "duration")
    without = [kind for kind in condition.kinds if kind not in valued]
    if without and (condition.above is not None or condition.below is not None):
        yield (
            "error",
            "unreachable-condition",
            f"给 {'、'.join(without)} 写了数值范围，而它没有数值，不可能成立。",
            f"只对 {'、'.join(valued)} 写 above 与 below。",
        )


def _nodes(condition: EventCondition, node_paths: Collection[str]) -> Iterator[Problem]:
    for node in condition.nodes:
        if node_paths and node not in node_paths:
            yield (
                "error",
                "unknown-event",
                f"引用的事件 {node} 不在关键事件树里。",
                f"改成树里的路径{suggest(node, node_paths)}。",
            )
        customers = node == "客户" or node.startswith("客户/")
        if condition.scope.role == ("agent" if customers else "customer"):
            yield (
                "error",
                "role-mismatch",
                f"只看 {condition.scope.role}，而 {node} 是另一方的事件。",
                "改正 role，或删去它。",
            )


def _unknown_act(entry: str, act: str) -> Problem:
    return (
        "error",
        "unknown-act",
        f"的 {entry} 写的是 {act}，没有这个内置事件或违规。",
        f"改成内置的名字{suggest(act, LABELS)}。",
    )


def _act(condition: ActCondition) -> Iterator[Problem]:
    act, least = condition.act, condition.at_least
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


def suggest(word: str, known: Collection[str]) -> str:
    """`，是否想写 X` with the closest known word; empty without one."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"，是否想写 {near[0]}" if near else ""
