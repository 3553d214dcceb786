"""Sentiment of an utterance by a lexicon: what its words show, not how they were said.

Words of feeling, each with a sign, are counted; a negation shortly before a word turns its sign
(不满意 is negative, 不着急 is not), a question (满意吗) takes it away. Tone of voice, irony and
feelings without words of feeling are out of reach: an utterance whose words point both ways is
"mixed" and must be left undecided by those who ask.
"""

import re
from typing import Literal

from nlp.normalise import TextForms

Sentiment = Literal["negative", "positive", "neutral", "mixed"]


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


NEGATIVE = _listed(
    "生气 气死 气人 火大 恼火 愤怒 讨厌 烦死 很烦 真烦 好烦 太烦 烦不烦 烦人 骚扰 受不了 忍无可忍 "
    "失望 后悔 上当 骗子 骗人 骗我 欺骗 忽悠 坑人 坑我 黑心 垃圾 差劲 太差 很差 糟糕 糟透 "
    "离谱 过分 荒唐 可恶 无语 无耻 恶心 投诉 举报 曝光 维权 起诉 报警 闭嘴 滚开 滚蛋 神经病 有病 "
    "什么态度 态度恶劣 敷衍 推卸 没完没了 别再打 不要再打 浪费时间 欺负 委屈 难受 郁闷 着急 担心 "
    "害怕 焦虑 不满 不爽 不高兴 不开心 不耐烦 不像话 不靠谱 不负责任 不讲理 不要脸 没用 没意思 "
    "心寒 寒心 伤心 气愤 坑爹 傻子 混蛋 王八蛋 他妈 妈的"
)
POSITIVE = _listed(
    "谢谢 感谢 多谢 辛苦 满意 开心 高兴 喜欢 太好了 真好 很好 挺好 非常好 真棒 很棒 不错 厉害 专业 "
    "耐心 贴心 靠谱 放心 舒服 方便 划算 实惠 值得 感动 佩服 认可 信任 相信 支持 期待 完美 惊喜 "
    "热情 周到 负责 没问题 好极了"
)
_WORDS = re.compile("|".join(sorted((*NEGATIVE, *POSITIVE), key=len, reverse=True)))
_TURNED = re.compile(
    r"(?:不太|不是很|不怎么|不够|不会|不用|不必|不能|不要|并不|没有|没什么|没|不|别|未)$"
)
_ASKED = re.compile(r"^(?:[吗么嘛]|不[好满方喜放]|没有)")
_REACH = 3
# Courtesy opens and closes every call; alone it shows no feeling.
_COURTESY = frozenset({"谢谢", "感谢", "多谢", "辛苦", "没问题", "方便", "支持"})
_POSITIVE = frozenset(POSITIVE)


def sentiment_of(text: TextForms) -> Sentiment:
    """What the words of an utterance show; `neutral` also for courtesies alone."""
    signs: set[bool] = set()
    for match in _WORDS.finditer(text.heard):
        word = match.group()
        if word in _COURTESY or _ASKED.match(text.heard[match.end() : match.end() + 2]):
            continue
        good = word in _POSITIVE
        turned = _TURNED.search(text.heard[max(0, match.start() - _REACH) : match.start()])
        if turned and not good:
            continue  # 别担心 and 不着急 comfort; they show nothing of the speaker.
        signs.add(good != bool(turned))
    if len(signs) == 2:
        return "mixed"
    return ("positive" if signs.pop() else "negative") if signs else "neutral"
