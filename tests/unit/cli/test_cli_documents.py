"""`tree` and `rules` commands on documents: spreadsheets out and in, differences."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import app
from events.document import parse_tree

TREE = """\
tree: 小树
nodes:
  - {key: a, name: 问候, role: agent, sop: true, match: {keywords: [您好]}}
"""


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_tree_goes_to_a_spreadsheet_and_back(tmp_path: Path) -> None:
    source, sheet, back = tmp_path / "t.yaml", tmp_path / "t.xlsx", tmp_path / "b.yaml"
    source.write_text(TREE, "utf-8")
    assert run("tree", "export", source, sheet).exit_code == 0
    assert run("tree", "import", sheet, back).exit_code == 0
    assert parse_tree(back.read_text("utf-8")) == parse_tree(TREE)
    printed = run("tree", "import", sheet)
    assert printed.output == back.read_text("utf-8")
    same = run("tree", "diff", source, back)
    assert "没有不同" in same.output


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    source = tmp_path / "t.yaml"
    source.write_text(TREE, "utf-8")
    assert run("tree", "export", source, tmp_path / "t.doc").exit_code == 2
    assert run("tree", "import", source).exit_code == 2
    assert run("tree", "import", tmp_path / "none.xlsx").exit_code == 2
    assert run("tree", "export", source, tmp_path / "no" / "t.xlsx").exit_code == 2


def test_differences_are_told_for_people_and_programs(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(TREE, "utf-8")
    new.write_text(TREE.replace("[您好]", "[您好, 早上好]"), "utf-8")
    told = run("tree", "diff", old, new)
    assert "~ 问候（a）" in told.output
    assert "match.keywords: +早上好" in told.output
    (change,) = json.loads(run("tree", "diff", old, new, "--json").output)["changes"]
    assert change["fields"][0]["added"] == ["早上好"]
    rules = json.loads(run("rules", "diff", "电销通用", "保险", "--json").output)["changes"]
    assert {"added"} <= {change["kind"] for change in rules}
