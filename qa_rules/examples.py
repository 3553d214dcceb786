"""Examples of rules, run: each rule must fire on some dialogues and must not on others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.hits import EventHit
from events.judgement import Judgement, Judgements, JudgeQuestion, JudgeQuote, Verdict
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.findings import Outcome
from qa_rules.model import Example, Rule, RuleSet
from qa_rules.operators.judge import ruleset_questions

Annotate = Callable[[Transcript], tuple[EventHit, ...]]
CHAR_MS = 200
GAP_MS = 400
_LEAD_IN_MS = 1000
_SHORTEST_MS = 600


@dataclass(frozen=True, slots=True)
class ExampleFailure:
    """An example on which its rule did something else than the document says.

    `expected` is `must_fire` or `must_not_fire`, `number` counts from 1 within that list; `source`
    and `line` are where the rule is stated, which may be a pack that the rule set extends.
    """

    rule: str
    expected: str
    number: int
    outcome: Outcome
    reason: str
    text: str
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class ExamplesReport:
    """How many rules and examples were run, and the failures in document order."""

    rules: int
    examples: int
    failed: tuple[ExampleFailure, ...]


def run_examples(
    ruleset: RuleSet, evaluator: RuleEvaluator, annotate: Annotate | None = None
) -> ExamplesReport:
    """Every example of every rule, judged by `evaluator` (built from the same rule set).

    `annotate` gives the event hits of a dialogue; without it no tree is run, and event conditions
    are undecidable. An example that
    must not fire passes on any outcome but `hit`.
    """
    failed: list[ExampleFailure] = []
    count = 0
    questions = ruleset_questions(evaluator.ruleset)
    for position, rule in enumerate(ruleset.rules):
        for expected, number, example in _examples_of(rule):
            count += 1
            transcript = dialogue(example)
            hits = annotate(transcript) if annotate else None
            call = CallView(
                transcript,
                hits,
                dict(example.metadata),
                judgements=_judgements(questions, example, transcript),
            )
            findings = evaluator.evaluate(call)
            finding = findings[position]
            if (finding.outcome == "hit") != (expected == "must_fire"):
                text = " / ".join(line.text for line in example.lines)
                failed.append(
                    ExampleFailure(
                        rule=rule.id,
                        expected=expected,
                        number=number,
                        outcome=finding.outcome,
                        reason=finding.reason,
                        text=text,
                        source=rule.source,
                        line=rule.line,
                    )
                )
    return ExamplesReport(len(ruleset.rules), count, tuple(failed))


def _examples_of(rule: Rule) -> Iterator[tuple[str, int, Example]]:
    for number, example in enumerate(rule.must_fire, 1):
        yield "must_fire", number, example
    for number, example in enumerate(rule.must_not_fire, 1):
        yield "must_not_fire", number, example


def _judgements(
    questions: Sequence[JudgeQuestion], example: Example, transcript: Transcript
) -> Judgements:
    """The answers that the example states, held against its words like those of a model."""
    return {
        question: _judgement(question, example.answers[question.text], transcript)
        for question in questions
        if question.text in example.answers
    }


def _judgement(question: JudgeQuestion, said: Sequence[str], transcript: Transcript) -> Judgement:
    quotes = tuple(
        JudgeQuote(utterance=u.index, char_start=at, char_end=at + len(words))
        for words in said
        for u in transcript.utterances
        if question.role in ("any", u.role) and (at := u.text.find(words)) >= 0
    )
    verdict: Verdict = "no" if not said else "yes" if quotes else "unanswered"
    reason = "引文在例子里找不到原话" if verdict == "unanswered" else ""
    return Judgement(
        question=question, verdict=verdict, reason=reason, judge="example", quotes=quotes
    )


def dialogue(example: Example) -> Transcript:
    """The example as a two-channel transcript (agent 0, customer 1) with built timing.

    An utterance lasts 200 ms a character, at least 600 ms, and follows the one before after
    400 ms, unless its line says otherwise; a negative gap makes the two overlap.
    """
    utterances: list[Utterance] = []
    clock = _LEAD_IN_MS
    for index, line in enumerate(example.lines):
        gap = line.gap_ms if line.gap_ms is not None else (GAP_MS if index else 0)
        start = max(0, clock + gap)
        length = line.duration_ms or max(_SHORTEST_MS, CHAR_MS * len(line.text))
        channel = 0 if line.role == "agent" else 1
        said = Utterance(index, channel, line.role, start, start + length, line.text, line.text)
        utterances.append(replace(said, level_dbfs=line.level_dbfs))
        clock = start + length
    return Transcript(
        audio=AudioFacts(clock + _LEAD_IN_MS, 8000, 2, "none", "none"),
        engine=EngineInfo("reference"),
        utterances=_in_order(utterances),
    )


def _in_order(utterances: list[Utterance]) -> tuple[Utterance, ...]:
    ordered = sorted(utterances, key=lambda u: (u.start_ms, u.channel))
    return tuple(replace(utterance, index=index) for index, utterance in enumerate(ordered))
