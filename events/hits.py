"""What the key-event tree says about one call: hits, SOP states, coverage."""

from dataclasses import dataclass
from typing import Literal

from core.evidence import Evidence

SopState = Literal["executed", "missed", "undecidable", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHit(Evidence):
    """One node of the tree recognised at one place of a call.

    `node` is the path of names from the root (`开场白/自我介绍`); `tree` is `name@version`.
    A parent is hit when a child is, but only the child is listed: derive parents by path.
    At most one hit per node and utterance: the best-scored layer, exact layers first.
    """

    node: str
    tree: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """Whether one SOP step of the tree was executed in one call.

    `reason` is a short Chinese sentence for people (`第 3 句命中`, `坐席语音有 12 秒未转写`).
    `hits` are the positions in the call's hit list that prove an executed step. `expected_rank`
    is the step's place in the tree, `actual_rank` its place in the call (None unless executed).
    Steps that are not `expected` are reported and stay out of the coverage.
    """

    node: str
    state: SopState
    required: bool
    weight: float
    reason: str
    hits: tuple[int, ...] = ()
    expected_rank: int = 0
    actual_rank: int | None = None
    expected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SopReport:
    """The SOP of one call.

    `coverage` = Σ weight executed / Σ weight (executed + missed) over
    expected steps, and
    `order_adherence` = share of executed step pairs in expected order; both in [0, 1], None when
    there is nothing to divide by. Steps are in the order of the tree.
    """

    steps: tuple[StepState, ...]
    coverage: float | None
    order_adherence: float | None
