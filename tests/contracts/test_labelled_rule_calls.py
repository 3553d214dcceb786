"""The labelled calls that rules are measured on can be read, and mistakes in them are named."""

from pathlib import Path

import pytest
from bench_rule_accuracy import Judged, report
from labelled_rule_calls import (
    NOT_LABELLED,
    SHORTEST_CALL_MS,
    RuleCall,
    labelled_rules,
    load_calls,
)

from core.errors import AppError
from qa_rules.documents.rule_sets import load_pack, pack_names
from qa_rules.findings import Finding, Outcome

HEADER = "## a-01 | 贷款 | 想借钱 | hits: no-greeting"
SPEECH = "坐: 您看看\n客: 看啥"


def written(folder: Path, text: str, name: str = "贷款-a.txt") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_every_shipped_call_can_be_read() -> None:
    calls = load_calls()
    assert {call.pack for call in calls} <= set(pack_names())
    assert load_calls("dev") + load_calls("test") == tuple(
        sorted(calls, key=lambda call: call.split)
    )
    for call in calls:
        assert {role for role, _ in call.turns} == {"agent", "customer"}, call.id


def test_every_rule_is_labelled_or_told_why_not() -> None:
    for pack in pack_names():
        ids = {rule.id for rule in load_pack(pack).rules}
        assert ids >= NOT_LABELLED
        assert labelled_rules(pack) == ids - NOT_LABELLED


def test_a_call_becomes_a_transcript(tmp_path: Path) -> None:
    (call,) = load_calls("dev", written(tmp_path, f"{HEADER} | unsure: no-purpose\n{SPEECH}\n"))
    assert (call.hits, call.unsure) == ({"no-greeting"}, {"no-purpose"})
    said = call.transcript()
    assert [(u.role, u.start_ms, u.end_ms) for u in said.utterances] == [
        ("agent", 0, 600),
        ("customer", 1000, 1400),
    ]
    assert said.audio.duration_ms == SHORTEST_CALL_MS
    assert load_calls("test", tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (f"{HEADER} no-such-rule\n{SPEECH}", 1, "no-such-rule"),
        (f"{HEADER} med-free-bait\n{SPEECH}", 1, "med-free-bait"),
        (f"{HEADER} long-silence\n{SPEECH}", 1, "不标注"),
        (f"{HEADER} no-greeting\n{SPEECH}", 1, "两遍"),
        (f"{HEADER} | unsure: no-greeting\n{SPEECH}", 1, "既在"),
        (f"{HEADER} | 再说\n{SPEECH}", 1, "unsure"),
        (f"{HEADER}\n{SPEECH}\n{HEADER}\n{SPEECH}", 4, "用过"),
        (f"{HEADER}\n{SPEECH}\n旁白: 响铃", 4, "坐: "),
        (f"{HEADER}\n{SPEECH}\n坐:", 4, "坐: "),
        (f"{HEADER}\n坐: 您看看", 1, "1 句"),
        (f"{SPEECH}\n{HEADER}\n{SPEECH}", 1, "之前"),
        (f"## a-01 | 医美 | 想借钱 | hits:\n{SPEECH}", 1, "医美"),
        (f"## 第一通 | 贷款 | 想借钱 | hits:\n{SPEECH}", 1, "第一通"),
        (f"## a-01 | 贷款 | 想借钱\n{SPEECH}", 1, "hits"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(AppError, match=what) as raised:
        load_calls(folder=written(tmp_path, text))
    assert raised.value.code == "bad-document"
    assert raised.value.message.startswith(f"贷款-a.txt:{line}: ")


@pytest.mark.parametrize("name", ["钢铁-a.txt", "贷款-z.txt", "贷款.txt"])
def test_a_file_name_tells_pack_and_author(tmp_path: Path, name: str) -> None:
    with pytest.raises(AppError, match="文件名"):
        load_calls(folder=written(tmp_path, f"{HEADER}\n{SPEECH}", name))


def test_an_id_is_used_in_one_file_only(tmp_path: Path) -> None:
    written(tmp_path, f"{HEADER}\n{SPEECH}")
    with pytest.raises(AppError, match=r"贷款-b\.txt:1: 编号 a-01 在 贷款-a\.txt:1 用过"):
        load_calls(folder=written(tmp_path, f"{HEADER}\n{SPEECH}", "贷款-b.txt"))


def judged(hits: set[str], unsure: set[str], outcomes: dict[str, Outcome]) -> Judged:
    turns = (("agent", "您看看"), ("customer", "看啥"))
    call = RuleCall("a-01", "贷款", "dev", "", frozenset(hits), frozenset(unsure), turns)
    findings = {
        rule: Finding(
            rule=rule, rule_name=rule, category="", severity="info", score_effect=0.0,
            outcome=outcomes.get(rule, "clear"), veto=False, reason="", ruleset="贷款@1",
        )
        for rule in labelled_rules("贷款")
    }  # fmt: skip
    return Judged(call, findings)


def test_what_is_undecidable_is_not_found() -> None:
    one = judged(
        {"no-greeting", "no-purpose"},
        {"no-next-step"},
        {"no-greeting": "hit", "no-purpose": "undecidable", "no-next-step": "hit",
         "loan-overborrow": "hit"},
    )  # fmt: skip
    figures = report([one])
    by_id = {rule["id"]: rule for rule in figures["rules"]}
    assert "no-next-step" not in by_id
    assert (by_id["no-greeting"]["precision"], by_id["no-greeting"]["recall"]) == (1.0, 1.0)
    assert (by_id["no-purpose"]["recall"], by_id["no-purpose"]["undecidable"]) == (0.0, 1)
    assert by_id["loan-overborrow"]["precision"] == 0.0
    assert by_id["loan-overborrow"]["recall"] is None
    micro = figures["micro"]
    assert (micro["labelled"], micro["found"], micro["right"]) == (2, 2, 1)
    assert micro["recall_interval"] == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert [line.split()[1:3] for line in one.errors()] == [
        ["loan-overborrow", "误"],
        ["no-purpose", "漏"],
    ]
