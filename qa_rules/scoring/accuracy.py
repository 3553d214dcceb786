"""Measured accuracy of rules, and what it means for the score: a rule too often wrong only flags.

The figures come from the accuracy ledger as one frozen value with a reference, so that a score
made with them can be repeated later.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qa_rules.documents.dumping import dump_ruleset
from qa_rules.findings import Finding
from qa_rules.model import Rule, RuleSet

# So many verdicts speak for themselves; with fewer, the interval has to lie below the minimum.
ENOUGH_VERDICTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionFigure:
    """The precision of one rule in [0, 1], with its 95 % interval and the verdicts behind it."""

    rule: str
    judged: int
    precision: float
    low: float
    high: float

    @property
    def enough(self) -> bool:
        """Whether the estimate itself may be gone by, not only its interval."""
        return self.judged >= ENOUGH_VERDICTS

    def below(self, minimum: float) -> bool:
        """Whether the rule is known to be less precise than `minimum`."""
        return self.high < minimum or (self.enough and self.precision < minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAccuracies:
    """Frozen figures: `reference` names them (`accuracy@3`), empty for none at all.

    `figures` maps `rule_fingerprint` to the figure: what was measured of a rule holds while the
    rule looks for the same thing, whatever version of the rule set it stands in.
    """

    reference: str = ""
    figures: Mapping[str, PrecisionFigure] = field(default_factory=dict)


NOTHING_MEASURED = RuleAccuracies()
"""No figures: every rule counts as its document says."""


def rule_fingerprint(rule: Rule) -> str:
    """16 hex digits that change exactly when what the rule looks for changes.

    Name, wording for people, severity, points, examples and the minimum itself do not enter.
    """
    bare = replace(
        rule, name=rule.id, category="", severity="info", reason="", regulation="", score=0.0,
        veto=False, veto_if=None, min_precision=None, must_fire=(), must_not_fire=(),
    )  # fmt: skip
    text = dump_ruleset(RuleSet(name="", version="", rules=(bare,)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class AccuracyGate:
    """Keeps rules of a rule set that are measured below their minimum from costing points."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._asking = {
            rule.id: (rule.min_precision, rule_fingerprint(rule))
            for rule in ruleset.rules
            if rule.min_precision is not None
        }

    def apply(
        self,
        findings: Sequence[Finding],
        accuracies: RuleAccuracies,
        costly: Collection[str] = (),
    ) -> tuple[Finding, ...]:
        """The findings; a hit of a rule below its minimum deducts nothing and says why.

        `costly` are rules that cost something even without points of their own. What is not
        changed stays the same object.
        """
        if not self._asking or not accuracies.figures:
            return tuple(findings)
        return tuple(self._gated(finding, accuracies, costly) for finding in findings)

    def _gated(
        self, finding: Finding, accuracies: RuleAccuracies, costly: Collection[str]
    ) -> Finding:
        costs = finding.score_effect < 0 or finding.veto or finding.rule in costly
        if finding.outcome != "hit" or not costs or finding.rule not in self._asking:
            return finding
        minimum, fingerprint = self._asking[finding.rule]
        figure = accuracies.figures.get(fingerprint)
        if figure is None or not figure.below(minimum):
            return finding
        note = (
            f"（只提示不扣分：人工复核 {figure.judged} 次，精确率 {figure.precision:.0%}，"
            f"低于要求的 {minimum:.0%}；{accuracies.reference}）"
        )
        return replace(finding, score_effect=0.0, veto=False, reason=finding.reason + note)
