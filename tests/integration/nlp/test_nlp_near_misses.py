"""Turns that come near an event and are none: denied, quoted, said to others, other meanings."""

import pytest

from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from core.settings import NlpSettings
from events.document import load_pack
from events.matching import TreeMatcher
from nlp.encoders.loading import load_encoder

BEFORE = (
    "A:您好，我是晨光培训的小周，想跟您聊聊课程",
    "C:嗯你说",
    "A:我们这个班是周末上课，老师带着练",
    "C:哦",
)
AFTER = ("C:好的知道了", "A:那先这样，再见")

NEAR_MISSES = (
    ("A:考试谁也不能保证通过，我只能说陪您练", "产品介绍/成功案例"),
    ("A:您刚才说太贵，我记下了，我去问问主管", "产品介绍/价格说明"),
    ("A:这个不是优惠，平时就是这个价", "产品介绍/优惠活动"),
    ("A:我就不约您到店里来了，太远", "下一步/邀约到访"),
    ("A:资料我就不发了，您官网上都能看", "下一步/发送资料"),
    ("A:回头您不用等我电话，想好了打过来就行", "下一步/预约回访"),
    ("A:保证金是开店的人才交的，跟您没关系", "促成/付款引导"),
    ("A:您不用现在付钱，先看看合同", "促成/付款引导"),
    ("A:您不用加我微信，有事打这个电话就行", "下一步/添加微信"),
    ("A:您不用专门跑一趟，电话里就能办", "下一步/邀约到访"),
    ("A:不催您，名额一直都有", "促成/限时截杀"),
    ("A:您别着急，名额还多着呢", "促成/限时截杀"),
    ("A:优惠不是今天截止，您下个月来也有", "促成/限时截杀"),
    ("A:您今天定不定都行，价格都一样", "促成/限时截杀"),
    ("C:没有啊，我可没说要投诉你们", "客户/投诉意向"),
    ("C:我不是嫌贵，我是没搞明白怎么算", "客户/价格异议"),
    ("C:老婆，锅里的汤关一下火，别烧干了", "客户/需与家人商量"),
    ("C:我自己做主，不用问家里人", "客户/需与家人商量"),
    ("C:我不是不信你，我就是问问流程", "客户/信任疑虑"),
    ("C:时间我倒是有，就是想先看看", "客户/时间异议"),
    ("C:我没跟别家聊过，就看了你们", "客户/提及竞品"),
)


HITS = (
    ("A:不催您，但名额就剩三个了", "促成/限时截杀"),
    ("A:这个价一直都有，不过赠课就到今晚十二点", "促成/限时截杀"),
    ("A:没几天就截止了，您抓点紧", "促成/限时截杀"),
)


@pytest.fixture(scope="module")
def matcher() -> TreeMatcher:
    return TreeMatcher(load_pack("general"), load_encoder(NlpSettings()))


def _call(line: str) -> tuple[Transcript, int]:
    """A short call around one turn, and where that turn stands."""
    lead = (*BEFORE, "A:您继续说") if line.startswith("C") else BEFORE
    rest = AFTER[1:] if line.startswith("C") else AFTER
    utterances = []
    for at, said in enumerate((*lead, line, *rest)):
        role: Role = "customer" if said.startswith("C") else "agent"
        start, text = at * 4000, said[2:]
        channel = int(role == "customer")
        utterances.append(Utterance(at, channel, role, start, start + 3000, text, text))
    facts = AudioFacts(60_000, 8000, 2, "reference", "none")
    return Transcript(facts, EngineInfo("reference"), tuple(utterances)), len(lead)


@pytest.mark.parametrize(("line", "path"), NEAR_MISSES)
def test_a_near_miss_is_no_hit(matcher: TreeMatcher, line: str, path: str) -> None:
    assert matcher.tree.node(path) is not None
    call, place = _call(line)
    assert path not in {hit.node for hit in matcher.match(call) if hit.utterance == place}


@pytest.mark.parametrize(("line", "path"), HITS)
def test_what_only_sounds_denied_is_a_hit(matcher: TreeMatcher, line: str, path: str) -> None:
    call, place = _call(line)
    assert path in {hit.node for hit in matcher.match(call) if hit.utterance == place}
