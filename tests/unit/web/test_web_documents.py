"""The pages of versioned documents: what is typed into them, and how."""

import pytest

from api.web.documents_routes import spoken_lines
from core.errors import AppError
from pipeline.bulk.requests import TrialLine


def test_lines_say_who_speaks() -> None:
    said = "您好\n客户：太贵了\n\nC: 再说吧\n坐席：好的\n时间：明天三点"
    assert spoken_lines(said) == (
        TrialLine(role="agent", text="您好"),
        TrialLine(role="customer", text="太贵了"),
        TrialLine(role="customer", text="再说吧"),
        TrialLine(role="agent", text="好的"),
        # A colon inside a sentence names nobody.
        TrialLine(role="agent", text="时间：明天三点"),
    )


@pytest.mark.parametrize("said", ["", " \n ", "客户：", "好\n" * 51])
def test_nothing_and_too_much_are_refused(said: str) -> None:
    with pytest.raises(AppError) as caught:
        spoken_lines(said)
    assert caught.value.code == "validation-failed"
