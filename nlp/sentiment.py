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
# Words that are part of others, which show no feeling.
_OTHERWISE = {"没用": "过上完到着得", "有病": "史历假", "垃圾": "分桶箱袋短邮", "投诉": "电渠热率"}
_WORDS = re.compile(
    "|".join(
        f"{word}(?![{_OTHERWISE[word]}])" if word in _OTHERWISE else word
        for word in sorted((*NEGATIVE, *POSITIVE), key=len, reverse=True)
    )
)
_TURNED = re.compile(
    r"(?:不太|不是[很太]?|不怎么|不够|不会|不用|不必|不能|不要|不算|算不上|谈不上|说不上|并不|从不|从没|毫无|难以"
    r"|无法|没法|没有[很多]?|没那么|没有那么|没什么|没什么好|没|不|(?<![特差分级个])别|未)$"
)
# Said of a denial, it takes the denial back: 不是不满意, 不能说不好.
_TAKEN_BACK = re.compile(r"(?:不是|不能说|不会|没有|没|并非)(?:不|没)[太够怎么]{0,2}$")
_ASKED = re.compile(r"^(?:[吗么嘛]|不[好满方喜放]|没有)")
# Told to be at ease is not to be at ease: 您放心, 放心好了.
_SOOTHED = re.compile(r"(?:[您你请]|尽管|可以|大可)$")
_REACH = 5
# Courtesy opens and closes every call; alone it shows no feeling.
_COURTESY = frozenset({"谢谢", "感谢", "多谢", "辛苦", "没问题", "方便", "支持"})
_POSITIVE = frozenset(POSITIVE)


def sentiment_of(text: TextForms) -> Sentiment:
    """What the words of an utterance show; `neutral` also for courtesies alone."""
    signs: set[bool] = set()
    end, turned = -1, False
    for match in _WORDS.finditer(text.heard):
        word, before = match.group(), text.heard[max(0, match.start() - _REACH) : match.start()]
        # A denial reaches over words that stand together: 不值得信任.
        turned = bool(_TURNED.search(before)) or (turned and match.start() == end)
        end = match.end()
        after = text.heard[end : end + 2]
        if word in _COURTESY or _ASKED.match(after) or _alternative(word, before):
            continue
        if word == "放心" and not turned and (_SOOTHED.search(before) or after[:1] in "吧好啊"):
            continue
        good = word in _POSITIVE
        if turned and (not good or _TAKEN_BACK.search(before)):
            continue  # 别担心 and 不着急 comfort; they show nothing of the speaker.
        if not good and word.startswith("不") and _denied(before):
            continue
        signs.add(good != turned)
    if len(signs) == 2:
        return "mixed"
    return ("positive" if signs.pop() else "negative") if signs else "neutral"


def _alternative(word: str, before: str) -> bool:
    """Whether the word is half of a question with both answers: 满不满意, 喜不喜欢."""
    if word.startswith("不"):
        return len(word) > 1 and before.endswith(word[1])
    return before.endswith(f"{word[0]}不")


def _denied(before: str) -> bool:
    return before.endswith(("不是", "不能说", "没有", "并非", "不会"))
