"""Calls small enough to judge by eye, and rules of a single condition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.findings import Finding

Line = tuple[str, str, int, int]


class LetterEncoder:
    """Counts of characters as unit vectors: no weights, and likeness is shared characters."""

    encoder_id = "letters@1"
    dim = 64

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for character in text:
                vectors[row, ord(character) % self.dim] += 1.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(norms, 1e-9)


def call(*lines: Line, engine: str = "reference", **more: object) -> CallView:
    utterances = tuple(
        Utterance(i, "ac".index(who), {"a": "agent", "c": "customer"}[who], start, end, text, text)
        for i, (who, text, start, end) in enumerate(lines)
    )
    end = max((u.end_ms for u in utterances), default=0)
    gaps = more.pop("untranscribed", ())
    transcript = Transcript(
        AudioFacts(end, 8000, 2, "none", "none"), EngineInfo(engine), utterances,
        untranscribed=gaps,
    )  # fmt: skip
    return CallView(transcript, **more)  # type: ignore[arg-type]


def judge(condition: str, view: CallView, hit_if: str = "x", **fields: str) -> Finding:
    extra = "".join(f"    {key}: {value}\n" for key, value in fields.items())
    text = (
        'ruleset: 测\nversion: "1"\ncategories: [类]\nrules:\n'
        "  - id: r\n    name: 规则\n    category: 类\n    severity: minor\n    reason: 因为\n"
        f"    score: -5\n{extra}    hit_if: {hit_if}\n    conditions:\n"
    )
    conditions = condition if "\n" in condition else f"x: {condition}\n"
    text += "".join(f"      {line}\n" for line in conditions.splitlines())
    return RuleEvaluator(parse_ruleset(text), LetterEncoder()).evaluate(view)[0]


TALK = call(
    ("a", "您好，我是小王，工号一零零一。", 0, 3000),
    ("c", "你说。", 3500, 4000),
    ("a", "学费是两千块，现在报名立减五百。", 4500, 9000),
    ("c", "太贵了。", 9500, 10_500),
    ("a", "可以分期，再见。", 17_000, 19_000),
)
