"""CallAnalyzer: transcript in, everything the product says about the call out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

from asr.transcript import Transcript
from core.serial import to_json
from events.hits import EventHit, SopReport
from events.judgement import Judgements, JudgeQuestion, tree_questions, with_judged
from events.matching import TreeMatcher
from events.nearness import Nearness
from events.sop import sop_report
from events.tree import EventTree
from insights.conversation import CallMetrics, call_metrics
from models.results import StoredAnalysis
from nlp.encoders.base import SentenceEncoder
from qa_rules.call import CallView
from qa_rules.evaluation import RuleEvaluator
from qa_rules.findings import Finding, Score
from qa_rules.model import RuleSet
from qa_rules.scoring import score


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What made a result. `tree` and `ruleset` are `name@version`, `encoder` its id."""

    software: str
    engine: str
    weights: str
    weights_sha256: str
    encoder: str
    tree: str
    ruleset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnalysis:
    """What the analysis of one call found, and what it was made with."""

    events: tuple[EventHit, ...]
    sop: SopReport
    findings: tuple[Finding, ...]
    score: Score
    metrics: CallMetrics
    versions: Versions

    def stored(self) -> StoredAnalysis:
        """The same as the database keeps it."""
        return StoredAnalysis(
            hits=self.events,
            sop=self.sop,
            findings=self.findings,
            score=self.score,
            metrics=to_json(self.metrics),
            versions=asdict(self.versions),
        )


class CallAnalyzer:
    """Analyses transcripts with one tree and one rule set, compiled once.

    Holds no state between calls and may be shared between threads.

    Raises:
        AppError: `bad-tree` or `bad-rules` when a document cannot be compiled.
    """

    def __init__(self, tree: EventTree, ruleset: RuleSet, encoder: SentenceEncoder) -> None:
        self.tree = tree
        self._matcher = TreeMatcher(tree, encoder)
        self._evaluator = RuleEvaluator(ruleset, encoder)
        self._encoder_id = encoder.encoder_id

    @property
    def encoder_id(self) -> str:
        """Names the sentence encoder whose vectors the analysis looks at."""
        return self._encoder_id

    @property
    def ruleset(self) -> RuleSet:
        """The rule set with what it extends merged in."""
        return self._evaluator.ruleset

    @property
    def questions(self) -> tuple[JudgeQuestion, ...]:
        """What the tree asks a language model about each call; empty for most trees."""
        return tree_questions(self.tree)

    def analyze(
        self,
        transcript: Transcript,
        metadata: Mapping[str, object] | None = None,
        judgements: Judgements = MappingProxyType({}),
    ) -> CallAnalysis:
        """Events, SOP states, findings, score and metrics of one call.

        `metadata` is what is known of the call besides its sound; rules may look at it.
        `judgements` are the answers to `questions` that are there by now.
        """
        return self.judge(transcript, self.match(transcript, judgements), metadata)

    def match(
        self, transcript: Transcript, judgements: Judgements = MappingProxyType({})
    ) -> tuple[EventHit, ...]:
        """The events of one call; all that `analyze` says of the tree's nodes."""
        matched = self._matcher.match(transcript)
        return with_judged(self.tree, transcript, matched, judgements)

    def nearness(self, transcript: Transcript) -> tuple[Nearness, ...]:
        """How near each utterance comes to each node of the tree, hit or not; nearest first."""
        return self._matcher.nearness(transcript)

    def judge(
        self,
        transcript: Transcript,
        hits: tuple[EventHit, ...],
        metadata: Mapping[str, object] | None = None,
    ) -> CallAnalysis:
        """As `analyze`, with the events of this analyzer's tree found already."""
        view = CallView(transcript, hits, metadata or {})
        findings = self._evaluator.evaluate(view)
        return CallAnalysis(
            events=hits,
            sop=sop_report(self.tree, transcript, hits),
            findings=findings,
            score=score(findings, self.ruleset.scorecard),
            metrics=call_metrics(transcript, hits),
            versions=Versions(
                software=software_version(),
                engine=transcript.engine.engine,
                weights=transcript.engine.weights,
                weights_sha256=transcript.engine.weights_sha256,
                encoder=self._encoder_id,
                tree=self.tree.ref,
                ruleset=self.ruleset.reference,
            ),
        )


def analysis_document(
    call: Mapping[str, Any], transcript: Transcript, analysis: CallAnalysis
) -> dict[str, Any]:
    """One call and all that was found in it, as the JSON object that `tingjian analyze` writes.

    Keys, in order: call, transcript, events, sop, findings, score, metrics, versions. `call` is
    what identifies the call (file, id, metadata) and is taken over as it is.
    """
    return {
        "call": dict(call),
        "transcript": to_json(transcript),
        "events": [to_json(hit) for hit in analysis.events],
        "sop": to_json(analysis.sop),
        "findings": [to_json(finding) for finding in analysis.findings],
        "score": to_json(analysis.score),
        "metrics": to_json(analysis.metrics),
        "versions": asdict(analysis.versions),
    }


@lru_cache(maxsize=1)
def software_version() -> str:
    """`0.1.0`; `unknown` when the code runs without being installed."""
    try:
        return version("tingjian")
    except PackageNotFoundError:
        return "unknown"
