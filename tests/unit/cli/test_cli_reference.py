"""The generated pages and the page of the commands say what the code says."""

import re
from pathlib import Path

import typer

from cli.commands.analyze import KEYS
from cli.exits import Exit
from cli.main import COMMANDS, app
from cli.reference import LEVELS_EN, metrics_page, settings_page
from cli.setting_meanings import MEANINGS

DOCS = Path(__file__).parents[3] / "docs"


def test_the_settings_page_is_current() -> None:
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == settings_page()


def test_every_setting_is_explained_in_chinese_and_english() -> None:
    rows = [line.split(" | ") for line in settings_page().splitlines() if "`TINGJIAN_" in line]
    told = {row[0].strip("|` "): (row[2].strip(), row[3].strip("| ")) for row in rows}
    assert told.keys() == MEANINGS.keys(), "add the meaning to cli/setting_meanings.py"
    for variable, (chinese, english) in told.items():
        assert re.search("[\u4e00-\u9fff]", chinese), variable
        assert english, variable


def test_the_metrics_page_names_everything_in_both_languages() -> None:
    titles = [line for line in metrics_page().splitlines() if line.startswith(("## ", "| id"))]
    assert len(titles) == 2 * len(LEVELS_EN)
    assert all(re.search("[a-z]{3}", title) for title in titles)


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
