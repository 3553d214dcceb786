"""Teaching: verdicts of people on calls in, a head with the figures of its test out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asr.transcript import Transcript
from core.errors import AppError
from events.learned import base_model
from events.learning.fitting import (
    LabelledTurn,
    Ratios,
    Tested,
    by_target,
    changes,
    count,
    fit_and_test,
)
from events.learning.guard import Guard, guard_turns
from events.learning.head import Head
from events.matching import TreeMatcher

FEWEST_LABELS = 10
GUARD_LOSS = 0.01
"""How much F1 on the guard a head may cost."""

_FEWEST_FIXED = 2
_LEAST_FIXED = 0.02
"""Errors on left-out calls that a head must put right: in number, and as a share of the labels."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody said of one utterance and one node (its path in the tree being taught)."""

    utterance: int
    node: str
    said: bool


@dataclass(frozen=True, slots=True)
class CorrectedCall:
    """A call, what was said in it, and the verdicts on it."""

    id: str
    transcript: Transcript
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtHead:
    """A head, how it did, and whether it is worth using; `reason` says why in Chinese."""

    head: Head
    figures: Mapping[str, Any]
    labels: int
    improves: bool
    reason: str


def teach(
    matcher: TreeMatcher, calls: Sequence[CorrectedCall], ref: str, guard: Guard | None = None
) -> TaughtHead:
    """The head that verdicts on calls teach a tree, tested on calls it was not fitted on.

    `matcher` is the tree's own without a head, on the encoder of the act model. `guard` is
    `guard_turns(matcher)`, for callers that teach one tree several times.

    Raises:
        AppError: `too-few-corrections`; `head-not-possible` with another encoder.
    """
    encoder = matcher.encoder_id
    if encoder is None or not matcher.can_learn:
        raise AppError(
            "head-not-possible",
            "学习需要默认的句向量编码器。请把 nlp.encoder 设回默认值后再试。",
        )
    turns = [turn for call in calls for turn in labelled_turns(matcher, call)]
    labels = sum(len(turn.labels) for turn in turns)
    if labels < FEWEST_LABELS:
        raise AppError(
            "too-few-corrections",
            f"能用的更正只有 {labels} 条，至少需要 {FEWEST_LABELS} 条。请再核对一些通话。",
            detail={"corrections": labels},
        )
    anchors, tests = guard or guard_turns(matcher)
    tested = fit_and_test(turns, anchors)
    head = Head(
        ref=ref,
        encoder=encoder,
        base=base_model(),
        targets=tested.weights.targets,
        dense=tested.weights.dense,
        grams=tested.weights.grams,
    )
    return _judged(head, turns, tests, tested, labels)


def labelled_turns(matcher: TreeMatcher, call: CorrectedCall) -> list[LabelledTurn]:
    """The turns of a call with what people said of them.

    An utterance speaks for its turn; where verdicts on one turn differ, it was said.
    """
    verdicts: dict[int, list[Verdict]] = {}
    for verdict in call.verdicts:
        verdicts.setdefault(verdict.utterance, []).append(verdict)
    found = []
    for turn in matcher.turn_odds(call.transcript):
        labels: dict[str, bool] = {}
        for at in turn.utterances:
            for verdict in verdicts.get(at, ()):
                target = matcher.targets.get(verdict.node)
                if target is not None:
                    labels[target] = labels.get(target, False) or verdict.said
        found.append(
            LabelledTurn(call=call.id, features=turn.features, odds=turn.odds, labels=labels)
        )
    return found


def _judged(
    head: Head,
    turns: Sequence[LabelledTurn],
    guard: Sequence[LabelledTurn],
    tested: Tested,
    labels: int,
) -> TaughtHead:
    nothing: list[dict[str, float]] = [{} for _ in guard]
    guard_before = count(guard, nothing)
    guard_after = count(guard, tested.weights.shifts(guard))
    gained, lost = changes(turns, tested.weights.shifts(turns))
    figures = {
        "labels": labels,
        "calls": len({turn.call for turn in turns}),
        "strength": tested.strength,
        "corrections": {"before": _told(tested.before), "after": _told(tested.after)},
        "guard": {"before": _told(guard_before), "after": _told(guard_after)},
        "hits_gained": gained,
        "hits_lost": lost,
        "targets": by_target(turns),
    }
    improves, reason = _decision(tested, labels, guard_before, guard_after)
    return TaughtHead(head=head, figures=figures, labels=labels, improves=improves, reason=reason)


def _decision(
    tested: Tested, labels: int, guard_before: Ratios, guard_after: Ratios
) -> tuple[bool, str]:
    fixed = tested.before.errors - tested.after.errors
    change = (
        f"没有参与学习的通话上判错 {tested.before.errors} → {tested.after.errors} 处，"
        f"F1 {tested.before.f1:.3f} → {tested.after.f1:.3f}"
    )
    if fixed < max(_FEWEST_FIXED, _LEAST_FIXED * labels) or tested.after.f1 < tested.before.f1:
        return False, f"{change}，没有明显改善，不建议启用。"
    loss = guard_before.f1 - guard_after.f1
    if loss > GUARD_LOSS:
        return False, f"{change}；但在对照通话上 F1 下降 {loss:.3f}，不建议启用。"
    return True, f"{change}；对照通话没有变差。"


def _told(ratios: Ratios) -> dict[str, float | int | None]:
    return {
        "right": ratios.right,
        "wrong": ratios.wrong,
        "missed": ratios.missed,
        "precision": None if ratios.precision is None else round(ratios.precision, 4),
        "recall": None if ratios.recall is None else round(ratios.recall, 4),
        "f1": round(ratios.f1, 4),
    }
