"""CallAnalyzer: transcript in, everything the product says about the call out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

from asr.audio_checks import with_role_check
from asr.timing import CallTiming
from asr.transcript import Transcript
from core.serial import to_json
from events.acts.model import ActModel
from events.acts.sides import side_margin
from events.dumping import dump_tree
from events.hits import EventHit, SopReport
from events.judgement import Judgements, JudgeQuestion, tree_questions, with_judged
from events.learning.head import Head
from events.matching import TreeMatcher
from events.nearness import Nearness
from events.reading import CallReading
from events.sop import sop_report
from events.tree import EventTree
from insights.conversation import CallMetrics, call_metrics
from models.results import StoredAnalysis
from nlp.encoders.base import SentenceEncoder
from qa_rules.documents.rule_sets import dump_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.findings import Finding, Score
from qa_rules.model import RuleSet
from qa_rules.operators.judge import ruleset_questions
from qa_rules.scoring.accuracy import NOTHING_MEASURED, RuleAccuracies
from qa_rules.scoring.scores import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What made a result. `tree` and `ruleset` are `name@version`, `encoder` its id.

    `head` is what the tree had learned from corrections (`name#number`), empty for nothing.
    The digests are of the documents with what they extend merged in. `act_model` is the version
    of the shipped act model, empty where the encoder's vectors are not those that it reads.
    `accuracy` names the frozen precision figures of the rules, empty without any.
    """

    software: str
    engine: str
    weights: str
    weights_sha256: str
    encoder: str
    tree: str
    ruleset: str
    head: str = ""
    tree_sha256: str = ""
    ruleset_sha256: str = ""
    act_model: str = ""
    accuracy: str = ""


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

    def __init__(
        self,
        tree: EventTree,
        ruleset: RuleSet,
        encoder: SentenceEncoder,
        head: Head | None = None,
    ) -> None:
        self.tree = tree
        self._matcher = TreeMatcher(tree, encoder, head)
        self._evaluator = RuleEvaluator(ruleset, encoder)
        self._scorer = Scorer(self._evaluator.ruleset)
        self._encoder = encoder
        self._encoder_id = encoder.encoder_id
        model = ActModel.load()
        self._act_model = model.version if model.fits(encoder) else ""

    @property
    def encoder_id(self) -> str:
        """Names the sentence encoder whose vectors the analysis looks at."""
        return self._encoder_id

    @property
    def ruleset(self) -> RuleSet:
        """The rule set with what it extends merged in."""
        return self._evaluator.ruleset

    @cached_property
    def questions(self) -> tuple[JudgeQuestion, ...]:
        """What the tree and the rules ask a language model about each call; mostly nothing."""
        return tuple(dict.fromkeys((*tree_questions(self.tree), *ruleset_questions(self.ruleset))))

    def with_roles_checked(
        self, transcript: Transcript, reading: CallReading | None = None
    ) -> Transcript:
        """The transcript with its roles held against the dialogue acts of each side.

        Only calls with a channel for each side are checked: on one channel the roles are a
        guess anyway, and say so.
        """
        if len({utterance.channel for utterance in transcript.utterances}) < 2:
            return transcript
        return with_role_check(transcript, side_margin(transcript, self._encoder, reading))

    def analyze(
        self,
        transcript: Transcript,
        metadata: Mapping[str, object] | None = None,
        judgements: Judgements = MappingProxyType({}),
        accuracies: RuleAccuracies = NOTHING_MEASURED,
        reading: CallReading | None = None,
    ) -> CallAnalysis:
        """Events, SOP states, findings, score and metrics of one call.

        `metadata` is what is known of the call besides its sound; rules may look at it, and it
        selects the scorecard. `judgements` are the answers to `questions` that are there by now.
        `accuracies` keep rules that are too often wrong from costing points. `reading` is what
        `read` gave of the same utterances.
        """
        reading = reading or self.read(transcript)
        hits = self.match(transcript, judgements, reading)
        return self.judge(transcript, hits, metadata, accuracies, judgements, reading)

    def read(self, transcript: Transcript) -> CallReading:
        """A call prepared for `match` and `judge`, of all analyzers with the same encoder."""
        return self._matcher.read(transcript)

    def match(
        self,
        transcript: Transcript,
        judgements: Judgements = MappingProxyType({}),
        reading: CallReading | None = None,
    ) -> tuple[EventHit, ...]:
        """The events of one call; all that `analyze` says of the tree's nodes."""
        matched = self._matcher.match(transcript, reading)
        return with_judged(self.tree, transcript, matched, judgements)

    def nearness(self, transcript: Transcript) -> tuple[Nearness, ...]:
        """How near each utterance comes to each node of the tree, hit or not; nearest first."""
        return self._matcher.nearness(transcript)

    def judge(
        self,
        transcript: Transcript,
        hits: tuple[EventHit, ...],
        metadata: Mapping[str, object] | None = None,
        accuracies: RuleAccuracies = NOTHING_MEASURED,
        judgements: Judgements = MappingProxyType({}),
        reading: CallReading | None = None,
    ) -> CallAnalysis:
        """As `analyze`, with the events of this analyzer's tree found already."""
        reading = reading or self.read(transcript)
        known = {"duration_s": transcript.audio.duration_ms / 1000 or None, **(metadata or {})}
        timing = CallTiming(transcript)
        metrics = call_metrics(transcript, hits, timing=timing)
        call = CallView(transcript, hits, known, reading.forms, judgements, reading, timing)
        found = self._evaluator.evaluate(call)
        findings, score = self._scorer.judge(found, known, accuracies)
        return CallAnalysis(
            events=hits,
            sop=sop_report(self.tree, transcript, hits),
            findings=findings,
            score=score,
            metrics=metrics,
            versions=Versions(
                software=software_version(),
                engine=transcript.engine.engine,
                weights=transcript.engine.weights,
                weights_sha256=transcript.engine.weights_sha256,
                encoder=self._encoder_id,
                tree=self.tree.ref,
                ruleset=self.ruleset.reference,
                head=self._matcher.head.ref if self._matcher.head else "",
                tree_sha256=self._tree_sha256,
                ruleset_sha256=self._ruleset_sha256,
                act_model=self._act_model,
                accuracy=accuracies.reference,
            ),
        )

    @cached_property
    def _tree_sha256(self) -> str:
        return sha256(dump_tree(self.tree).encode()).hexdigest()

    @cached_property
    def _ruleset_sha256(self) -> str:
        return sha256(dump_ruleset(self.ruleset).encode()).hexdigest()


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
