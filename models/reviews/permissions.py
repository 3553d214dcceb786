"""The permissions of the review state machine as a table that people read."""

from collections.abc import Mapping
from typing import Literal

from models.reviews.states import TRANSITIONS, Guard, Transition

Language = Literal["zh", "en"]
ROLES: tuple[str, ...] = ("admin", "manager", "reviewer", "agent", "system")

_ANYTIME: Mapping[Language, str] = {"zh": "可以", "en": "yes"}
_HEAD: Mapping[Language, str] = {"zh": "操作", "en": "step"}
_GUARDS: Mapping[Language, Mapping[Guard, str]] = {
    "zh": {
        "holder": "在自己手上",
        "nobody_else": "没人在做",
        "lock_expired": "锁定已到期",
        "own_call": "自己的通话",
        "own_team": "自己的团队",
        "before_deadline": "期限之内",
        "after_deadline": "期限已过",
        "not_the_reviewer": "不是复核人",
        "own_appeal": "自己提的",
        "not_the_appellant": "不是申诉人",
    },
    "en": {
        "holder": "holds it",
        "nobody_else": "nobody else does",
        "lock_expired": "lock expired",
        "own_call": "own call",
        "own_team": "own team",
        "before_deadline": "in time",
        "after_deadline": "time is over",
        "not_the_reviewer": "not the reviewer",
        "own_appeal": "own appeal",
        "not_the_appellant": "not the appellant",
    },
}


def permission_table(language: Language) -> str:
    """A Markdown table: a line for each step from each state, the conditions of each role.

    `–` stands where a role never takes the step.
    """
    head = (_HEAD[language], *ROLES)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for move in TRANSITIONS:
        cells = [_conditions(move, role, language) for role in ROLES]
        lines += [
            f"| `{source}` → `{move.target}` {move.action} | {' | '.join(cells)} |"
            for source in move.sources
        ]
    return "\n".join(lines)


def _conditions(move: Transition, role: str, language: Language) -> str:
    guards = move.allowed.get(role)
    if guards is None:
        return "–"
    separator = "、" if language == "zh" else ", "
    return separator.join(_GUARDS[language][guard] for guard in guards) or _ANYTIME[language]
