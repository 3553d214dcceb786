"""RuleEvaluator: a rule set compiled once, run on calls; one finding for each rule."""

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter

from nlp.encoders.base import SentenceEncoder
from qa_rules.conditions.searches import SemanticCondition
from qa_rules.documents.rule_sets import resolve
from qa_rules.evaluation.compilation import Compiled, Compiler, Operator
from qa_rules.evaluation.waking import CODES, Waking
from qa_rules.facts.acts import listener
from qa_rules.facts.call import CallView
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.meaning import MeaningModel
from qa_rules.findings import Finding, Outcome
from qa_rules.model import RuleSet
from qa_rules.operators.conversation import Named
from qa_rules.operators.searching import SearchOperator
from qa_rules.verdicts.judging import CLEAR, NO_OCCASION, judge_rule, vetoes
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.verdict import Verdict

_MOST_KNOWN = 1024
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
        compiler = Compiler(self.ruleset.rules)
        self._rules = tuple(compiler.add(rule) for rule in self.ruleset.rules)
        self._operators = tuple(compiler.operators)
        self._waking = Waking(self._operators)
        self._judged = [_Judged(compiled) for compiled in self._rules]
        # Conditions that only relations look at are run when those need them.
        self._stating: dict[int, list[int]] = {}
        for at, compiled in enumerate(self._rules):
            for slot in compiled.stated:
                self._stating.setdefault(slot, []).append(at)
        self._resting: list[Finding | None] = [None] * len(self._rules)

    def evaluate(self, call: CallView) -> tuple[Finding, ...]:
        """One finding for each rule, in rule order."""
        facts = CallFacts(call, self._waking.scanner, self._meaning, self._acts)
        awake = self._waking.awake(facts)
        verdicts = _Verdicts(self._operators, facts, awake)
        truths = list(self._waking.quiet)
        findings = self._resting.copy()
        for slot in self._stating.keys() & awake:
            truth = CODES[verdicts[slot].truth.name]
            if truth != truths[slot]:
                truths[slot] = truth
                for at in self._stating[slot]:
                    findings[at] = None
        return tuple(
            [
                self._found(at, truths, facts, verdicts) if finding is None else finding
                for at, finding in enumerate(findings)
            ]
        )

    def _found(
        self, at: int, truths: Sequence[int], facts: CallFacts, verdicts: Mapping[int, Verdict]
    ) -> Finding:
        judged = self._judged[at]
        key = judged.key(truths)
        known = judged.known.get(key)
        if known is not None:
            return known
        finding = self._judge(judged, key, facts, verdicts)
        if key in judged.known and key == judged.key(self._waking.quiet):
            self._resting[at] = finding
        return finding

    def _judge(
        self, judged: "_Judged", key: object, facts: CallFacts, verdicts: Mapping[int, Verdict]
    ) -> Finding:
        finding = self._finding(judged.compiled, facts, verdicts)
        plain = finding.reason in (CLEAR, NO_OCCASION) and not judged.compiled.rule.applies
        if plain and len(judged.known) < _MOST_KNOWN:
            judged.known[key] = finding
        return finding

    def _finding(
        self, compiled: Compiled, facts: CallFacts, verdicts: Mapping[int, Verdict]
    ) -> Finding:
        rule = compiled.rule
        named = Named(compiled.slots, verdicts)
        judgement = judge_rule(rule, facts, named)
        hit = judgement.truth is Truth.TRUE
        return Finding(
            rule=rule.id,
            rule_name=rule.name,
            category=rule.category,
            severity=rule.severity,
            outcome=_OUTCOMES[judgement.truth],
            score_effect=rule.score if hit else 0.0,
            veto=hit and vetoes(rule, named),
            reason=judgement.reason,
            ruleset=self.ruleset.reference,
            evidence=judgement.evidence,
        )


class _Judged:
    """A rule, and its findings that rest on nothing but the truth of its conditions.

    `key` picks the truths of the rule's conditions out of those of all slots.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.key: Callable[[Sequence[int]], object] = itemgetter(*compiled.stated)
        self.known: dict[object, Finding] = {}


class _Verdicts(dict[int, Verdict]):
    """The verdicts of a call's conditions by slot, each worked out when it is first asked for.

    Searches that are not `awake` are not run: they would be in vain.
    """

    def __init__(
        self, operators: Sequence[Operator], facts: CallFacts, awake: Collection[int]
    ) -> None:
        super().__init__()
        self._operators = operators
        self._facts = facts
        self._awake = awake

    def __missing__(self, slot: int) -> Verdict:
        operator = self._operators[slot]
        if slot not in self._awake and isinstance(operator, SearchOperator):
            verdict = operator.in_vain(self._facts, self)
        else:
            verdict = operator(self._facts, self)
        self[slot] = verdict
        return verdict


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
