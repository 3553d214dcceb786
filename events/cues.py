"""Negation and quotation: what turns the words of an event into something else."""

import re

# Before the matched words, in the same clause: "不用加微信", "没说要投诉".
_NEGATION = re.compile(
    r"(?:不用|不必|无需|不需要|用不着|没必要|不是说?|不会|不能|没法|无法|并不|并没有?|从来没|没有|没|别|甭|不)"
    r".{0,3}$"
)
# "能不能加微信" and "是不是太贵" ask; they deny nothing. Nor does "不如加个微信".
_NO_NEGATION = re.compile(
    r"(?:(.)不\1|(.)没\2|有没有|是不是|要不要?|不如|不好意思|不妨|不但|不仅|不光|不管|没问题|没错|没事|没准|"
    r"不然|不过|差不多|了不起|不一会儿?|不只|对不起|忙不忙|怎么不|咋不|为什么不|为何不|干嘛不|何不)"
    r".{0,3}$"
)
# "您刚才说太贵", "人家说你们是骗子" repeat what was said.
_QUOTATION = re.compile(
    r"(?:刚才|刚刚|方才|之前|前面|上次|上回|那天)[^，]{0,3}(?:说|讲|提|问|担心|嫌|觉得)"
    r"|(?:您|你)(?:是)?(?:说|讲|嫌|觉得)(?:过|的|是|咱|我们)?"
)
# What an offer asks the customer to do, and the words that take it back: "您不用加我微信".
_TAKEN_BACK = (
    r"(?:不用|不必|无需|不需要|用不着|没必要|甭|不是(?:让|要|叫)|不(?:会)?(?:让|要|叫)(?:您|你))"
    r"(?!着急|担心|急)[^，。！？]{0,6}?"
)
_OFFERS = {
    "下一步/添加微信": r"(?:微信|好友)",
    "下一步/预约回访": r"(?:等我电话|回电|再打|联系|打(?:过来|给))",
    "下一步/邀约到访": r"(?:来|跑|去|到店|到场)",
    "下一步/发送资料": r"(?:发|寄|推)",
    "促成/付款引导": r"(?:付|交|缴|转|扫|下单)",
}
_DENIED_OFFERS = {act: re.compile(_TAKEN_BACK + words) for act, words in _OFFERS.items()}
_WINDOW = 8
_DENIAL = re.compile(
    r"不用|不必|无需|不需要|用不着|没必要|不会|不能|没法|无法|从来没|并没|没有|别|甭|不是"
)


def negated(text: str, start: int) -> bool:
    """Whether the words that begin at `start` of a clause are denied by what stands before."""
    before = text[max(0, start - _WINDOW) : start]
    return bool(_NEGATION.search(before)) and not _NO_NEGATION.search(before)


def offer_denied(act: str, text: str) -> bool:
    """Whether a clause says that the customer need not do what the act would offer.

    Only of offers (`下一步/…`, `促成/付款引导`): most other acts are said with such words too. Of
    the corpus' 25 turns that say so, 2 carry the act's label, for another clause.
    """
    pattern = _DENIED_OFFERS.get(act)
    return pattern is not None and bool(pattern.search(text))


def quoted(text: str, start: int) -> bool:
    """Whether the words that begin at `start` repeat what somebody said before."""
    return bool(_QUOTATION.search(text[max(0, start - 2 * _WINDOW) : start]))


def denies(text: str) -> bool:
    """Whether a clause denies anything at all; questions of the form 能不能 do not count."""
    found = _DENIAL.search(text)
    return bool(found) and not _NO_NEGATION.search(text[: found.end()] if found else "")
