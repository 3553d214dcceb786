"""Questions in Chinese speech, with or without punctuation."""

import re
from functools import lru_cache

_TEXT = re.compile(r"\w")
_SENTENCE_END = re.compile(r"(?<=[。！？?!；;])")

# Said to keep the listener along, not to be answered.
_TAG = re.compile(
    r"(?:对吧|是吧|好吧|行吧|对不对|是不是|好不好|行不行|可以吧|知道吧|明白吧|懂吧|是吗|"
    r"你知道吗|您知道吗|不是吗|可不是吗|怎么说呢|谁知道呢)[啊呀呢嘛]?[，,。！？?!]*$"
)
_TAG_MIDDLE = re.compile(r"(?:对吧|是吧|你知道吗|您知道吗|怎么说呢)")

# Question words that assert: 什么都, 没什么, 不怎么, 哪怕, 多少都, 那么, 这么.
_ASSERTING = re.compile(
    r"[没不][^，。！？]{0,4}(?:什么|啥|哪|谁|多少)|不怎么|什么的|什么都|什么也|怎么都|怎么也|谁都|谁也|哪怕|哪儿都|哪里都|哪都|哪里哪里|"
    r"(?:无论|不管|不论)[^，。！？]*?(?:什么|怎么|多少|哪|谁|几)|多少有|多少会|几乎|十几|几十|几百|几千|几万|"
    r"好几|这几|那几|前几|后几|几句|几分钟就|怎么办都|这么|那么|多么|要么|什么时候都|"
    r"(?:知道|明白|了解|清楚)(?:什么|怎么|多少|哪)"
)

_FINAL_PARTICLE = re.compile(r"(?:吗|呢|么|嘛[？?]|吧[？?])[？?]?$")
_A_NOT_A = re.compile(
    r"([\u4e00-\u9fff])(?:不|没)\1|可不可以|方不方便|需不需要|愿不愿意|清不清楚|有没有|是否|能否"
)
_WORD = re.compile(
    r"什么|怎么|怎样|咋|啥|多少|多久|多大|多长|多高|哪|谁|为何|如何|几(?:个|点|号|天|年|岁|口|次|月|分|位|月份)"
)


@lru_cache(maxsize=1 << 12)
def count_questions(text: str) -> int:
    """Number of sentences in `text` that ask something.

    A sentence asks when it ends in ？, 吗, 呢 or 么, has the form A不A, or contains a question
    word; phrases that only seek agreement (对吧, 你知道吗) and question words that assert (什么都,
    没什么) do not count. Text without punctuation is one sentence.
    """
    return sum(_asks(sentence) for sentence in _SENTENCE_END.split(text) if sentence.strip())


def _asks(sentence: str) -> bool:
    core, tags = _TAG.subn("", sentence.strip())
    core = _TAG_MIDDLE.sub("", core).rstrip("，, ")
    if not _TEXT.search(core):
        return False
    if (core.endswith(("？", "?")) and not tags) or _A_NOT_A.search(core):
        return True
    core = _ASSERTING.sub("", core)
    return bool(_FINAL_PARTICLE.search(core.rstrip("。！!；;")) or _WORD.search(core))
