"""Numbers and periods as the pages write them."""

import datetime as dt

import pytest

from api.v1.calls.metadata import LOCAL_ZONE
from api.web.rendering import days, percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0.0, "0%"),
        (0.001, "<1%"),
        (0.005, "<1%"),
        (0.0051, "1%"),
        (0.5, "50%"),
        (0.996, ">99%"),
        (1.0, "100%"),
    ],
)
def test_what_is_neither_none_nor_all_is_not_shown_as_such(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_a_period_ends_on_its_last_day() -> None:
    first = dt.datetime(2026, 3, 1, tzinfo=LOCAL_ZONE)
    assert "2026-03-01 – 2026-03-31" in days(first, dt.datetime(2026, 4, 1, tzinfo=LOCAL_ZONE))
    assert "2026-03-01 – 2026-03-01" in days(first, first + dt.timedelta(hours=5))
