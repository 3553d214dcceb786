"""RuleEvaluator: a rule set compiled once, run on calls; one finding for each rule."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nlp.encoders.base import SentenceEncoder
from qa_rules.conditions.searches import SemanticCondition
from qa_rules.documents.rule_sets import resolve
from qa_rules.evaluation.compilation import Compiled, Compiler, Operator
from qa_rules.evaluation.waking import Waking
from qa_rules.facts.acts import listener
from qa_rules.facts.call import CallView
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.meaning import MeaningModel
from qa_rules.findings import Finding, Outcome
from qa_rules.model import RuleSet
from qa_rules.operators.relations import RelationOperator
from qa_rules.operators.searching import SearchOperator
from qa_rules.verdicts.judging import Judgement, RuleJudge
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.verdict import Verdict

_MOST_KNOWN = 64
_MOST_STANDING = 256
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
    only for rules that depend on them. Findings without evidence are made once and shared.
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
        compiled = [compiler.add(rule) for rule in self.ruleset.rules]
        self._operators = tuple(compiler.operators)
        self._rules = [_JudgedRule(one, self.ruleset.reference) for one in compiled]
        # Conditions that only relations look at are run when those need them.
        self._stating: dict[int, list[int]] = {}
        for at, one in enumerate(compiled):
            for slot in one.stated:
                self._stating.setdefault(slot, []).append(at)
        leading = {slot for one in compiled for slot in one.leading}
        self._waking = Waking(self._operators, leading)
        self._quiet = dict(enumerate(self._waking.quiet))
        self._standing: dict[tuple[Truth, ...], _Standing] = {}

    def evaluate(self, call: CallView) -> tuple[Finding, ...]:
        """One finding for each rule, in rule order."""
        facts = CallFacts(call, self._waking.scanner, self._meaning, self._acts)
        awake = self._waking.awake(facts)
        verdicts = _Verdicts(self._operators, facts, awake, self._quiet)
        standing = self._stands(verdicts)
        touched = set(standing.restless)
        woken = awake.difference(self._waking.measures)
        touched.update(*[self._stating[slot] for slot in woken if slot in self._stating])
        findings = standing.findings.copy()
        for at in touched:
            rule = self._rules[at]
            findings[at] = rule.finding(rule.judge.judge(facts, verdicts))
        return tuple([finding for finding in findings if finding is not None])

    def _stands(self, verdicts: "_Verdicts") -> "_Standing":
        """The findings where nothing but the measures of the call speaks for or against a rule."""
        measures = self._waking.measures
        key = tuple([verdicts.truths[slot] for slot in measures])
        known = self._standing.get(key)
        if known is None:
            truths = {**self._quiet, **dict(zip(measures, key, strict=True))}
            findings = [rule.resting(truths) for rule in self._rules]
            restless = tuple(at for at, finding in enumerate(findings) if finding is None)
            known = _Standing(findings, restless)
            if len(self._standing) < _MOST_STANDING:
                self._standing[key] = known
        return known


@dataclass(frozen=True, slots=True)
class _Standing:
    """The findings of calls whose measures are alike and in which nothing else wakes a condition.

    `restless` are the rules that have none, because they hit, or look at the call's metadata.
    """

    findings: list[Finding | None]
    restless: tuple[int, ...]


class _JudgedRule:
    """A rule, and its findings that quote nothing of a call."""

    def __init__(self, compiled: Compiled, reference: str) -> None:
        self._rule = compiled.rule
        self._reference = reference
        self.judge = RuleJudge(compiled.rule, compiled.slots)
        self._known: dict[tuple[Outcome, str], Finding] = {}

    def resting(self, quiet: Mapping[int, Truth]) -> Finding | None:
        """The finding of calls in which nothing wakes a condition, where all have the same."""
        judgement = self.judge.resting(quiet)
        return None if judgement is None else self.finding(judgement)

    def finding(self, judgement: Judgement) -> Finding:
        """What the judgement of a call says, as it is reported."""
        outcome = _OUTCOMES[judgement.truth]
        if outcome == "hit":
            return self._made(judgement, outcome)
        key = outcome, judgement.reason
        known = self._known.get(key)
        if known is None:
            known = self._made(judgement, outcome)
            if len(self._known) < _MOST_KNOWN:
                self._known[key] = known
        return known

    def _made(self, judgement: Judgement, outcome: Outcome) -> Finding:
        rule = self._rule
        return Finding(
            rule=rule.id,
            rule_name=rule.name,
            category=rule.category,
            severity=rule.severity,
            outcome=outcome,
            score_effect=rule.score if outcome == "hit" else 0.0,
            veto=judgement.veto,
            reason=judgement.reason,
            ruleset=self._reference,
            evidence=judgement.evidence,
        )


class _Verdicts(dict[int, Verdict]):
    """The verdicts of a call's conditions by slot, each worked out when it is first asked for.

    Searches that are not `awake` are not run: they would be in vain.
    """

    def __init__(
        self,
        operators: Sequence[Operator],
        facts: CallFacts,
        awake: Collection[int],
        quiet: Mapping[int, Truth],
    ) -> None:
        super().__init__()
        self._operators = operators
        self._facts = facts
        self._awake = awake
        self.truths: Mapping[int, Truth] = _Truths(self, quiet, awake)

    def __missing__(self, slot: int) -> Verdict:
        operator = self._operators[slot]
        if slot not in self._awake and isinstance(operator, SearchOperator):
            verdict = operator.in_vain(self._facts, self)
        else:
            verdict = operator(self._facts, self)
        self[slot] = verdict
        return verdict

    def near(self, slot: int, places: int) -> Verdict:
        """A verdict whose occurrences and gap are right as far as they lie in some utterances."""
        operator = self._operators[slot]
        if slot in self or slot not in self._awake or not isinstance(operator, SearchOperator):
            return self[slot]
        verdict = operator.among(self._facts, places)
        return self[slot] if verdict is None else verdict

    def truth(self, slot: int) -> Truth:
        """The truth of a condition that is awake."""
        operator = self._operators[slot]
        if isinstance(operator, SearchOperator | RelationOperator) and slot not in self:
            return operator.truth(self._facts, self, slot)
        return self[slot].truth


class _Truths(dict[int, Truth]):
    """The truths of a call's conditions by slot; that of a sleeping one takes no verdict."""

    def __init__(
        self, verdicts: _Verdicts, quiet: Mapping[int, Truth], awake: Collection[int]
    ) -> None:
        super().__init__(quiet)
        self._verdicts = verdicts
        for slot in awake:
            del self[slot]

    def __missing__(self, slot: int) -> Truth:
        truth = self[slot] = self._verdicts.truth(slot)
        return truth


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
