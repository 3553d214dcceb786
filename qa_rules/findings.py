"""What the QA rules say about one call: findings and the score."""

from dataclasses import dataclass, field
from typing import Literal

from core.evidence import Evidence
from qa_rules.verdicts.place import Found

Outcome = Literal["hit", "clear", "not_applicable", "undecidable"]
RuleSeverity = Literal["info", "minor", "major", "critical"]
LineKind = Literal[
    "", "start", "deduction", "bonus", "flag", "cap", "zero", "veto", "floor", "ceiling"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEvidence(Evidence):
    """One place that a finding rests on, and the condition of the rule that it speaks for.

    `condition` is the name that the rule gives it, `operator` the key that states it (`keyword`,
    `not_within`). Both are empty for what a person added, and in results of older releases.
    """

    condition: str = ""
    operator: str = ""

    @classmethod
    def of(cls, found: Found, condition: str = "", operator: str = "") -> "FindingEvidence":
        """`found` as evidence for a condition."""
        return cls(
            utterance=found.utterance, role=found.role, char_start=found.char_start,
            char_end=found.char_end, start_ms=found.start_ms, end_ms=found.end_ms,
            layer=found.layer, form=found.form, score=found.score, text=found.text,
            condition=condition, operator=operator,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one rule on one call.

    `rule` is the rule's id, `rule_name` the name people read (violation rules carry the names of
    the label set: `过度承诺`), `ruleset` is `name@version`. `score_effect` is what this finding
    changed (negative for a deduction; 0 unless the outcome is `hit`); `veto` says that it set
    the whole call to the floor. `reason` says in Chinese why, including what was missing when
    `undecidable` or `not_applicable`. Evidence is sorted by time; one entry for each occurrence.
    """

    rule: str
    rule_name: str
    category: str
    severity: RuleSeverity
    outcome: Outcome
    score_effect: float
    veto: bool
    reason: str
    ruleset: str
    evidence: tuple[FindingEvidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """One line of a score's explanation; the lines of a score add up to its value.

    `section` is the part of the scorecard, empty for the card as a whole. `kind` says what the
    line is: what a rule costs or earns, a hit that is only told (`flag`), or a correction by a
    limit of a section (`cap`, `zero`) or of the card. `why` is the finding's reason.
    """

    label: str
    points: float
    rule: str = ""
    section: str = ""
    kind: LineKind = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionScore:
    """What one section of the scorecard adds to the score; `max_points` is the most it can lose."""

    name: str
    points: float
    max_points: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of one call, explained. `passed` is None when the card has no pass mark."""

    value: float
    passed: bool | None
    vetoed: bool
    scorecard: str
    lines: tuple[ScoreLine, ...] = field(default_factory=tuple)
    sections: tuple[SectionScore, ...] = ()
