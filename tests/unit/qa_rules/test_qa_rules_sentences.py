"""The sentence form: what it looks like, that it reads back to the same rule, its mistakes."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from rules_conditions import stated_rules
from rules_strategies import lines

from core.errors import AppError
from qa_rules.documents.rule_sets import load_pack, pack_names, parse_ruleset
from qa_rules.model import Rule
from qa_rules.sentences.reading import read_rule
from qa_rules.sentences.writing import write_rule

NAMES = ["甲", "乙-2", "c_3", "丁"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(stated_rules(lines(NAMES), NAMES))
def test_a_sentence_reads_back_to_the_same_rule(rule: Rule) -> None:
    assert replace(rule, **read_rule(write_rule(rule)).fields()) == rule


@pytest.mark.parametrize("pack", pack_names())
def test_the_rules_of_the_packs_read_back(pack: str) -> None:
    for rule in load_pack(pack).rules:
        assert replace(rule, **read_rule(write_rule(rule)).fields()) == rule


def rule_of(conditions: str, hit_if: str, more: str = "") -> Rule:
    text = (
        'ruleset: 测\nversion: "1"\ncategories: [类]\nrules:\n  - {id: r, name: 规, category: 类, '
        f"severity: minor, reason: 因, score: -5, hit_if: {hit_if}, {more}"
        f"conditions: {{{conditions}}}}}\n"
    )
    return parse_ruleset(text).rules[0]


@pytest.mark.parametrize(
    ("conditions", "hit_if", "sentence"),
    [
        (
            "问候语: {keyword: [您好, 早上好], role: agent, range: first 3 utterances}",
            "not 问候语",
            "坐席在前 3 句内没有说“您好”、“早上好”〔问候语〕 → 扣 5 分",
        ),
        (
            "贵: {keyword: 太贵, role: customer}, 让: {entity: amount, role: agent, anchor: "
            "{after: 贵, utterances: 3}}",
            "贵 and not 让",
            "客户说了“太贵”〔贵〕，且在【贵】之后 3 句内，坐席没有提到金额〔让〕 → 扣 5 分",
        ),
        (
            "冷场: {silence: {min_s: 5, after: agent}, range: first 60 s}, "
            "抢: {interruption: {}, range: [first 3 utterances, s 0 to 20]}",
            "冷场 or 抢",
            "坐席说完后在前 60 秒内出现 1 次以上超过 5 秒的静音〔冷场〕，或坐席在前 3 句且第 0 到 "
            "20 秒内抢话 1 次以上（重叠超过 500 毫秒）〔抢〕 → 扣 5 分",
        ),
        (
            "a: {keyword: 同意}, b: {keyword: 核身}, p: {process: [a, {step: b, within: 30 s}]}",
            "not p",
            "并非走完流程：【a】接【b】；【b】（上一步后 30 秒内）结束〔p〕 → 扣 5 分。"
            "其中任一方说了“同意”〔a〕；任一方说了“核身”〔b〕",
        ),
        (
            "价: {entity: amount, above: 1000, below: 5000, role: agent}, "
            "快: {speech_rate: {above: 300, below: 500}, role: agent}, "
            "长: {monologue: {min_s: 60, count: 2}}, 新: {metadata: {vip: true}}, "
            "轮: {turns: {above: 3, below: 20}}, 响: {volume: {above: -40, below: -12}}",
            "'at_least 2 of (价, 快, 长, 新, 轮, 响)'",
            "以下至少 2 项成立（坐席提到了金额（数值在 1000 与 5000 之间）〔价〕；"
            "坐席的语速在 300 与 500 字/分钟之间〔快〕；坐席有 2 次以上连续说话超过 60 秒〔长〕；"
            "通话信息 “vip”是真〔新〕；任一方说的话在 3 与 20 轮之间〔轮〕；"
            "任一方有 1 句以上的音量在 -40 与 -12 dBFS之间〔响〕） → 扣 5 分",
        ),
    ],
)
def test_sentences(conditions: str, hit_if: str, sentence: str) -> None:
    rule = rule_of(conditions, hit_if)
    assert write_rule(rule) == sentence
    assert read_rule(sentence).conditions == rule.conditions


def test_a_sentence_may_be_written_by_hand() -> None:
    said = read_rule("客服在前 3 句内没有说“您好”〔问候语〕 → 扣 5 分")
    assert (
        said.conditions
        == rule_of(
            "问候语: {keyword: 您好, role: agent, range: first 3 utterances}", "问候语"
        ).conditions
    )
    assert said.score == -5


@pytest.mark.parametrize(
    ("sentence", "column", "says"),
    [
        ("坐席说了“您好” → 扣 5 分", 1, "〔名字〕"),
        ("坐席唱了“您好”〔甲〕 → 扣 5 分", 1, "看不懂“坐席唱了“您好””"),
        ("坐席说了“您好”〔甲〕", 12, "→"),
        ("坐席说了“您好”〔甲〕 → 罚 5 分", 15, "扣 5 分"),
        ("（坐席说了“您好”〔甲〕 → 扣 5 分", 13, "）"),
        ("坐席说了“您好”〔甲〕，且坐席说了“您好”〔甲〕 → 扣 5 分", 14, "定义了两次"),
        ("以下至少 3 项成立（坐席说了“a”〔甲〕） → 扣 5 分", 23, "超出了"),
        ("坐席说了“您好”〔甲〕 → 扣 5 分，再见", 20, "看不懂"),
        ("（" * 80, 51, "嵌套太深"),
        ("坐席至少说了 5 种：“您好”〔甲〕 → 扣 5 分", 1, "at_least 5 超过了列出的 1 项"),
        ("坐席的说话占比超过 80〔甲〕 → 扣 5 分", 1, "在 0 到 1 之间"),
        ("坐席说了“”〔甲〕 → 扣 5 分", 1, "不能为空"),
        ("坐席说了“您好”〔and〕 → 扣 5 分", 1, "布尔式"),
        ("坐席说了“您好”〔甲〕 → 扣 1e400 分", 1, "score"),
        ("坐席在前 2.5 句内说了“您好”〔甲〕 → 扣 5 分", 1, "整数"),
        (
            "走完流程：【甲】接【乙】；【乙】接【甲】〔丙〕 → 扣 5 分。其中坐席说了“a”〔甲〕；"
            "坐席说了“b”〔乙〕",
            1,
            "成环",
        ),
        ("【乙】成立 → 扣 5 分", 1, "条件 乙 没有定义"),
        ("【乙】之后出现【丙】〔甲〕 → 扣 5 分", 1, "没有定义"),
        ("【乙】出现〔甲〕 → 扣 5 分。其中坐席说了“b”〔乙〕", 1, "at_least、at_most"),
        ("坐席在前 3 句且" + "前 3 句且" * 500 + "内说了“a”〔甲〕 → 扣 5 分", 1, "看不懂"),
    ],
)
def test_mistakes_are_named_with_their_column(sentence: str, column: int, says: str) -> None:
    with pytest.raises(AppError) as caught:
        read_rule(sentence)
    assert says in caught.value.message
    assert caught.value.detail["column"] == column
