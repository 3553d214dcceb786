"""The review of a call as a state machine: which step leads where, and who may take it.

Nothing here knows the database. `TRANSITIONS` is the whole of it; the diagram in the
documentation is made from it.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.errors import AppError
from models.actors import Actor

ReviewState = Literal["pending", "assigned", "reviewed", "appealed", "final"]
ReviewAction = Literal[
    "assign", "take", "take_over", "release", "judge", "submit", "appeal", "withdraw", "decide",
    "finalise", "reopen",
]  # fmt: skip
Guard = Literal[
    "holder", "nobody_else", "lock_expired", "own_call", "own_team", "before_deadline",
    "after_deadline", "not_the_reviewer", "own_appeal", "not_the_appellant",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """What decides about a step: the review as it stands, and whose call it is."""

    state: ReviewState = "pending"
    holder_id: uuid.UUID | None = None
    lock_expires_at: dt.datetime | None = None
    reviewer_id: uuid.UUID | None = None
    appeal_until: dt.datetime | None = None
    appellant_id: uuid.UUID | None = None
    agent: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One kind of step. `allowed`: role -> guards that must all hold for that role."""

    action: ReviewAction
    sources: tuple[ReviewState, ...]
    target: ReviewState
    allowed: Mapping[str, tuple[Guard, ...]] = field(default_factory=dict)


_HOLDER: Mapping[str, tuple[Guard, ...]] = {
    "admin": ("holder",), "manager": ("holder", "own_team"), "reviewer": ("holder",),
}  # fmt: skip
_IN_CHARGE: Mapping[str, tuple[Guard, ...]] = {"admin": (), "manager": ("own_team",)}

TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        action="assign", sources=("pending", "assigned"), target="assigned", allowed=_IN_CHARGE
    ),
    Transition(
        action="take",
        sources=("pending", "assigned"),
        target="assigned",
        allowed={
            "admin": ("nobody_else",),
            "manager": ("nobody_else", "own_team"),
            "reviewer": ("nobody_else",),
        },
    ),
    Transition(
        action="take_over",
        sources=("assigned",),
        target="assigned",
        allowed={**_IN_CHARGE, "reviewer": ("lock_expired",)},
    ),
    Transition(
        action="release",
        sources=("assigned",),
        target="pending",
        allowed={**_IN_CHARGE, "reviewer": ("holder",)},
    ),
    Transition(action="judge", sources=("assigned",), target="assigned", allowed=_HOLDER),
    Transition(action="submit", sources=("assigned",), target="reviewed", allowed=_HOLDER),
    Transition(
        action="appeal",
        sources=("reviewed",),
        target="appealed",
        allowed={
            "agent": ("own_call", "before_deadline"),
            "manager": ("own_team", "before_deadline"),
        },
    ),
    Transition(
        action="withdraw",
        sources=("appealed",),
        target="reviewed",
        allowed={"agent": ("own_appeal",), "manager": ("own_appeal",)},
    ),
    Transition(
        action="decide",
        sources=("appealed",),
        target="final",
        allowed={
            "admin": ("not_the_reviewer", "not_the_appellant"),
            "manager": ("own_team", "not_the_reviewer", "not_the_appellant"),
        },
    ),
    Transition(
        action="finalise",
        sources=("reviewed",),
        target="final",
        # By the hourly maintenance: nobody has to press anything.
        allowed={"system": ("after_deadline",)},
    ),
    Transition(
        action="reopen", sources=("reviewed", "final"), target="pending", allowed=_IN_CHARGE
    ),
)
"""Every step there is. One entry for each action."""

_BY_ACTION: Mapping[ReviewAction, Transition] = {move.action: move for move in TRANSITIONS}

STATE_NAMES: Mapping[ReviewState, str] = {
    "pending": "待复核", "assigned": "复核中", "reviewed": "已复核", "appealed": "申诉中",
    "final": "终审",
}  # fmt: skip
_ACTION_NAMES: Mapping[ReviewAction, str] = {
    "assign": "分派", "take": "领取", "take_over": "接手", "release": "放回", "judge": "判定",
    "submit": "提交复核", "appeal": "申诉", "withdraw": "撤回申诉", "decide": "终审裁决",
    "finalise": "到期终审", "reopen": "重新打开",
}  # fmt: skip
_REFUSALS: Mapping[Guard, str] = {
    "holder": "这通通话不在你手上。请先领取再判定。",
    "nobody_else": "这通通话正由别人复核。请换一通，或等锁定到期后接手。",
    "lock_expired": "别人的锁定还没有到期。请等到期后接手，或请主管分派给你。",
    "own_call": "只能申诉自己的通话。",
    "own_team": "这通通话不属于你的团队。请联系该团队的主管。",
    "before_deadline": "申诉期限已过。请联系主管重新打开复核。",
    "after_deadline": "申诉期限还没有到。请等期限过后再终审。",
    "not_the_reviewer": "终审不能由原复核人裁决。请换一位主管或管理员。",
    "own_appeal": "只有申诉人可以撤回申诉。",
    "not_the_appellant": "申诉人不能裁决自己的申诉。请换一位主管或管理员。",
}


def step(view: ReviewView, action: ReviewAction, actor: Actor, now: dt.datetime) -> ReviewState:
    """The state that the review is in after the step.

    Raises:
        AppError: `review-state` when the step does not exist in this state, `forbidden` when the
            role never takes it, `review-locked` or `review-refused` when a guard fails.
    """
    move = _BY_ACTION[action]
    if actor.role not in move.allowed:
        raise AppError(
            "forbidden",
            f"当前角色不能{_ACTION_NAMES[action]}。请换用有该权限的账号。",
            detail={"role": actor.role, "action": action},
        )
    if view.state not in move.sources:
        raise AppError(
            "review-state",
            f"复核处于“{STATE_NAMES[view.state]}”，不能{_ACTION_NAMES[action]}。"
            "请刷新查看当前状态。",
            detail={"state": view.state, "action": action},
        )
    for guard in move.allowed[actor.role]:
        if not _GUARDS[guard](view, actor, now):
            locked = guard in ("nobody_else", "lock_expired")
            raise AppError(
                "review-locked" if locked else "review-refused",
                _REFUSALS[guard],
                detail={"state": view.state, "action": action, "guard": guard},
            )
    return move.target


def possible(view: ReviewView, actor: Actor, now: dt.datetime) -> tuple[ReviewAction, ...]:
    """The steps that this actor could take now, in the order of TRANSITIONS."""
    return tuple(
        move.action
        for move in TRANSITIONS
        if view.state in move.sources
        and actor.role in move.allowed
        and all(_GUARDS[guard](view, actor, now) for guard in move.allowed[actor.role])
    )


def way_to_take(
    view: ReviewView, actor: Actor, now: dt.datetime
) -> Literal["take", "take_over"] | None:
    """How the actor gets a free call: untaken, or held under a lock that has run out.

    None when it is not free: what others work on is never taken from them unasked, not even by
    those who may.
    """
    steps = possible(view, actor, now)
    if "take" in steps:
        return "take"
    return "take_over" if "take_over" in steps and _lock_expired(view, actor, now) else None


def diagram() -> str:
    """The machine as a Mermaid state diagram, one arrow for each step from each state."""
    lines = ["stateDiagram-v2", "    [*] --> pending"]
    for move in TRANSITIONS:
        who = "、".join(move.allowed)
        lines += [
            f"    {source} --> {move.target}: {move.action}（{who}）" for source in move.sources
        ]
    return "\n".join([*lines, "    final --> [*]"])


def _held_by_actor(view: ReviewView, actor: Actor, _now: dt.datetime) -> bool:
    return view.holder_id is not None and view.holder_id == actor.user_id


def _held_by_nobody_else(view: ReviewView, actor: Actor, now: dt.datetime) -> bool:
    return view.holder_id is None or _held_by_actor(view, actor, now)


def _lock_expired(view: ReviewView, _actor: Actor, now: dt.datetime) -> bool:
    return view.lock_expires_at is not None and now >= view.lock_expires_at


_GUARDS: Mapping[Guard, Callable[[ReviewView, Actor, dt.datetime], bool]] = {
    "holder": _held_by_actor,
    "nobody_else": _held_by_nobody_else,
    "lock_expired": _lock_expired,
    "own_call": lambda view, actor, _: actor.agent is not None and actor.agent == view.agent,
    "own_team": lambda view, actor, _: view.team is not None and view.team in actor.teams,
    "before_deadline": lambda view, _, now: (
        view.appeal_until is not None and now < view.appeal_until
    ),
    "after_deadline": lambda view, _, now: (
        view.appeal_until is not None and now >= view.appeal_until
    ),
    "not_the_reviewer": lambda view, actor, _: (
        actor.user_id is not None and actor.user_id != view.reviewer_id
    ),
    "own_appeal": lambda view, actor, _: (
        actor.user_id is not None and actor.user_id == view.appellant_id
    ),
    "not_the_appellant": lambda view, actor, _: (
        actor.user_id is not None and actor.user_id != view.appellant_id
    ),
}
