"""`tingjian rules`: the sentence form there and back, the schema, lint with its places."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app

RULE = """ruleset: 我的
version: "1"
categories: [类]
rules:
  - {id: hello, name: 未问候, category: 类, severity: minor, reason: 礼貌, score: -5,
     conditions: {问候: {keyword: [您好], role: agent}}, hit_if: not 问候,
     examples: {must_fire: [再见], must_not_fire: [您好]}}
"""


def run(*words: str, text: str | None = None) -> str:
    result = CliRunner().invoke(app, ["rules", *words], input=text, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_shown_sentence_reads_back_as_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(RULE, encoding="utf-8")
    (shown,) = json.loads(run("show", str(path), "--full", "--json"))
    assert shown["sentence"] == "坐席没有说“您好”〔问候〕 → 扣 5 分"
    (rule,) = yaml.safe_load(run("read", "-", text=shown["sentence"]))
    assert rule["conditions"] == {"问候": {"keyword": ["您好"], "role": "agent"}}
    assert rule["hit_if"] == "not 问候"
    assert rule["score"] == -5


def test_a_sentence_that_cannot_be_read_names_the_column() -> None:
    result = CliRunner().invoke(app, ["rules", "read", "客服唱歌 → 扣 5 分"])
    assert result.exit_code != 0
    assert "第 1 个字" in result.stderr


def test_the_schema_is_printed_as_json() -> None:
    assert json.loads(run("schema"))["required"] == ["ruleset", "version", "rules"]


def test_lint_names_file_line_and_fix(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(RULE.replace("keyword: [您好]", "regex: '(a+)+'"), encoding="utf-8")
    result = CliRunner().invoke(app, ["rules", "lint", str(path), "--json"])
    assert result.exit_code == 1
    (issue,) = json.loads(result.stdout)["issues"]
    assert (issue["code"], issue["line"]) == ("backtracking-regex", 6)
    assert issue["fix"]


def test_examples_are_counted_and_failures_named(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(RULE.replace("must_fire: [再见]", "must_fire: [您好吗]"), encoding="utf-8")
    result = CliRunner().invoke(app, ["rules", "test", str(path), "--json"])
    report = json.loads(result.stdout)
    assert (report["rules"], report["examples"]) == (1, 2)
    (failed,) = report["failed"]
    assert (failed["rule"], failed["expected"], failed["outcome"]) == (
        "hello",
        "must_fire",
        "clear",
    )
    assert result.exit_code == 1


def test_a_shown_sentence_says_what_the_card_takes_away(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    card = "scorecard: {severity_points: {minor: -3}}\nrules:\n"
    path.write_text(
        RULE.replace("rules:\n", card).replace("reason: 礼貌, score: -5", "reason: 礼貌"),
        encoding="utf-8",
    )
    assert "扣 3 分" in run("show", str(path))
    assert "只作标记" in run("show", str(path), "--full")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("keyword: [您好]", "regex: '(您好'"), "括号没有成对"),
        (("keyword: [您好]", "keyword: '(您好'"), "括号没有成对"),
        (("keyword: [您好]", "act: 不文明语"), "没有这个内置事件"),
        (("hit_if: not 问候", "hit_if: not 问好"), "问好 没有定义"),
        (("keyword: [您好], role: agent", "logic: 问候"), "成环"),
        (("keyword: [您好], role: agent", "rule: no"), "不在规则集里"),
    ],
)
@pytest.mark.parametrize("command", ["show", "test"])
def test_a_rule_set_that_cannot_run_is_refused_with_its_place(
    tmp_path: Path, command: str, change: tuple[str, str], says: str
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(RULE.replace(*change), encoding="utf-8")
    result = CliRunner().invoke(app, ["rules", command, str(path)])
    assert result.exit_code == 2
    told = result.stderr.replace("\n", "")
    assert f"{path}:6:" in told
    assert says in told


@pytest.mark.parametrize("command", ["show", "lint", "test"])
def test_a_file_that_is_not_there_is_told_in_chinese(tmp_path: Path, command: str) -> None:
    for path, says in ((tmp_path / "none.yaml", "没有这个文件"), (tmp_path, "这是目录")):
        result = CliRunner().invoke(app, ["rules", command, str(path)])
        assert result.exit_code == 2
        assert says in result.stderr
