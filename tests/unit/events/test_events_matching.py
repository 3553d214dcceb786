from collections.abc import Callable
from dataclasses import replace

import pytest

from asr.transcript import Transcript, Word
from core.errors import AppError
from events.cues import denies, negated, quoted
from events.document import load_pack, parse_tree
from events.matching import TreeMatcher
from events.tree import EventTree
from nlp.encoders.base import SentenceEncoder

Call = Callable[..., Transcript]


def tree_of(*nodes: str) -> EventTree:
    return parse_tree("tree: t\nversion: '3'\nnodes:\n" + "".join(f"  - {n}\n" for n in nodes))


def found(tree: EventTree, call: Transcript, encoder: SentenceEncoder | None = None) -> list[str]:
    hits = TreeMatcher(tree, encoder).match(call)
    return [f"{hit.utterance}:{hit.node}:{hit.layer}:{hit.text}" for hit in hits]


def test_a_keyword_hit_carries_its_evidence(call: Call) -> None:
    tree = tree_of("{key: w, name: 微信, match: {keywords: '(加 | 添加) near/4 微信'}}")
    (hit,) = TreeMatcher(tree, None).match(call("C:嗯，什么？", "A:那我，加一下您的微信吧。"))
    assert hit.text == "加一下您的微信"
    assert (hit.char_start, hit.char_end) == (3, 10)
    assert (hit.utterance, hit.role, hit.tree) == (1, "agent", "t@3")
    assert (hit.layer, hit.form, hit.score) == ("keyword", "normalised", 1.0)
    assert hit.start_ms == 1500 + 3 * 200
    assert hit.end_ms == 1500 + 10 * 200


def test_word_times_beat_proportions(call: Call) -> None:
    tree = tree_of("{key: w, name: 再见, match: {keywords: 再见}}")
    heard = call("A:好的再见")
    words = (Word("好的", 0, 300, 0.9), Word("再见", 2500, 3000, 0.9))
    heard = replace(heard, utterances=(replace(heard.utterances[0], words=words),))
    (hit,) = TreeMatcher(tree, None).match(heard)
    assert (hit.start_ms, hit.end_ms) == (2500, 3000)


def test_numbers_match_as_digits_and_as_spoken(call: Call) -> None:
    digits = tree_of(r"{key: p, name: 价, match: {regex: '\d+块'}}")
    spoken = tree_of("{key: p, name: 价, match: {keywords: 两千三百}}")
    said = call("A:一共是，两千三百块。")
    assert found(digits, said) == ["0:价:regex:两千三百块"]
    assert found(spoken, said) == ["0:价:keyword:两千三百"]


def test_words_are_recognised_by_sound(call: Call) -> None:
    tree = tree_of(
        "{key: g, name: 工号, match: {keywords: 工号 | 话务员}}",
        "{key: n, name: 不听音, match: {keywords: 工号, pinyin: false}}",
    )
    assert found(tree, call("A:我是花物员小王")) == ["0:工号:pinyin:花物员"]
    assert found(tree, call("A:我的公号是一零三")) == ["0:工号:pinyin:公号"]
    assert found(tree, call("A:这个共耗时三天")) == []


def test_sentences_bound_what_belongs_together(call: Call) -> None:
    tree = tree_of("{key: a, name: 甲, match: {keywords: 录音 & 通话}}")
    assert found(tree, call("A:本次通话，会录音。")) == ["0:甲:keyword:通话，会录音"]
    assert found(tree, call("A:通话结束。录音在哪？")) == []


@pytest.mark.parametrize(
    "said",
    [
        "您不用加微信",
        "我没说加微信",
        "不需要您加微信",
        "您刚才说加微信",
        "别加微信了",
        "无需加微信",
    ],
)
def test_denied_and_repeated_words_are_no_event(call: Call, said: str) -> None:
    tree = tree_of("{key: w, name: 微信, match: {keywords: 加微信}}")
    assert found(tree, call(f"A:{said}")) == []


@pytest.mark.parametrize(
    "said", ["能不能加微信", "要不加微信吧", "是不是加微信", "不如加微信", "不好意思加微信吧"]
)
def test_questions_and_set_phrases_deny_nothing(call: Call, said: str) -> None:
    tree = tree_of("{key: w, name: 微信, match: {keywords: 加微信}}")
    assert found(tree, call(f"A:{said}")) == ["0:微信:keyword:加微信"]


def test_a_node_may_be_a_negation_itself(call: Call) -> None:
    tree = tree_of("{key: w, name: 免责, match: {keywords: 保证通过, negation: false}}")
    assert found(tree, call("A:不能保证通过")) == ["0:免责:keyword:保证通过"]


def test_cues_look_only_a_little_back() -> None:
    assert negated("您不用加微信", 3)
    assert not negated("不用了那我们改天再聊加微信", 10)
    assert quoted("您刚才说太贵", 4)
    assert denies("这个不用您管")
    assert not denies("能不能便宜")


def test_roles_restrict_and_unknown_speakers_may_say_anything(call: Call) -> None:
    tree = tree_of(
        "{key: a, name: 客服, match: {keywords: 再见}}",
        "{key: c, name: 客户, role: customer, match: {keywords: 再见}}",
        "{key: u, name: 任意, role: unknown, match: {keywords: 再见}}",
    )
    nodes = [line.rsplit(":", 2)[0] for line in found(tree, call("A:再见", "C:再见", "U:再见"))]
    assert nodes == ["0:客服", "0:任意", "1:客户", "1:任意", "2:客服", "2:客户", "2:任意"]


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ("first_utterances: 2", [0, 1]),
        ("last_utterances: 1", [4]),
        ("first_s: 1", [0, 1]),
        ("last_s: 2", [3, 4]),
        ("after: 问", [3, 4]),
        ("after: {node: 问, within_utterances: 1}", [3]),
        ("after: {node: 问, within_s: 1}", [3]),
        ("before: 问", [0, 1]),
        ("before: {node: 问, within_utterances: 1}", [1]),
        ("first_utterances: 2, before: {node: [问, 无], within_utterances: 1}", [1]),
    ],
)
def test_scopes_limit_where_a_node_matches(call: Call, scope: str, kept: list[int]) -> None:
    tree = tree_of(
        f"{{key: a, name: 答, match: {{keywords: 好的}}, scope: {{{scope}}}}}",
        "{key: q, name: 问, role: customer, match: {keywords: 多少}}",
    )
    said = call("A:好的", "A:好的", "C:多少钱", "A:好的", "A:好的")
    hits = TreeMatcher(tree, None).match(said)
    assert [hit.utterance for hit in hits if hit.node == "答"] == kept


def test_anchors_may_name_a_parent(call: Call) -> None:
    tree = tree_of(
        "{key: a, name: 答, match: {keywords: 好的}, scope: {after: 客户}}",
        "{key: c, name: 客户, role: customer, "
        "children: [{key: q, name: 问, match: {keywords: 多少}}]}",
    )
    assert found(tree, call("A:好的", "C:多少", "A:好的"))[-1] == "2:答:keyword:好的"
    assert len(found(tree, call("A:好的", "C:多少", "A:好的"))) == 2


SEMANTIC = """
tree: t
background: {agent: [今天天气不错, 您稍等一下, 我查一下记录, 好的没问题]}
nodes:
  - key: w
    name: 微信
    match:
      examples: [咱俩加个微信, 我加您微信, 您微信号多少我加您, 通过一下好友申请, 留个微信联系]
      counter_examples: [您不用加微信, 微信支付就行]
  - key: p
    name: 付款
    match:
      examples: [您点链接支付, 用微信支付就行, 先交定金, 扫码付款吧, 点开链接缴费]
"""


def test_meaning_is_contrasted_with_the_other_nodes(call: Call, grams: SentenceEncoder) -> None:
    tree = parse_tree(SEMANTIC)
    said = call("A:那咱俩加个微信吧", "A:您点开链接支付", "A:今天天气挺不错", "A:您不用加微信")
    matcher = TreeMatcher(tree, grams)
    assert [(h.utterance, h.node) for h in matcher.match(said)] == [(0, "微信"), (1, "付款")]
    (hit, _) = matcher.match(said)
    assert (hit.layer, hit.form) == ("semantic", "normalised")
    assert 0.5 <= hit.score <= 1.0


def test_evidence_is_the_clause_that_says_it(call: Call, grams: SentenceEncoder) -> None:
    said = call("A:好的我查一下记录，稍等一会儿啊，那咱俩加个微信，今天天气不错。")
    (hit,) = TreeMatcher(parse_tree(SEMANTIC), grams).match(said)
    assert "加个微信" in hit.text
    assert "天气" not in hit.text


def test_a_threshold_of_its_own(call: Call, grams: SentenceEncoder) -> None:
    said = call("A:那咱俩加个微信吧")
    strict = parse_tree(
        SEMANTIC.replace(
            "    match:\n      examples: [咱俩",
            "    match:\n      threshold: 1.0\n      examples: [咱俩",
        )
    )
    assert TreeMatcher(parse_tree(SEMANTIC), grams).match(said)
    assert not TreeMatcher(strict, grams).match(said)


def test_context_adds_to_the_score(call: Call, grams: SentenceEncoder) -> None:
    text = SEMANTIC.replace("examples: [您点", "threshold: 0.6\n      examples: [您点") + (
        "    context: {after: {node: 客户, within_utterances: 1}, bonus: 1.0}\n"
        "  - {key: c, name: 客户, role: customer, match: {keywords: 怎么付}}\n"
    )
    matcher = TreeMatcher(parse_tree(text), grams)
    vague = "A:那您点一下"
    alone = [hit.node for hit in matcher.match(call(vague))]
    after = [hit.node for hit in matcher.match(call("C:怎么付", vague))]
    assert "付款" not in alone
    assert "付款" in after


def test_exact_layers_come_first(call: Call, grams: SentenceEncoder) -> None:
    text = SEMANTIC.replace(
        "name: 微信\n    match:", "name: 微信\n    match:\n      keywords: 加个微信"
    )
    (hit,) = TreeMatcher(parse_tree(text), grams).match(call("A:咱俩加个微信"))
    assert hit.layer == "keyword"


def test_matching_twice_gives_the_same(call: Call, grams: SentenceEncoder) -> None:
    said = call("A:咱俩加个微信", "A:扫码付款吧")
    first, second = (TreeMatcher(parse_tree(SEMANTIC), grams).match(said) for _ in range(2))
    assert first == second


def test_an_empty_call_has_no_hits(call: Call, grams: SentenceEncoder) -> None:
    matcher = TreeMatcher(parse_tree(SEMANTIC), grams)
    assert matcher.match(call()) == ()
    assert matcher.match(call("A:", "C:，。")) == ()


@pytest.mark.parametrize("match", ["regex: '(a'", "keywords: 'a &'"])
def test_what_does_not_compile_is_refused(match: str) -> None:
    with pytest.raises(AppError, match="节点 甲") as caught:
        TreeMatcher(tree_of(f"{{key: a, name: 甲, match: {{{match}}}}}"), None)
    assert caught.value.code == "bad-tree"


def test_every_pack_compiles_and_hits_are_sorted(call: Call) -> None:
    said = call(
        "A:您好，我是诚信集团的小刘，工号八零二",
        "C:你说",
        "A:本次通话会录音",
        "C:太贵了，不需要",
        "A:祝您生活愉快，再见",
    )
    for name in ("general", "edu", "ins"):
        tree = load_pack(name)
        hits = TreeMatcher(tree, None).match(said)
        rank = [node.path for node in tree.walk()]
        keys = [(h.start_ms, h.utterance, rank.index(h.node)) for h in hits]
        assert keys == sorted(keys)
        assert len({(h.utterance, h.node) for h in hits}) == len(hits)
        assert {"开场白/自我介绍", "合规/录音告知", "客户/价格异议"} <= {h.node for h in hits}
        for hit in hits:
            assert hit.utterance is not None
            assert said.utterances[hit.utterance].text[hit.char_start : hit.char_end] == hit.text
