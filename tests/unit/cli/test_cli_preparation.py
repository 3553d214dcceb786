"""What the terminal is told about the first sign-in."""

import pytest

from cli.preparation import sign_in_lines
from pipeline.bootstrap import Bootstrapped


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Bootstrapped("admin", "generated-one", (), admin_made=True), "密码：generated-one（只显"),
        (Bootstrapped("admin", None, (), admin_made=True), "TINGJIAN_ADMIN_PASSWORD"),
        (Bootstrapped("admin", None, ()), "初始化时显示或指定"),
    ],
)
def test_a_generated_password_is_told_and_a_chosen_one_named(
    made: Bootstrapped, words: str
) -> None:
    told = "\n".join(sign_in_lines(made))
    assert "admin" in told
    assert words in told
