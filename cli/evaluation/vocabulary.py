"""What correction towards a vocabulary does to recognised text: better, worse, no matter."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.transcript import Replacement, Role, Transcript
from cli.evaluation.cer import Errors, add_errors, character_errors, errors_json
from cli.evaluation.ground_truth import GroundTruth
from cli.evaluation.run import LabelledCall, Reporter, TranscribeTold
from core.errors import AppError
from nlp.vocabulary import Verdict, Vocabulary, correct_transcript, judge

VERDICTS: tuple[Verdict, ...] = ("fixed", "harmed", "neutral")


@dataclass(frozen=True, slots=True)
class JudgedReplacement:
    """One replacement in a recognised call, and what it did by the labels."""

    call: str
    role: Role
    start_ms: int
    made: Replacement
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class VocabularyReport:
    """Correction measured over calls.

    `before` and `after` are the errors of the recognised text by role. `false` are replacements
    in the labelled text itself, with the terms of all calls at once: there was nothing to correct
    in its `reference_characters`, so each is wrong. `ignored` are given terms without a sound to
    go by. `told` are the errors, uncorrected, of a recogniser that was told the words of each
    call's campaign; None when it was not tried. `said` counts those words in the labelled text,
    in the recognised one, and in that of the told recogniser. `failed` are the files that could
    not be used, with the reason.
    """

    calls: int
    terms: int
    ignored: tuple[str, ...]
    before: Mapping[Role, Errors]
    after: Mapping[Role, Errors]
    told: Mapping[Role, Errors] | None
    said: tuple[int, int, int]
    replacements: tuple[JudgedReplacement, ...]
    reference_characters: int
    false: tuple[tuple[str, Replacement], ...]
    engine: Mapping[str, object]
    failed: tuple[tuple[str, str], ...]

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many replacements there were of each verdict."""
        return Counter(judged.verdict for judged in self.replacements)

    @property
    def is_harmful(self) -> bool:
        """Whether recognised text was better without: more errors, or more harmed than fixed."""
        edits = [sum(errors.values(), Errors()).edits for errors in (self.before, self.after)]
        return edits[1] > edits[0] or self.verdicts["harmed"] > self.verdicts["fixed"]


def read_terms(path: Path) -> tuple[str, ...]:
    """The terms of a UTF-8 file, one a line; what follows `#` is a comment.

    Raises:
        AppError: `bad-document` when the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AppError(
            "bad-document", f"读不了词表 {path}（{error}）。请给出 UTF-8 文本，每行一个词。"
        ) from error
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def campaign_terms(truth: GroundTruth) -> tuple[str, ...]:
    """What the operator of a call's campaign knows beforehand: company, and agent's name."""
    agent = truth.facts.get("agent")
    if not isinstance(agent, dict):
        return ()
    return tuple(str(agent[key]) for key in ("company", "name") if agent.get(key))


def measure_vocabulary(
    calls: Sequence[LabelledCall],
    terms: Sequence[str],
    transcribe: TranscribeTold,
    reporter: Reporter,
    failed: Sequence[tuple[str, str]] = (),
    *,
    with_hotwords: bool = False,
) -> VocabularyReport:
    """The report of `calls`, each corrected towards `terms` and its own campaign's.

    `with_hotwords` = hear each call once more, told the words of its campaign.

    A call whose recording cannot be recognised is left out of every figure and listed as failed.
    """
    before: dict[Role, Errors] = {}
    after: dict[Role, Errors] = {}
    told: dict[Role, Errors] = {}
    said = [0, 0, 0]
    judged: list[JudgedReplacement] = []
    truths: list[GroundTruth] = []
    failures = list(failed)
    engine: dict[str, object] = {}
    for call in calls:
        truth = call.truth
        reporter.start(truth.name)
        try:
            heard = _heard(call, transcribe, (), reporter)
            hotwords = campaign_terms(truth)
            again = _heard(call, transcribe, hotwords, reporter) if with_hotwords else heard
        except AppError as error:
            failures.append((call.recording.name if call.recording else truth.name, error.message))
            reporter.finish(truth.name)
            continue
        corrected = correct_transcript(heard, Vocabulary([*terms, *campaign_terms(truth)]))
        before = add_errors(before, character_errors(truth, heard))
        after = add_errors(after, character_errors(truth, corrected))
        told = add_errors(told, character_errors(truth, again))
        texts = ["".join(turn.text for turn in truth.turns), *map(_text, (heard, again))]
        said = [
            count + sum(text.count(word) for word in hotwords)
            for count, text in zip(said, texts, strict=True)
        ]
        judged.extend(_judged(truth, heard, made) for made in corrected.corrections)
        engine = {"engine": heard.engine.engine, "weights": heard.engine.weights}
        truths.append(truth)
        reporter.finish(truth.name)
    vocabulary = Vocabulary([*terms, *(t for truth in truths for t in campaign_terms(truth))])
    return VocabularyReport(
        calls=len(truths),
        terms=len(vocabulary.terms),
        ignored=tuple(sorted({t for t in terms if t not in set(vocabulary.terms)})),
        before=before,
        after=after,
        told=told if with_hotwords else None,
        said=(said[0], said[1], said[2]),
        replacements=tuple(judged),
        reference_characters=sum(len(turn.text) for truth in truths for turn in truth.turns),
        false=tuple(_in_reference(truths, vocabulary)),
        engine=engine,
        failed=tuple(failures),
    )


def vocabulary_json(report: VocabularyReport) -> dict[str, Any]:
    """The report as JSON types; every figure without a denominator is None."""
    by_term: dict[str, Counter[Verdict]] = {}
    for judged in report.replacements:
        by_term.setdefault(judged.made.after, Counter())[judged.verdict] += 1
    return {
        "calls": report.calls,
        "terms": {"used": report.terms, "ignored": list(report.ignored)},
        "cer": {
            "before": errors_json(report.before),
            "after": errors_json(report.after),
            "hotwords": None if report.told is None else errors_json(report.told),
        },
        "campaign_words": {
            "said": report.said[0],
            "recognised": report.said[1],
            "with_hotwords": None if report.told is None else report.said[2],
        },
        "verdicts": {verdict: report.verdicts[verdict] for verdict in VERDICTS},
        "harmful": report.is_harmful,
        "per_term": {
            term: {verdict: by_term[term][verdict] for verdict in VERDICTS}
            for term in sorted(by_term)
        },
        "replacements": [
            {
                "call": judged.call,
                "role": judged.role,
                "start_ms": judged.start_ms,
                "before": judged.made.before,
                "after": judged.made.after,
                "distance": judged.made.distance,
                "verdict": judged.verdict,
            }
            for judged in report.replacements
        ],
        "on_reference": {
            "characters": report.reference_characters,
            "false": [
                {"call": call, "before": made.before, "after": made.after}
                for call, made in report.false
            ],
        },
        "engine": dict(report.engine),
        "failed": [{"file": name, "error": reason} for name, reason in report.failed],
    }


def _text(transcript: Transcript) -> str:
    return "".join(utterance.text for utterance in transcript.utterances)


def _heard(
    call: LabelledCall, transcribe: TranscribeTold, hotwords: Sequence[str], reporter: Reporter
) -> Transcript:
    assert call.recording is not None, "labelled calls are found with their recordings"
    name = call.truth.name
    return transcribe(
        call.recording, call.truth.channels, hotwords, lambda share: reporter.share(name, share)
    )


def _judged(truth: GroundTruth, heard: Transcript, made: Replacement) -> JudgedReplacement:
    utterance = heard.utterances[made.utterance_index]
    said = "".join(
        turn.text
        for turn in truth.turns
        if turn.role == utterance.role and turn.span.overlap_ms(utterance.span)
    )
    return JudgedReplacement(
        truth.name, utterance.role, utterance.start_ms, made, judge(made, said)
    )


def _in_reference(
    truths: Iterable[GroundTruth], vocabulary: Vocabulary
) -> Iterable[tuple[str, Replacement]]:
    for truth in truths:
        for turn in truth.turns:
            for made in vocabulary.correct(turn.text).replacements:
                yield truth.name, made
