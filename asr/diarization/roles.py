"""Which of two voices is the agent, from what each says: a sum of cues that can be read aloud.

The cues are the common coin of calls between a company and a person: who presents a company,
addresses the other as 您, asks whether it is convenient, offers and says goodbye politely; and
who asks who is calling, says 你们, refuses or puts off. No single one decides.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from asr.transcript import Utterance

Side = Literal["agent", "customer"]

# Under this difference of points the roles are a guess.
SURE_MARGIN = 2.0
_OPENING_MS = 45_000
_OPENING_FACTOR = 1.5
_SHARE_POINTS = 3.0  # for all of the talking, against none of it


@dataclass(frozen=True, slots=True)
class Cue:
    """Wording that one side uses more than the other.

    Every match of `pattern` in an utterance gives `points` to `side`, at most `most` times in a
    call. `opens`: counts half as much again in the first 45 s.
    """

    name: str
    side: Side
    pattern: str
    points: float
    most: int = 2
    opens: bool = False


_ORGANISATION = (
    "公司|集团|中心|平台|银行|保险|教育|学校|学院|机构|医院|门诊|诊所|门店|酒店|物业|汽车|地产"
    "|置业|装饰|装修|金融|证券|基金|客服|顾问|专员|经理|老师|主管|代表|助理|管家|医生|工作人员"
)
_PERSON = "先生|女士|小姐|老板|总|同学|家长|老师|妈妈|爸爸|大哥|大姐|阿姨|叔叔"

_US = "我|我们|咱们|这里|这边|我这边|我这里|我们这边|我们这里"
_SERVICE = "安排|登记|预约|预留|申请|发|办|查|介绍|讲|算|留|推荐|开通|报|约|看|转|退|解决|处理|反馈"
_REFUSAL = (
    "不需要|不用了|没(?:有)?兴趣|不感兴趣|不想(?:要|买|学|办|听|了解|做)|不要(?:再|给我|了)"
    "|别(?:再|给我|老)?(?:给我)?打|我?没(?:有)?(?:空|时间|钱)"
)
_FAMILY = "老公|老婆|爱人|家里|家人|父母|孩子|媳妇"
_LISTENING = "嗯|哦|噢|啊|哎|对|好|行|是|喂|可以|好的|行吧|知道了|你说|没有|不是"

CUES: tuple[Cue, ...] = (
    Cue(
        "presents-company",
        "agent",
        rf"(?:{_US})(?:就)?是.{{0,14}}(?:{_ORGANISATION})",
        points=3.0,
        most=2,
        opens=True,
    ),
    Cue(
        "presents-self",
        "agent",
        r"我(?:叫|姓)|叫我(?:小|老)|工号|我是(?:小|负责)",
        points=1.5,
        most=2,
        opens=True,
    ),
    Cue(
        "names-callee",
        "agent",
        rf"请问.{{0,6}}(?:是|贵姓|怎么称呼)|是.{{1,5}}(?:{_PERSON})(?:吗|吧|是吧)",
        points=2.0,
        most=2,
        opens=True,
    ),
    Cue("greets-formally", "agent", r"您好", points=1.0, most=2, opens=True),
    Cue(
        "states-purpose",
        "agent",
        r"[给跟和向]您(?:来|打|回|联系|介绍|说|讲|确认|核实|推荐|汇报|沟通|做|了解)"
        r"|来电|致电|回访",
        points=1.5,
        most=3,
        opens=True,
    ),
    Cue(
        "asks-convenience",
        "agent",
        r"(?:打扰|耽误|占用)(?:到|一下)?(?:您|你|几分钟|一分钟|两分钟)"
        r"|方便(?:吗|接|说|听|讲|聊|通话)|录音",
        points=2.0,
        most=2,
        opens=True,
    ),
    Cue("addresses-formally", "agent", r"您", points=0.35, most=14),
    Cue(
        "speaks-for-company",
        "agent",
        r"我们(?:这边|这里|公司|家|的|这个|这款|现在|目前|会|可以|有|是|都|提供|老师|专业)"
        r"|咱们|我这边",
        points=0.6,
        most=8,
    ),
    Cue(
        "offers-service",
        "agent",
        rf"(?:帮|为|替|给)您(?:先|再|也)?(?:{_SERVICE})",
        points=1.0,
        most=5,
    ),
    Cue(
        "asks-wishes",
        "agent",
        r"您(?:现在|目前|平时|之前|以前|这边|那边|家里|主要|有没有|是不是|是想|想|觉得|希望|看)",
        points=0.5,
        most=6,
    ),
    Cue(
        "follows-up",
        "agent",
        r"加(?:一下|个|您).{0,4}微信|发(?:给)?您|您(?:先)?(?:了解|参考)一下"
        r"|您看.{0,12}(?:吗|吧|呢)",
        points=1.0,
        most=3,
    ),
    Cue(
        "answers-doubt",
        "agent",
        r"您(?:放心|的(?:担心|顾虑|心情))|理解您",
        points=1.5,
        most=3,
    ),
    Cue(
        "closes-politely",
        "agent",
        r"祝您|(?:感谢|谢谢)您|不打扰您|(?:有|任何)(?:问题|需要).{0,6}(?:联系|找)(?:我|我们)",
        points=2.0,
        most=2,
    ),
    Cue(
        "asks-who",
        "customer",
        r"(?:你|您)(?:们)?是?(?:哪里|哪位|哪儿|谁|哪家|哪个|什么(?:公司|单位|机构))"
        r"|哪位[呀啊]?|你谁",
        points=3.0,
        most=2,
        opens=True,
    ),
    Cue(
        "asks-source",
        "customer",
        r"(?:怎么|哪里|哪儿|从哪|谁).{0,8}我的?(?:电话|号码|手机|信息|联系方式)",
        points=2.5,
        most=2,
        opens=True,
    ),
    Cue("addresses-company", "customer", r"你们", points=0.8, most=8),
    Cue("addresses-plainly", "customer", r"你(?!们|好)", points=0.3, most=10),
    Cue("refuses", "customer", _REFUSAL, points=1.2, most=4),
    Cue(
        "is-busy",
        "customer",
        r"我(?:现在)?(?:正?在|这会儿)?(?:开会|忙|上班|开车|吃饭|带孩子|有事)",
        points=1.5,
        most=2,
        opens=True,
    ),
    Cue(
        "puts-off",
        "customer",
        r"我(?:再|要|得|先|还|还要|还得|需要|回去|回头|自己).{0,4}"
        rf"(?:考虑|想想|商量|看看|比较|了解)|(?:跟|和|问)(?:我|一?下)?.{{0,3}}(?:{_FAMILY})",
        points=1.2,
        most=3,
    ),
    Cue(
        "speaks-of-self",
        "customer",
        r"我(?:家|自己|老公|老婆|爱人|媳妇|儿子|女儿|孩子|上班|工作|工资|怕|担心|以前|之前)",
        points=0.6,
        most=5,
    ),
    Cue(
        "asks-price",
        "customer",
        r"多少钱|怎么收费|什么价|(?:太|有点|挺)贵|能不能便宜|打折吗",
        points=0.7,
        most=3,
    ),
    Cue("only-listens", "customer", rf"^(?:{_LISTENING})+$", points=0.4, most=6),
)


@dataclass(frozen=True, slots=True)
class CueHit:
    """A cue found: its name, the voice that said it, the utterance, and the points given."""

    name: str
    voice: int
    utterance_index: int
    points: float


@dataclass(frozen=True, slots=True)
class RoleDecision:
    """Which voice (0 or 1) is the agent, by how many points, and why.

    `margin` is never negative; under `SURE_MARGIN` the roles are a guess.
    """

    agent: int
    margin: float
    hits: tuple[CueHit, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the cues agree enough to rely on."""
        return self.margin >= SURE_MARGIN


def decide_roles(spoken: Sequence[tuple[int, Utterance]]) -> RoleDecision:
    """The agent's voice, by the cues in what each voice says and by its share of the talking.

    The company's side talks more in most calls, so the share counts as a cue of its own.

    Args:
        spoken: Voice (0 or 1) and utterance, in time order. Nothing said = voice 0, margin 0.
    """
    hits = _hits(spoken)
    lead = sum(hit.points if hit.voice == 0 else -hit.points for hit in hits)
    units = [0, 0]
    for voice, utterance in spoken:
        units[voice] += len(_plain(utterance.text))
    if all(units):
        lead += _SHARE_POINTS * (units[0] - units[1]) / sum(units)
    return RoleDecision(0 if lead >= 0 else 1, abs(lead), hits)


def _hits(spoken: Sequence[tuple[int, Utterance]]) -> tuple[CueHit, ...]:
    """Every cue that counts, for the voice it speaks for: points against are negative."""
    counted: dict[tuple[str, int], int] = {}
    hits: list[CueHit] = []
    begin_ms = spoken[0][1].start_ms if spoken else 0
    for voice, utterance in spoken:
        text = _plain(utterance.text)
        for cue, pattern in _patterns():
            for _ in pattern.finditer(text):
                key = (cue.name, voice)
                counted[key] = counted.get(key, 0) + 1
                if counted[key] > cue.most:
                    break
                points = cue.points if cue.side == "agent" else -cue.points
                if cue.opens and utterance.start_ms - begin_ms < _OPENING_MS:
                    points *= _OPENING_FACTOR
                hits.append(CueHit(cue.name, voice, utterance.index, points))
    return tuple(hits)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Cue, re.Pattern[str]], ...]:
    return tuple((cue, re.compile(cue.pattern)) for cue in CUES)


def _plain(text: str) -> str:
    """The text without spaces and punctuation, which recognisers place as they like."""
    return re.sub(r"[\W_]+", "", text)
