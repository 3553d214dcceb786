"""RuleEvaluator: a rule set compiled once, run on calls; one finding for each rule."""

from collections.abc import Mapping, Sequence

from core.evidence import Evidence
from nlp.encoders.base import SentenceEncoder
from qa_rules.call import CallView
from qa_rules.call_operators import judge_tests
from qa_rules.compilation import Compiled, Compiler, judge_line
from qa_rules.document import resolve
from qa_rules.facts import CallFacts
from qa_rules.findings import Finding, Outcome
from qa_rules.logic import Truth
from qa_rules.meaning import MeaningModel
from qa_rules.model import RuleSet, SemanticCondition
from qa_rules.verdict import Verdict, merge_evidence

_QUOTED = 2
_OUTCOMES: Mapping[Truth, Outcome] = {
    Truth.TRUE: "hit",
    Truth.FALSE: "clear",
    Truth.UNDECIDABLE: "undecidable",
    Truth.NOT_APPLICABLE: "not_applicable",
}


class RuleEvaluator:
    """Judges calls by one rule set.

    Built once and used for many calls; holds no state between calls and is safe to share
    between threads. Without an encoder, semantic conditions are undecidable.

    Raises:
        AppError: `bad-rules` when a condition cannot be compiled (pattern, expression, name).
    """

    def __init__(self, ruleset: RuleSet, encoder: SentenceEncoder | None = None) -> None:
        self.ruleset = resolve(ruleset)
        compiler = Compiler(_meaning(self.ruleset, encoder))
        self._rules = tuple(compiler.add(rule) for rule in self.ruleset.rules)
        self._operators = compiler.operators

    def evaluate(self, call: CallView) -> tuple[Finding, ...]:
        """One finding for each rule, in rule order."""
        facts = CallFacts(call)
        verdicts: list[Verdict] = []
        for operator in self._operators:
            verdicts.append(operator(facts, verdicts))
        return tuple(self._finding(compiled, facts, verdicts) for compiled in self._rules)

    def _finding(
        self, compiled: Compiled, facts: CallFacts, verdicts: Sequence[Verdict]
    ) -> Finding:
        rule = compiled.rule
        outcome, reason, evidence = self._outcome(compiled, facts, verdicts)
        hit = outcome == "hit"
        return Finding(
            rule=rule.id,
            rule_name=rule.name,
            category=rule.category,
            severity=rule.severity,
            outcome=outcome,
            score_effect=rule.score if hit else 0.0,
            veto=rule.veto and hit,
            reason=reason,
            ruleset=self.ruleset.reference,
            evidence=evidence,
        )

    def _outcome(
        self, compiled: Compiled, facts: CallFacts, verdicts: Sequence[Verdict]
    ) -> tuple[Outcome, str, tuple[Evidence, ...]]:
        rule = compiled.rule
        truth, _, gap = judge_tests(rule.applies, facts)
        if truth is not Truth.TRUE:
            return "not_applicable", gap.reason if gap else "通话不在规则的适用范围内", ()
        named = {name: verdicts[slot] for name, slot in compiled.slots.items()}
        if rule.applies_if is not None:
            applies = judge_line(rule.applies_if, named)
            if applies.truth is Truth.FALSE:
                return "not_applicable", "通话里没有出现规则适用的情形", ()
            if applies.truth is not Truth.TRUE:
                return _OUTCOMES[applies.truth], _why(applies), ()
        verdict = judge_line(rule.hit_if, named)
        if verdict.truth is Truth.TRUE:
            evidence = merge_evidence(verdict.evidence)
            return "hit", _told(evidence), evidence
        if verdict.truth is Truth.FALSE:
            return "clear", "未发现", ()
        return _OUTCOMES[verdict.truth], _why(verdict), ()


def _meaning(ruleset: RuleSet, encoder: SentenceEncoder | None) -> MeaningModel | None:
    conditions = [
        condition
        for rule in ruleset.rules
        for condition in rule.conditions.values()
        if isinstance(condition, SemanticCondition)
    ]
    if encoder is None or not conditions:
        return None
    return MeaningModel(conditions, ruleset.background, encoder)


def _why(verdict: Verdict) -> str:
    return verdict.gap.reason if verdict.gap else "缺少判断所需的信息"


def _told(evidence: tuple[Evidence, ...]) -> str:
    parts = [
        item.text if item.utterance is None else f"第 {item.utterance + 1} 句“{item.text}”"
        for item in evidence[:_QUOTED]
    ]
    more = len(evidence) - _QUOTED
    return "；".join(parts) + (f"；另有 {more} 处" if more > 0 else "") or "条件成立"
