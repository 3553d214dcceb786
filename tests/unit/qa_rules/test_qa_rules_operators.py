"""Each operator on calls small enough to judge by eye."""

from types import SimpleNamespace

import numpy as np
import pytest
from rules_cases import TALK, call, judge

from asr.transcript import AudioFacts, EngineInfo, Transcript, UntranscribedSpeech, Utterance, Word
from core.errors import AppError
from events.acts.labels import LABELS
from events.hits import EventHit
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView
from qa_rules.facts.call_facts import CallFacts
from qa_rules.facts.polarity import affirmed
from qa_rules.facts.scan import Scanner
from qa_rules.operators.text import Claims


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{keyword: [您好], role: agent}", "hit"),
        ("{keyword: [您好], role: customer}", "clear"),
        ("{keyword: {all: [您好, 分期]}}", "hit"),
        ("{keyword: {all: [您好, 定金]}}", "clear"),
        ("{keyword: [您好 & 分期]}", "clear"),
        ("{keyword: [学费 near/2 两千]}", "hit"),
        ("{keyword: {none: [录音]}, role: agent}", "hit"),
        ("{keyword: {none: [您好]}, role: agent}", "clear"),
        ("{keyword: {at_least: 2, of: [您好, 分期, 定金]}}", "hit"),
        ("{keyword: {at_least: 3, of: [您好, 分期, 定金]}}", "clear"),
        ("{keyword: [分期], range: first 2 utterances}", "clear"),
        ("{keyword: [再见], role: agent, range: last 1 utterances}", "hit"),
        ("{keyword: [学费], range: first 4 s}", "clear"),
        ("{keyword: [学费], range: s 4 to 6}", "hit"),
        ("{keyword: [分期], range: last 2 s}", "hit"),
        ("{keyword: [立减], unless: [学费]}", "clear"),
        ("{regex: '工号[0-9]{4}'}", "hit"),
        ("{regex: 工号一零}", "hit"),
        ("{regex: '小王.{0,3}学费'}", "clear"),
        ("{not_regex: 录音, role: agent}", "hit"),
        ("{not_regex: 您好, role: agent}", "clear"),
        ("{silence: {min_s: 5}}", "hit"),
        ("{silence: {min_s: 5, after: agent}}", "clear"),
        ("{silence: {min_s: 7}}", "clear"),
        ("{silence: {min_s: 5}, range: first 10 s}", "clear"),
        ("{silence: {min_s: 5}, range: last 10 s}", "hit"),
        ("{silence: {min_s: 5}, range: last 2 utterances}", "hit"),
        ("{silence: {min_s: 5}, range: [last 2 utterances, s 0 to 5]}", "clear"),
        ("{duration: {above: 18}}", "hit"),
        ("{duration: {below: 18}}", "clear"),
        ("{duration: {above: 9, of: talk}, role: agent}", "hit"),
        ("{talk_ratio: {above: 0.8}}", "hit"),
        ("{talk_ratio: {below: 0.2}, role: customer}", "hit"),
        ("{speech_rate: {above: 150}}", "hit"),
        ("{speech_rate: {above: 600}}", "clear"),
        ("{interruption: {min_overlap_ms: 300}}", "clear"),
        ("{metadata: {team: [红, 蓝], size: '>= 3'}}", "hit"),
        ("{metadata: {team: '!= 红'}}", "clear"),
        ("{metadata: {duration_s: '> 10'}}", "hit"),
        ("{metadata: {campaign: 春}}", "not_applicable"),
    ],
)
def test_operators(condition: str, outcome: str) -> None:
    view = CallView(TALK.transcript, metadata={"team": "红", "size": 3})
    assert judge(condition, view).outcome == outcome


def test_evidence_quotes_the_raw_text_and_its_time() -> None:
    finding = judge("{regex: '工号[0-9]{4}'}", TALK)
    (item,) = finding.evidence
    assert (item.utterance, item.text, item.layer, item.form) == (
        0, "工号一零零一", "regex", "normalised",
    )  # fmt: skip
    assert 0 < item.start_ms < item.end_ms <= 3000
    assert finding.score_effect == -5
    assert finding.ruleset == "测@1"


def test_word_times_are_used_when_there_are_any() -> None:
    words = (Word("您好", 100, 500, 0.9), Word("包过", 2000, 2600, 0.8))
    said = Utterance(0, 0, "agent", 0, 3000, "您好包过", "您好包过", words)
    transcript = Transcript(AudioFacts(3000, 8000, 2, "x", "x"), EngineInfo("reference"), (said,))
    (item,) = judge("{keyword: 包过}", CallView(transcript)).evidence
    assert (item.start_ms, item.end_ms) == (2000, 2600)


def test_absence_shows_where_it_was_looked_for() -> None:
    finding = judge("{keyword: {none: [录音]}, role: agent, range: first 2 utterances}", TALK)
    (item,) = finding.evidence
    assert (item.utterance, item.start_ms, item.end_ms) == (None, 0, 9000)
    assert "录音" in item.text


def test_sound_alikes_count_in_recognised_text_only() -> None:
    heard = ("a", "我们是抱过班，请放心。", 0, 3000)
    words = "{keyword: 包过班}"
    assert judge(words, call(heard)).outcome == "clear"
    finding = judge(words, call(heard, engine="faster-whisper"))
    assert finding.outcome == "hit"
    assert finding.evidence[0].layer == "pinyin"
    assert finding.evidence[0].text == "抱过班"


def test_interruption_points_at_the_utterance_and_the_overlap() -> None:
    view = call(("c", "我想问一下这个费用", 0, 4000), ("a", "您先听我说", 3200, 5000))
    finding = judge("{interruption: {min_overlap_ms: 500}, role: agent}", view)
    (item,) = finding.evidence
    assert (item.utterance, item.start_ms, item.layer) == (1, 3200, "timing")
    listening = call(("c", "我想问一下这个费用", 0, 4000), ("a", "嗯嗯", 3000, 3900))
    assert judge("{interruption: {min_overlap_ms: 500}}", listening).outcome == "clear"


@pytest.mark.parametrize(
    ("part", "outcome"),
    [
        ("first 1 utterances", "hit"),
        ("first 3 s", "clear"),
        ("first 4 s", "hit"),
        ("utterances 2 to 3", "clear"),
        ("last 2 s", "clear"),
    ],
)
def test_interruptions_are_counted_in_a_range_of_the_one_who_interrupts(
    part: str, outcome: str
) -> None:
    view = call(
        ("c", "我想问一下这个费用", 0, 4000),
        ("a", "您先听我说", 3200, 5000),
        ("c", "好吧那你说", 5500, 7000),
        ("a", "费用是两千", 7500, 9000),
    )
    finding = judge(f"{{interruption: {{min_overlap_ms: 500}}, role: agent, range: {part}}}", view)
    assert finding.outcome == outcome


def test_order_and_within() -> None:
    pair = "a: {keyword: 贵, role: customer}\nb: {keyword: 分期, role: agent}\n"
    assert judge(pair + "x: {order: {first: a, then: b}}", TALK).outcome == "hit"
    assert judge(pair + "x: {order: {first: b, then: a}}", TALK).outcome == "clear"
    near = "x: {within: {find: b, of: a, %s}}"
    assert judge(pair + near % "utterances: 1", TALK).outcome == "hit"
    assert judge(pair + near % "utterances: 0", TALK).outcome == "clear"
    assert judge(pair + near % "seconds: 8", TALK).outcome == "hit"
    assert judge(pair + near % "seconds: 5", TALK).outcome == "clear"
    assert judge(pair + near % "seconds: 9, direction: before", TALK).outcome == "clear"
    assert judge(pair + near % "seconds: 9, direction: around", TALK).outcome == "hit"


def test_events_match_by_path_and_parent() -> None:
    hit = EventHit(
        utterance=2, role="agent", char_start=0, char_end=7, start_ms=4500, end_ms=6000,
        layer="keyword", form="raw", score=1.0, text="学费是两千块", node="产品介绍/价格说明",
        tree="t@1",
    )  # fmt: skip
    view = CallView(TALK.transcript, (hit,))
    (quoted,) = judge("{event: 产品介绍}", view).evidence
    assert (quoted.utterance, quoted.text, quoted.operator) == (2, hit.text, "event")
    assert judge("{event: 产品介绍/价格说明, range: first 1 utterances}", view).outcome == "clear"
    assert judge("{event: 产品}", view).outcome == "clear"
    assert judge("{event: {none: [合规]}}", view).outcome == "hit"
    assert judge("{event: {all: [产品介绍, 合规]}}", view).outcome == "clear"


GAP = UntranscribedSpeech(0, "agent", 11_000, 16_000)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{keyword: [您好], role: agent}", "hit"),
        ("{keyword: [录音], role: agent}", "undecidable"),
        ("{keyword: {none: [录音]}, role: agent}", "undecidable"),
        ("{keyword: {none: [您好]}, role: agent}", "clear"),
        ("{not_regex: 录音, role: agent}", "undecidable"),
        ("{event: {none: [合规]}, role: agent}", "undecidable"),
        ("{keyword: [录音], role: agent, range: first 2 utterances}", "clear"),
        ("{keyword: [投诉], role: customer}", "clear"),
    ],
)
def test_what_was_not_heard_is_not_missing(condition: str, outcome: str) -> None:
    view = CallView(
        Transcript(
            TALK.transcript.audio,
            TALK.transcript.engine,
            TALK.transcript.utterances,
            untranscribed=(GAP,),
        )
    )
    finding = judge(condition, view)
    assert finding.outcome == outcome
    if outcome == "undecidable":
        assert "5.0 秒" in finding.reason


def test_what_a_call_cannot_have_is_not_applicable() -> None:
    agent_only = call(("a", "您好", 0, 900))
    assert judge("{keyword: 贵, role: customer}", agent_only).outcome == "not_applicable"
    assert judge("{talk_ratio: {above: 0.5}}", agent_only).outcome == "not_applicable"
    assert judge("{interruption: {}}", agent_only).outcome == "not_applicable"
    untimed = call(("a", "您好", 0, 0), ("c", "你好", 0, 0))
    assert judge("{keyword: 您好, range: first 5 s}", untimed).outcome == "not_applicable"
    assert judge("{silence: {min_s: 3}}", untimed).outcome == "not_applicable"
    assert judge("{keyword: 您好}", call()).outcome == "not_applicable"
    unknown = Utterance(0, 0, "unknown", 0, 900, "您好", "您好")
    mono = Transcript(AudioFacts(900, 8000, 1, "x", "x"), EngineInfo("reference"), (unknown,))
    assert judge("{keyword: 您好, role: agent}", CallView(mono)).outcome == "undecidable"


def test_applicability() -> None:
    assert judge("{keyword: 您好}", TALK, applies="{team: 红}").outcome == "not_applicable"
    pair = "x: {keyword: 您好}\ny: {keyword: %s}"
    assert judge(pair % "贵", TALK, applies_if="y").outcome == "hit"
    assert judge(pair % "定金", TALK, applies_if="y").outcome == "not_applicable"
    assert judge(pair % "定金", TALK, applies_if="y").score_effect == 0


SEMANTIC = (
    "{semantic: {examples: [包您考试通过拿到证书, 一定包您拿到证书], "
    "counter_examples: [考试时间是五月]}}"
)


def test_semantic_needs_an_encoder() -> None:
    text = (
        'ruleset: 测\nversion: "1"\ncategories: [类]\nrules:\n  - {id: r, name: 规, category: 类, '
        "severity: minor, reason: 因, hit_if: x, conditions: {x: " + SEMANTIC + "}}\n"
    )
    finding = RuleEvaluator(parse_ruleset(text), None).evaluate(TALK)[0]
    assert finding.outcome == "undecidable"
    assert "句向量" in finding.reason


def test_semantic_matches_meaning_not_ordinary_speech() -> None:
    said = call(("a", "您放心，包您考试通过拿到证书。", 0, 4000))
    finding = judge(SEMANTIC, said)
    assert finding.outcome == "hit"
    assert finding.evidence[0].layer == "semantic"
    assert 0.5 <= finding.evidence[0].score <= 1
    assert judge(SEMANTIC, call(("a", "考试时间是五月。", 0, 4000))).outcome == "clear"
    assert judge(SEMANTIC, TALK).outcome == "clear"


@pytest.mark.parametrize(
    ("text", "words", "own"),
    [
        ("我们包过的", "包过", True),
        ("这个不能保证通过", "保证通过", False),
        ("您刚才说保证通过", "保证通过", False),
        ("我跟您说，保证通过", "保证通过", True),
        ("不光保证通过，还推荐工作", "保证通过", True),
        ("您不用担心，保证通过", "保证通过", True),
        ("谁也不敢保证通过", "保证通过", False),
        ("保证通过是不可能的", "保证通过", False),
        ("网上有人说包过", "包过", False),
        ("如果有人跟您承诺包过，别信", "包过", False),
        ("没问题，包过", "包过", True),
        ("不是不包过", "包过", True),
        ("是不是包过", "包过", True),
        ("别人家不行，我们包过", "包过", True),
    ],
)
def test_negation_and_quotation(text: str, words: str, own: bool) -> None:
    start = text.index(words)
    assert affirmed(text, start, start + len(words)) is own


def test_an_act_is_undecidable_without_the_encoder_of_its_model() -> None:
    view = call(("a", "你是不是有病", 0, 900))
    found = judge("{role: agent, act: 不文明用语}", view)
    assert found.outcome == "undecidable"
    assert "句向量" in found.reason
    nobody = judge("{role: customer, act: 客户/价格异议}", view)
    assert nobody.outcome == "not_applicable"


@pytest.mark.parametrize(
    ("turns", "chance", "counts"),
    [(6, 0.004, False), (6, 0.006, True), (5, 0.004, True)],
)
def test_words_count_unless_the_model_is_sure_of_something_else(
    turns: int, chance: float, counts: bool
) -> None:
    view = call(("a", "我们包过", 0, 900))
    chances = np.where(np.array(LABELS) == "过度承诺", chance, 0.5)
    reading = SimpleNamespace(turns=[None] * turns, chances={0: chances})
    model = SimpleNamespace(read=lambda transcript: reading)
    facts = CallFacts(view, Scanner({}), None, model)
    (said,) = view.transcript.utterances
    assert Claims("any", (), "过度承诺").allow(facts, said, 2, 4) is counts
    assert Claims("any", (), "贬低竞品").allow(facts, said, 2, 4)
    assert judge("{keyword: 包过, plausible: 过度承诺}", view).outcome == "hit"  # No model.


def test_an_act_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(AppError, match="没有这个内置事件"):
        judge("{keyword: 好, plausible: 夸奖}", call(("a", "你真棒", 0, 900)))
    with pytest.raises(AppError, match="没有这个内置事件"):
        judge("{act: 夸奖}", call(("a", "你真棒", 0, 900)))


def test_a_hit_vetoes_only_where_the_line_of_the_veto_holds() -> None:
    pair = "x: {keyword: 骂人}\ny: {keyword: 讽刺}"
    strong, weak = call(("a", "骂人", 0, 900)), call(("a", "讽刺", 0, 900))
    first, second = (judge(pair, view, "x or y", veto_if="x") for view in (strong, weak))
    assert (first.outcome, first.veto) == ("hit", True)
    assert (second.outcome, second.veto, second.score_effect) == ("hit", False, -5)
