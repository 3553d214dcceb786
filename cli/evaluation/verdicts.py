"""What an analysis of a labelled call got right: events, violations, SOP states."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asr.transcript import Transcript
from cli.evaluation.ground_truth import GroundTruth, reference_transcript
from cli.evaluation.scores import Counts, Prediction, count_labels
from core.evidence import Evidence
from core.span import Span
from events.hits import EventHit, SopReport
from events.sop import sop_report
from events.tree import EventTree
from qa_rules.findings import Finding

VIOLATIONS = (
    "过度承诺",
    "贬低竞品",
    "不文明用语",
    "虚假宣传",
    "诱导私下交易",
    "泄露隐私",
    "打断抢话",
)
"""The labelled violations. Rules with other names check the process and have no labels."""


@dataclass(frozen=True, slots=True)
class SopAgreement:
    """SOP steps whose predicted state equals the state that follows from the labels."""

    right: int = 0
    steps: int = 0

    def __add__(self, other: "SopAgreement") -> "SopAgreement":
        return SopAgreement(self.right + other.right, self.steps + other.steps)

    @property
    def accuracy(self) -> float | None:
        """Share of steps that agree, None without steps."""
        return self.right / self.steps if self.steps else None


def event_counts(
    truth: GroundTruth, transcript: Transcript, hits: Sequence[EventHit], *, aligned: bool
) -> dict[str, Counts]:
    """Counts by node path. `aligned` = utterance i of the transcript is turn i (reference text)."""
    labelled = [frozenset(turn.events) for turn in truth.turns]
    predictions = [
        _prediction(hit.node, hit, transcript, aligned) for hit in hits if hit.utterance is not None
    ]
    return count_labels(truth.turns, labelled, predictions)


def violation_counts(
    truth: GroundTruth,
    transcript: Transcript,
    findings: Sequence[Finding],
    names: frozenset[str],
    *,
    aligned: bool,
) -> dict[str, Counts]:
    """Counts by rule name, of the rules in `names`: evidence of a hit finding lies on the turn."""
    labelled = [frozenset(turn.violations) for turn in truth.turns]
    predictions = [
        _prediction(finding.rule_name, evidence, transcript, aligned)
        for finding in findings
        if finding.outcome == "hit" and finding.rule_name in names
        for evidence in finding.evidence
        # Around a violation, evidence may quote the other side (what was interrupted).
        if evidence.utterance is not None and evidence.role != "customer"
    ]
    return count_labels(truth.turns, labelled, predictions)


def violation_names(truths: Iterable[GroundTruth]) -> frozenset[str]:
    """The names that are measured: the label set, and whatever else is labelled."""
    labelled = {name for truth in truths for turn in truth.turns for name in turn.violations}
    return frozenset(labelled | set(VIOLATIONS))


def reference_sop(truth: GroundTruth, tree: EventTree) -> SopReport:
    """The SOP states that follow from the labels: each label is taken as a hit of its node."""
    hits = [
        EventHit(
            node=node,
            tree=tree.ref,
            utterance=index,
            role=turn.role,
            char_start=0,
            char_end=len(turn.text),
            start_ms=turn.start_ms,
            end_ms=turn.end_ms,
            layer="human",
            form="raw",
            score=1.0,
            text=turn.text,
        )
        for index, turn in enumerate(truth.turns)
        for node in turn.events
        if tree.node(node) is not None
    ]
    return sop_report(tree, reference_transcript(truth), hits)


def sop_agreement(reference: SopReport, predicted: SopReport) -> SopAgreement:
    """Agreement of two reports on the same tree."""
    states = {step.node: step.state for step in predicted.steps}
    right = sum(states.get(step.node) == step.state for step in reference.steps)
    return SopAgreement(right, len(reference.steps))


def _prediction(
    label: str, evidence: Evidence, transcript: Transcript, aligned: bool
) -> Prediction:
    assert evidence.utterance is not None
    utterance = transcript.utterances[evidence.utterance]
    span = Span(utterance.start_ms, utterance.end_ms)
    return Prediction(label, utterance.role, span, evidence.utterance if aligned else None)
