"""The review state machine: its table, its guards, and the diagram in the documentation."""

import datetime as dt
import re
import uuid
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import AppError
from models.actors import SYSTEM, Actor
from models.reviews.permissions import ROLES, Language, permission_table
from models.reviews.states import (
    STATE_NAMES,
    TRANSITIONS,
    Guard,
    ReviewAction,
    ReviewState,
    ReviewView,
    diagram,
    possible,
    step,
    way_to_take,
)

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
LATER, EARLIER = NOW + dt.timedelta(hours=1), NOW - dt.timedelta(hours=1)
LI, WANG, BOSS, ADMIN, AGENT = (uuid.UUID(int=n) for n in range(1, 6))
REVIEWER = Actor(username="li", role="reviewer", user_id=LI)
OTHER = Actor(username="wang", role="reviewer", user_id=WANG)
MANAGER = Actor(username="boss", role="manager", user_id=BOSS, teams=frozenset({"甲"}))
ADMINISTRATOR = Actor(username="admin", role="admin", user_id=ADMIN)
SELLER = Actor(username="xu", role="agent", user_id=AGENT, agent="徐")
PENDING = ReviewView(agent="徐", team="甲")
HELD = replace(PENDING, state="assigned", holder_id=LI, lock_expires_at=LATER)
REVIEWED = replace(PENDING, state="reviewed", reviewer_id=LI, appeal_until=LATER)
APPEALED = replace(REVIEWED, state="appealed", appellant_id=AGENT)


def refusal(view: ReviewView, action: ReviewAction, actor: Actor) -> str:
    with pytest.raises(AppError) as caught:
        step(view, action, actor, NOW)
    return caught.value.code


@pytest.mark.parametrize(
    ("view", "action", "actor", "target"),
    [
        (PENDING, "take", REVIEWER, "assigned"),
        (PENDING, "assign", MANAGER, "assigned"),
        (HELD, "take", REVIEWER, "assigned"),
        (HELD, "judge", REVIEWER, "assigned"),
        (HELD, "submit", REVIEWER, "reviewed"),
        (HELD, "release", REVIEWER, "pending"),
        (HELD, "take_over", MANAGER, "assigned"),
        (replace(HELD, lock_expires_at=NOW), "take_over", OTHER, "assigned"),
        (REVIEWED, "appeal", SELLER, "appealed"),
        (REVIEWED, "appeal", MANAGER, "appealed"),
        (APPEALED, "withdraw", SELLER, "reviewed"),
        (APPEALED, "decide", MANAGER, "final"),
        (APPEALED, "decide", ADMINISTRATOR, "final"),
        (replace(REVIEWED, appeal_until=NOW), "finalise", SYSTEM, "final"),
        (REVIEWED, "reopen", MANAGER, "pending"),
        (replace(REVIEWED, state="final"), "reopen", ADMINISTRATOR, "pending"),
    ],
)
def test_the_way_through(
    view: ReviewView, action: ReviewAction, actor: Actor, target: ReviewState
) -> None:
    assert step(view, action, actor, NOW) == target
    assert action in possible(view, actor, NOW)


@pytest.mark.parametrize(
    ("view", "action", "actor", "code"),
    [
        (HELD, "take", OTHER, "review-locked"),
        (HELD, "take_over", OTHER, "review-locked"),
        (replace(HELD, lock_expires_at=None), "take_over", OTHER, "review-locked"),
        (HELD, "judge", OTHER, "review-refused"),
        (HELD, "judge", ADMINISTRATOR, "review-refused"),
        (PENDING, "judge", REVIEWER, "review-state"),
        (PENDING, "assign", REVIEWER, "forbidden"),
        (PENDING, "take", SELLER, "forbidden"),
        (PENDING, "take", replace(MANAGER, teams=frozenset({"乙"})), "review-refused"),
        (REVIEWED, "appeal", replace(SELLER, agent="别人"), "review-refused"),
        (replace(REVIEWED, appeal_until=EARLIER), "appeal", SELLER, "review-refused"),
        (REVIEWED, "finalise", SYSTEM, "review-refused"),
        (APPEALED, "decide", REVIEWER, "forbidden"),
        (replace(APPEALED, reviewer_id=BOSS), "decide", MANAGER, "review-refused"),
        (replace(APPEALED, appellant_id=BOSS), "decide", MANAGER, "review-refused"),
        (APPEALED, "withdraw", MANAGER, "review-refused"),
        (APPEALED, "reopen", ADMINISTRATOR, "review-state"),
    ],
)
def test_what_is_refused(view: ReviewView, action: ReviewAction, actor: Actor, code: str) -> None:
    assert refusal(view, action, actor) == code
    assert action not in possible(view, actor, NOW)


def test_the_table_names_every_state_and_action_once() -> None:
    assert sorted(move.action for move in TRANSITIONS) == sorted(get_args(ReviewAction))
    assert set(STATE_NAMES) == set(get_args(ReviewState))
    reached = {"pending"} | {move.target for move in TRANSITIONS}
    assert reached == set(get_args(ReviewState))


ACTORS = st.sampled_from([REVIEWER, OTHER, MANAGER, ADMINISTRATOR, SELLER, SYSTEM])
IDS = st.one_of(st.none(), st.sampled_from([LI, WANG, BOSS, ADMIN, AGENT]))
TIMES = st.sampled_from([None, EARLIER, NOW, LATER])
VIEWS = st.builds(
    ReviewView, state=st.sampled_from(get_args(ReviewState)), holder_id=IDS,
    lock_expires_at=TIMES, reviewer_id=IDS, appeal_until=TIMES, appellant_id=IDS,
    agent=st.sampled_from([None, "徐", "别人"]), team=st.sampled_from([None, "甲", "乙"]),
)  # fmt: skip


@settings(deadline=None)
@given(view=VIEWS, actor=ACTORS)
def test_possible_says_exactly_what_step_allows(view: ReviewView, actor: Actor) -> None:
    for action in get_args(ReviewAction):
        allowed = action in possible(view, actor, NOW)
        try:
            step(view, action, actor, NOW)
        except AppError:
            assert not allowed
        else:
            assert allowed


@settings(deadline=None)
@given(view=VIEWS, actor=ACTORS)
def test_nobody_judges_the_own_work_and_agents_only_speak_for_themselves(
    view: ReviewView, actor: Actor
) -> None:
    steps = possible(view, actor, NOW)
    if "decide" in steps:
        assert actor.user_id not in (view.reviewer_id, view.appellant_id)
        assert actor.role in ("admin", "manager")
    if "judge" in steps:
        assert actor.user_id == view.holder_id
    if actor.role == "agent":
        assert set(steps) <= {"appeal", "withdraw"}
        assert "appeal" not in steps or view.agent == actor.agent
    if actor.role == "manager":
        assert "reopen" not in steps or view.team in actor.teams


def test_the_next_free_call_is_untaken_or_held_under_a_lock_that_ran_out() -> None:
    ran_out = replace(HELD, lock_expires_at=EARLIER)
    assert way_to_take(PENDING, OTHER, NOW) == "take"
    assert way_to_take(HELD, REVIEWER, NOW) == "take"
    assert [way_to_take(HELD, actor, NOW) for actor in (OTHER, MANAGER)] == [None, None]
    assert [way_to_take(ran_out, actor, NOW) for actor in (OTHER, MANAGER)] == ["take_over"] * 2
    assigned = replace(HELD, lock_expires_at=None)
    assert way_to_take(assigned, ADMINISTRATOR, NOW) is None


def test_the_diagram_has_an_arrow_for_every_step() -> None:
    text = diagram()
    for move in TRANSITIONS:
        for source in move.sources:
            assert f"{source} --> {move.target}: {move.action}" in text


@pytest.mark.parametrize(("page", "language"), [("review.md", "zh"), ("en/review.md", "en")])
def test_the_documentation_shows_this_machine(page: str, language: Language) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / page).read_text("utf-8")
    assert f"```mermaid\n{diagram()}\n```" in text
    assert f"\n\n{permission_table(language)}\n\n" in text


# For each guard, what of a review makes it refuse the actor 7, and what makes it let 7 pass.
BREAKS: dict[Guard, dict[str, object]] = {
    "holder": {"holder_id": uuid.UUID(int=99)},
    "nobody_else": {"holder_id": uuid.UUID(int=99)},
    "lock_expired": {"lock_expires_at": LATER},
    "own_call": {"agent": "别人"},
    "own_team": {"team": "乙"},
    "before_deadline": {"appeal_until": NOW},
    "after_deadline": {"appeal_until": LATER},
    "not_the_reviewer": {"reviewer_id": uuid.UUID(int=7)},
    "own_appeal": {"appellant_id": uuid.UUID(int=99)},
    "not_the_appellant": {"appellant_id": uuid.UUID(int=7)},
}
PASSES: dict[Guard, dict[str, object]] = {
    "holder": {"holder_id": uuid.UUID(int=7)},
    "nobody_else": {"holder_id": None},
    "lock_expired": {"lock_expires_at": EARLIER},
    "own_call": {"agent": "徐"},
    "own_team": {"team": "甲"},
    "before_deadline": {"appeal_until": LATER},
    "after_deadline": {"appeal_until": NOW},
    "not_the_reviewer": {"reviewer_id": uuid.UUID(int=98)},
    "own_appeal": {"appellant_id": uuid.UUID(int=7)},
    "not_the_appellant": {"appellant_id": uuid.UUID(int=98)},
}
EVERY_CELL = [
    (action, state, role)
    for action in get_args(ReviewAction)
    for state in get_args(ReviewState)
    for role in ROLES
]


@pytest.mark.parametrize(("action", "state", "role"), EVERY_CELL)
def test_every_cell_of_the_table(action: ReviewAction, state: ReviewState, role: str) -> None:
    """Read from the documentation: who may, under which conditions, and nobody else."""
    documented = _documented()
    words = documented.get((action, state), {}).get(role)
    me = uuid.UUID(int=7)
    actor = Actor(username="me", role=role, user_id=me, teams=frozenset({"甲"}), agent="徐")
    view = ReviewView(state=state, agent="徐", team="甲")
    if words is None:
        assert refusal(view, action, actor) in ("forbidden", "review-state")
        return
    guards = [guard for guard, word in GUARD_WORDS.items() if word in words]
    for guard in guards:
        view = replace(view, **PASSES[guard])  # type: ignore[arg-type]
    assert step(view, action, actor, NOW) == documented[action, state]["target"]
    for guard in guards:
        code = refusal(replace(view, **BREAKS[guard]), action, actor)  # type: ignore[arg-type]
        assert code in ("review-locked", "review-refused"), guard


GUARD_WORDS: dict[Guard, str] = {
    "holder": "在自己手上", "nobody_else": "没人在做", "lock_expired": "锁定已到期",
    "own_call": "自己的通话", "own_team": "自己的团队", "before_deadline": "期限之内",
    "after_deadline": "期限已过", "not_the_reviewer": "不是复核人", "own_appeal": "自己提的",
    "not_the_appellant": "不是申诉人",
}  # fmt: skip


@cache
def _documented() -> dict[tuple[str, str], dict[str, str]]:
    """(action, state) -> role -> conditions, and `target`: as the Chinese page tells it."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "review.md").read_text("utf-8")
    found: dict[tuple[str, str], dict[str, str]] = {}
    for line in re.findall(r"^\| `.*$", text, re.MULTILINE):
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        named = re.fullmatch(r"`(\w+)` → `(\w+)` (\w+)", first)
        if named is None or len(cells) != len(ROLES):
            continue
        allowed = {role: words for role, words in zip(ROLES, cells, strict=True) if words != "–"}
        found[named[3], named[1]] = {**allowed, "target": named[2]}
    return found
