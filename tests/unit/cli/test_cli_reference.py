"""The generated pages and the page of the commands say what the code says."""

from pathlib import Path

import typer

from cli.commands.analyze import KEYS
from cli.exits import Exit
from cli.main import COMMANDS, app
from cli.reference import settings_page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_settings_page_is_current() -> None:
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == settings_page()


def test_every_command_is_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    root = typer.main.get_command(app)
    for name in COMMANDS:
        command = root.get_command(None, name)
        for sub in getattr(command, "commands", {"": None}):
            assert f"tingjian {name} {sub}".strip() in page


def test_every_exit_code_is_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for code in Exit:
        assert f"\n| {code.value} |" in page


def test_every_key_of_a_result_is_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"| `{key}` |" in page
