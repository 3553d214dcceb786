"""Findings as people judged them, for the human score beside the machine's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.evidence import Evidence
from qa_rules.findings import Finding, FindingEvidence
from qa_rules.model import Rule, RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanVerdict:
    """What a person decided about one rule on one call; `evidence` is theirs for an added hit."""

    outcome: Literal["hit", "clear"]
    evidence: tuple[Evidence, ...] = ()


def judged_findings(
    findings: Sequence[Finding], verdicts: Mapping[str, HumanVerdict], ruleset: RuleSet
) -> tuple[Finding, ...]:
    """The findings with human verdicts in place of the machine's, in the same order.

    `verdicts` maps rule ids. A hit that a person takes back is clear and costs nothing. A hit that
    a person adds, and one that the machine only flagged because its rule is not accurate enough,
    costs what the rule says: a person vouches for it. Where a rule vetoes only part of its hits,
    an added hit does not veto. The given findings are not changed.
    """
    rules = {rule.id: rule for rule in ruleset.rules}
    return tuple(
        _judged(finding, verdicts[finding.rule], rules.get(finding.rule))
        if finding.rule in verdicts
        else finding
        for finding in findings
    )


def _judged(finding: Finding, verdict: HumanVerdict, rule: Rule | None) -> Finding:
    if verdict.outcome == "clear":
        return replace(
            finding, outcome="clear", score_effect=0.0, veto=False, reason="人工复核：未违反",
            evidence=(),
        )  # fmt: skip
    plain_veto = rule is not None and rule.veto and rule.veto_if is None
    effect = rule.score if rule is not None else finding.score_effect
    if finding.outcome == "hit":
        return replace(finding, score_effect=effect, veto=finding.veto or plain_veto)
    quoted = "；".join(item.text for item in verdict.evidence)
    return replace(
        finding, outcome="hit", score_effect=effect, veto=plain_veto,
        reason=f"人工补充：“{quoted}”",
        evidence=tuple(FindingEvidence.of(item) for item in verdict.evidence),
    )  # fmt: skip
