import re

import pytest

from asr.diarization.roles import CUES, SURE_MARGIN, decide_roles
from asr.transcript import Utterance

RENOVATION = [
    ("agent", "您好，请问是吴女士吗？"),
    ("customer", "是，哪位？"),
    ("agent", "我是美居装饰的设计顾问小唐，看到您在小区业主群里登记了量房，给您回个电话。"),
    ("customer", "哦，我家是二手房，想重新弄一下厨房。"),
    ("agent", "好的，那我帮您安排设计师周末上门量一下，您看周六上午方便吗？"),
    ("customer", "你们这个量房收费吗？"),
    ("agent", "不收费的，您放心，我稍后加您微信，把案例发给您。"),
    ("customer", "行，那我再跟老公商量一下。"),
    ("agent", "好的，祝您生活愉快，再见。"),
]
LOAN = [
    ("customer", "喂？"),
    ("agent", "先生您好，这边是融达金融的客户经理，打扰您一分钟。"),
    ("customer", "你们怎么有我电话的？不需要，别再打了。"),
    ("agent", "不好意思打扰了，感谢您接听。"),
]
INBOUND = [
    ("agent", "您好，客服中心，工号八零二，很高兴为您服务，请问有什么可以帮您？"),
    ("customer", "你好，我上周买的那个热水器不出热水，我家孩子都没法洗澡。"),
    ("agent", "非常抱歉，我先帮您登记一下，请问您的订单号是多少？"),
    ("customer", "订单号我得找找，你们能不能快点派人来。"),
    ("agent", "可以的，我给您安排最近的师傅上门处理。"),
]


def spoken(call: list[tuple[str, str]], agent_voice: int) -> list[tuple[int, Utterance]]:
    return [
        (
            agent_voice if role == "agent" else 1 - agent_voice,
            Utterance(i, 0, "unknown", i * 5_000, i * 5_000 + 4_000, text, text),
        )
        for i, (role, text) in enumerate(call)
    ]


@pytest.mark.parametrize("agent_voice", [0, 1])
@pytest.mark.parametrize("call", [RENOVATION, LOAN, INBOUND])
def test_the_agent_is_found_whoever_speaks_first(
    call: list[tuple[str, str]], agent_voice: int
) -> None:
    decision = decide_roles(spoken(call, agent_voice))
    assert decision.agent == agent_voice
    assert decision.is_sure


def test_the_reasons_are_named_with_their_place() -> None:
    hits = decide_roles(spoken(LOAN, 0)).hits
    assert ("asks-source", 1, 2) in {(h.name, h.voice, h.utterance_index) for h in hits}
    assert ("presents-company", 0, 1) in {(h.name, h.voice, h.utterance_index) for h in hits}
    assert all(h.points < 0 for h in hits if h.name == "asks-source")


def test_talk_without_cues_is_a_guess() -> None:
    call = [("agent", "今天下雨。"), ("customer", "昨天也下。")]
    decision = decide_roles(spoken(call, 0))
    assert not decision.is_sure
    assert decision.margin < SURE_MARGIN


def test_nothing_said_decides_nothing() -> None:
    assert decide_roles([]).margin == 0


def test_a_cue_counts_no_more_often_than_it_may() -> None:
    call = [("agent", "您" * 50)]
    hits = [h for h in decide_roles(spoken(call, 0)).hits if h.name == "addresses-formally"]
    assert len(hits) == next(c.most for c in CUES if c.name == "addresses-formally")


def test_every_cue_has_its_own_name_and_compiles() -> None:
    assert len({cue.name for cue in CUES}) == len(CUES)
    assert all(re.compile(cue.pattern) and cue.points > 0 and cue.most > 0 for cue in CUES)
