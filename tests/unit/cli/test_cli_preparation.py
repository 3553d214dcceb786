"""What the terminal is told about the first sign-in."""

import threading
from pathlib import Path

import pytest

from cli.commands.demo import _sign_in_of, _told_password
from cli.commands.up import Running
from cli.preparation import sign_in_lines
from cli.supervision import Supervisor
from core.settings import Settings
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


def test_the_demo_uses_a_chosen_password_without_writing_or_telling_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, admin_password="chosen-secret")
    made = Bootstrapped("admin", None, (), admin_made=True)
    service = Running("http://x", made, Supervisor((), {}), threading.Event())
    assert _sign_in_of(service, settings) == ("admin", "chosen-secret")
    assert "chosen-secret" not in _told_password("chosen-secret", settings)
    assert list(tmp_path.iterdir()) == []
