"""Fields of a call in its JSON: they choose rules and the scorecard, and a replay knows them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from cli.main import app
from core.serial import to_json

RULES = """ruleset: 按字段
version: "1"
domain: edu
categories: [类]
scorecards:
  - {name: 回访卡, applies_to: {campaign: [回访]}, start: 90, pass_mark: 85, points: {hello: -8}}
  - {name: 默认卡}
rules:
  - {id: hello, name: 未问候, category: 类, severity: minor, reason: 因, score: -5,
     hit_if: not 问候,
     conditions: {问候: {keyword: 您好, role: agent}},
     examples: {must_fire: [喂], must_not_fire: [您好]}}
  - {id: vip, name: 贵宾, category: 类, severity: minor, reason: 因, score: -1, hit_if: 贵,
     applies: {team: [一部]}, conditions: {贵: {metadata: {level: ">= 3"}}},
     examples: {must_fire: [{dialogue: 喂, metadata: {team: 一部, level: 3}}], must_not_fire: [喂]}}
"""


@pytest.mark.parametrize(
    ("fields", "card", "value", "passed", "vip"),
    [
        ({"campaign": "回访", "team": "一部", "level": 3}, "回访卡", 81.0, False, "hit"),
        ({"campaign": "首呼", "team": "一部", "level": 2}, "默认卡", 95.0, True, "clear"),
        ({"team": "二部", "level": 3}, "默认卡", 95.0, True, "not_applicable"),
        ({}, "默认卡", 95.0, True, "not_applicable"),
    ],
)
def test_fields_choose_the_card_and_the_rules(
    tmp_path: Path, fields: dict[str, object], card: str, value: float, passed: bool, vip: str
) -> None:
    said = (
        Utterance(0, 0, "agent", 0, 2000, "我是小王", "我是小王"),
        Utterance(1, 1, "customer", 2500, 4000, "不需要谢谢", "不需要谢谢"),
    )
    transcript = Transcript(AudioFacts(5000, 8000, 2, "none", "none"), EngineInfo("x"), said)
    rules, call = tmp_path / "rules.yaml", tmp_path / "call.json"
    rules.write_text(RULES, encoding="utf-8")
    document = {"call": {"metadata": fields}, "transcript": to_json(transcript)}
    call.write_text(json.dumps(document), encoding="utf-8")
    runner, out = CliRunner(), tmp_path / "out"
    made = runner.invoke(app, ["analyze", str(call), "--rules", str(rules), "--out", str(out)])
    assert made.exit_code == 0, made.output
    result = json.loads((out / "call.json").read_text(encoding="utf-8"))
    score = result["score"]
    assert (score["scorecard"], score["value"], score["passed"]) == (card, value, passed)
    assert [finding["outcome"] for finding in result["findings"]] == ["hit", vip]
    again = runner.invoke(app, ["replay", str(out / "call.json"), "--rules", str(rules)])
    assert again.exit_code == 0, again.output
