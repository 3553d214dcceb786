"""RuleEvaluator: a rule set compiled once, run on calls; one finding for each rule."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from core.evidence import Evidence
from nlp.encoders.base import SentenceEncoder
from qa_rules.acts import listener
from qa_rules.call import CallView
from qa_rules.call_operators import judge_tests
from qa_rules.compilation import Compiled, Compiler, Operator, judge_line
from qa_rules.document import resolve
from qa_rules.facts import CallFacts
from qa_rules.findings import Finding, Outcome
from qa_rules.logic import Truth
from qa_rules.meaning import MeaningModel
from qa_rules.model import Rule, RuleSet
from qa_rules.searches import SemanticCondition
from qa_rules.verdict import Verdict, merge_evidence
from qa_rules.waking import CODES, Waking

_QUOTED = 2
_MOST_KNOWN = 1024
_CLEAR = "未发现"
_NO_OCCASION = "通话里没有出现规则适用的情形"
_OUTCOMES: Mapping[Truth, Outcome] = {
    Truth.TRUE: "hit",
    Truth.FALSE: "clear",
    Truth.UNDECIDABLE: "undecidable",
    Truth.NOT_APPLICABLE: "not_applicable",
}


class RuleEvaluator:
    """Judges calls by one rule set.

    Built once and used for many calls; safe to share between threads. A call is read once for
    all that the rules look for; only conditions that may hold somewhere in it are then run, and
    a rule whose conditions are as in an earlier call without a hit keeps that call's finding.
    Without an encoder, semantic and act conditions are undecidable; acts also with another encoder
    than their model's.

    Raises:
        AppError: `bad-rules` when a condition cannot be compiled (pattern, expression, name).
    """

    def __init__(self, ruleset: RuleSet, encoder: SentenceEncoder | None = None) -> None:
        self.ruleset = resolve(ruleset)
        self._meaning = _meaning(self.ruleset, encoder)
        self._acts = listener(self.ruleset, encoder)
        compiler = Compiler()
        self._rules = tuple(compiler.add(rule) for rule in self.ruleset.rules)
        self._operators = tuple(compiler.operators)
        self._waking = Waking(self._operators)
        self._judged = [_Judged(compiled) for compiled in self._rules]
        # Conditions that only relations look at are run when those need them.
        self._stated = {slot for compiled in self._rules for slot in compiled.stated}

    def evaluate(self, call: CallView) -> tuple[Finding, ...]:
        """One finding for each rule, in rule order."""
        facts = CallFacts(call, self._waking.scanner, self._meaning, self._acts)
        verdicts = _Verdicts(self._operators, facts)
        truths = list(self._waking.quiet)
        for slot in self._stated & self._waking.awake(facts):
            truths[slot] = CODES[verdicts[slot].truth.name]
        return tuple(
            [
                judged.known.get(judged.key(truths))
                or self._judge(judged, judged.key(truths), facts, verdicts)
                for judged in self._judged
            ]
        )

    def _judge(
        self, judged: "_Judged", key: object, facts: CallFacts, verdicts: Mapping[int, Verdict]
    ) -> Finding:
        finding = self._finding(judged.compiled, facts, verdicts)
        plain = finding.reason in (_CLEAR, _NO_OCCASION) and not judged.compiled.rule.applies
        if plain and len(judged.known) < _MOST_KNOWN:
            judged.known[key] = finding
        return finding

    def _finding(
        self, compiled: Compiled, facts: CallFacts, verdicts: Mapping[int, Verdict]
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
            veto=hit and _vetoes(rule, _Named(compiled.slots, verdicts)),
            reason=reason,
            ruleset=self.ruleset.reference,
            evidence=evidence,
        )

    def _outcome(
        self, compiled: Compiled, facts: CallFacts, verdicts: Mapping[int, Verdict]
    ) -> tuple[Outcome, str, tuple[Evidence, ...]]:
        rule = compiled.rule
        truth, _, gap = judge_tests(rule.applies, facts)
        if truth is not Truth.TRUE:
            return "not_applicable", gap.reason if gap else "通话不在规则的适用范围内", ()
        named = _Named(compiled.slots, verdicts)
        if rule.applies_if is not None:
            applies = judge_line(rule.applies_if, named)
            if applies.truth is Truth.FALSE:
                return "not_applicable", _NO_OCCASION, ()
            if applies.truth is not Truth.TRUE:
                return _OUTCOMES[applies.truth], _why(applies), ()
        verdict = judge_line(rule.hit_if, named)
        if verdict.truth is Truth.TRUE:
            evidence = merge_evidence(verdict.evidence)
            return "hit", _told(evidence), evidence
        if verdict.truth is Truth.FALSE:
            return "clear", _CLEAR, ()
        return _OUTCOMES[verdict.truth], _why(verdict), ()


class _Judged:
    """A rule, and its findings that rest on nothing but the truth of its conditions.

    `key` picks the truths of the rule's conditions out of those of all slots.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.key: Callable[[Sequence[int]], object] = itemgetter(*compiled.stated)
        self.known: dict[object, Finding] = {}


class _Verdicts(dict[int, Verdict]):
    """The verdicts of a call's conditions by slot, each worked out when it is first asked for."""

    def __init__(self, operators: Sequence[Operator], facts: CallFacts) -> None:
        super().__init__()
        self._operators = operators
        self._facts = facts

    def __missing__(self, slot: int) -> Verdict:
        verdict = self[slot] = self._operators[slot](self._facts, self)
        return verdict


class _Named(dict[str, Verdict]):
    """The verdicts of a rule's conditions by name, each looked up when it is first asked for."""

    def __init__(self, slots: Mapping[str, int], verdicts: Mapping[int, Verdict]) -> None:
        super().__init__()
        self._slots = slots
        self._verdicts = verdicts

    def __missing__(self, name: str) -> Verdict:
        return self._verdicts[self._slots[name]]


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


def _vetoes(rule: Rule, verdicts: Mapping[str, Verdict]) -> bool:
    """Whether a hit of the rule is a veto; what cannot be decided is none."""
    if rule.veto_if is None:
        return rule.veto
    return judge_line(rule.veto_if, verdicts).truth is Truth.TRUE


def _why(verdict: Verdict) -> str:
    return verdict.gap.reason if verdict.gap else "缺少判断所需的信息"


def _told(evidence: tuple[Evidence, ...]) -> str:
    parts = [
        item.text if item.utterance is None else f"第 {item.utterance + 1} 句“{item.text}”"
        for item in evidence[:_QUOTED]
    ]
    more = len(evidence) - _QUOTED
    return "；".join(parts) + (f"；另有 {more} 处" if more > 0 else "") or "条件成立"
