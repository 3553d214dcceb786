"""One call as its page shows it: events by stage, SOP checklist, findings in reading order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.evidence import Evidence
from events.hits import EventHit, SopReport, StepState
from qa_rules.findings import Finding, Score

STAGE_CLASSES = 8
_SEVERITY_RANK = {"critical": 0, "major": 1, "minor": 2, "info": 3}
_OUTCOME_RANK = {"hit": 0, "undecidable": 1, "clear": 2, "not_applicable": 3}
# Scores are sums of a few decimals; smaller differences are floating point, not money.
_SUM_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEntry:
    """One hit on the timeline. `position` is its place in the call's hit list."""

    position: int
    stage: str
    name: str
    css: str
    hit: EventHit


@dataclass(frozen=True, slots=True, kw_only=True)
class SopStage:
    """The steps of one stage, in the order of the tree, with how many were executed."""

    name: str
    css: str
    steps: tuple[StepState, ...]
    executed: int
    countable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """One thing that a finding rests on; `id` is its mark in the transcript (`f2-0`).

    `audible` says that there is a second to listen to. What was searched in vain, or read from
    the call's metadata, has none.
    """

    id: str
    evidence: Evidence
    audible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEntry:
    """One finding with an id (`f2`) that stays the same however findings are sorted."""

    id: str
    finding: Finding
    evidence: tuple[EvidenceEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSum:
    """The score's lines, their running sum, and whether they add up to the value."""

    score: Score
    total: float
    adds_up: bool


def stage_styles(sop: SopReport | None, hits: Sequence[EventHit]) -> dict[str, str]:
    """The CSS class of each stage, in the order of the tree: `stage-0` … `stage-7`, repeating.

    Stages of customer events are `stage-customer`; stages that only hits know come last.
    """
    names = dict.fromkeys(stage_of(step.node) for step in (sop.steps if sop else ()))
    customer = {stage_of(hit.node) for hit in hits if hit.role == "customer"} - set(names)
    others = sorted({stage_of(hit.node) for hit in hits} - set(names) - customer)
    styles = {name: f"stage-{i % STAGE_CLASSES}" for i, name in enumerate([*names, *others])}
    return styles | dict.fromkeys(sorted(customer), "stage-customer")


def event_entries(hits: Sequence[EventHit], styles: Mapping[str, str]) -> tuple[EventEntry, ...]:
    """The timeline: every hit, sorted by time."""
    entries = (
        EventEntry(
            position=i,
            stage=stage_of(hit.node),
            name=name_of_node(hit.node),
            css=styles[stage_of(hit.node)],
            hit=hit,
        )
        for i, hit in enumerate(hits)
    )
    return tuple(sorted(entries, key=lambda entry: (entry.hit.start_ms, entry.position)))


def sop_stages(sop: SopReport, styles: Mapping[str, str]) -> tuple[SopStage, ...]:
    """The checklist, grouped by stage in the order of the tree."""
    grouped: dict[str, list[StepState]] = {}
    for step in sop.steps:
        grouped.setdefault(stage_of(step.node), []).append(step)
    return tuple(
        SopStage(
            name=name,
            css=styles[name],
            steps=tuple(steps),
            executed=sum(step.state == "executed" for step in steps),
            countable=sum(step.state in ("executed", "missed") for step in steps),
        )
        for name, steps in grouped.items()
    )


def finding_entries(findings: Sequence[Finding]) -> tuple[FindingEntry, ...]:
    """Findings in reading order: hits by severity, then undecidable, clear, not applicable."""
    entries = [
        FindingEntry(
            id=f"f{i}",
            finding=finding,
            evidence=tuple(
                EvidenceEntry(id=f"f{i}-{j}", evidence=evidence, audible=_audible(evidence))
                for j, evidence in enumerate(finding.evidence)
                # The reason may say the same already.
                if _audible(evidence) or evidence.text not in finding.reason
            ),
        )
        for i, finding in enumerate(findings)
    ]
    entries.sort(key=lambda entry: _reading_order(entry.finding))
    return tuple(entries)


def score_sum(score: Score) -> ScoreSum:
    """The score's explanation, checked: do the lines add up to the value?"""
    total = sum(line.points for line in score.lines)
    return ScoreSum(score=score, total=total, adds_up=abs(total - score.value) <= _SUM_TOLERANCE)


def outcome_counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings have each outcome; every outcome is there."""
    counts = dict.fromkeys(_OUTCOME_RANK, 0)
    for finding in findings:
        counts[finding.outcome] += 1
    return counts


def stage_of(node: str) -> str:
    """The first name of a node path: the stage of the sales process."""
    return node.split("/", 1)[0]


def name_of_node(node: str) -> str:
    """A node path without its stage; the path itself for a node at the top."""
    return node.split("/", 1)[-1]


def _audible(evidence: Evidence) -> bool:
    return evidence.utterance is not None or evidence.layer == "timing"


def _reading_order(finding: Finding) -> tuple[int, bool, int]:
    return (
        _OUTCOME_RANK[finding.outcome],
        not finding.veto,
        _SEVERITY_RANK[finding.severity],
    )
