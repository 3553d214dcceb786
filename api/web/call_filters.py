"""The filters of the list of calls, as people type them into the page's form."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from api.v1.calls.filters import call_filter
from core.errors import AppError
from models.calls import CallFilter
from models.tables.calls import CALL_STATES

_NUMBERS = ("score_min", "score_max")
_MOMENTS = ("started_from", "started_to")
NAMES = (
    "q", "state", "agent", "team", "campaign", "score_min", "score_max", "node_state", "rule",
    "node", "domain", "direction", "disposition", "started_from", "started_to",
)  # fmt: skip


def given_filters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The known filters that are not empty, as text; a form sends its empty fields too."""
    found = {name: parameters.get(name, "").strip() for name in NAMES}
    return {name: value for name, value in found.items() if value}


def filter_of(given: Mapping[str, str]) -> CallFilter:
    """The filter that these texts describe.

    Raises:
        AppError: `validation-failed` naming the field that is not a number, a date or a state.
    """
    values: dict[str, Any] = dict(given)
    for name in _NUMBERS:
        _convert(values, name, float, "数字")
    for name in _MOMENTS:
        _convert(values, name, dt.datetime.fromisoformat, "日期，例如 2026-01-31")
    if values.get("state") not in (None, *CALL_STATES):
        raise _wrong("state", "、".join(CALL_STATES))
    return call_filter(**{name: values.get(name) for name in NAMES})


def _convert(
    values: dict[str, Any], name: str, convert: Callable[[str], object], expected: str
) -> None:
    if name not in values:
        return
    try:
        values[name] = convert(values[name])
    except ValueError as error:
        raise _wrong(name, expected) from error


def _wrong(name: str, expected: str) -> AppError:
    return AppError("validation-failed", f"筛选条件 {name} 应为{expected}，请更正后再查询。")
