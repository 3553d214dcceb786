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
# What the caller says not to do: "我就不约您到店里来了", "资料我先不发".
_NOT_NOW = {
    "下一步/邀约到访": r"|(?:就|先|也)不(?:再)?(?:约|邀|请)(?:您|你)",
    "下一步/发送资料": r"|(?:就|先|也)不(?:再)?(?:给(?:您|你))?(?:发|寄)",
}
# What is scarce, hurried or ends, and the words that say it is not: "名额一直都有", "哪天报都行".
_WHENEVER = (
    r"(?:一直|长期|常年|天天|每天|随时|永远|(?:什么|啥)时候|几时|哪天|下个?月|下礼拜|下周|明年|年后|改天|"
    r"过(?:了|完)(?:今[天儿]|这个?月|月底|这周|节|年)|过[两几]天|任何时候)"
)
_STILL = r"(?:[都也还][有在能给]|[都也](?:行|可以)|[都也还]是(?:这个?|一个|同样的?)价|一样)"
_NOT_SCARCE = (
    rf"{_WHENEVER}[^，。！？]{{0,8}}?{_STILL}"
    r"|(?:名额|位置|位子|优惠|活动|货|库存|机会|房源?|[床座]位)[^，。！？]{0,4}?"
    r"(?:多着呢|多[的得]是|多得很|有的是|不限|不紧张|够用|够的|[足管]够)"
    r"|(?:名额|优惠|活动|价格?|价钱|折扣|费用)[^，。！？]{0,4}?"
    r"(?:不会再?(?:涨|变|停|取消|没)|不涨|不变|不限[时量])"
    r"|(?:没有?|不设|不存在)(?:什么|啥|哪天)?(?:截止|(?:最后)?期限|(?:时间|名额)限制|限[时量])"
    r"|(?<!是)不(?:是|存在)说?(?:今[天儿]|明[天儿]|马上|月底|这两天|什么)?就?"
    r"(?:截止|[只就]剩|最后一天|限[时量]|涨价)"
    r"|(?:定不定|报不报|办不办|买不买|交不交|签不签|来不来)[^。！？]{0,8}?"
    r"[都也](?:行|一样|可以|没事|没关系|成|是这个?价|不影响)"
)
# What the company says it lacks or is not: "我们没有什么内部渠道", "不是国家职业资格证".
_NOT_CLAIMED = (
    r"(?<!有)没有?(?:什么|啥子?|任何|所谓|那种)[^，。！？]{0,4}"
    r"(?:内部|特殊|特批|独家|官方|关系|渠道|指标|内定|路子|包过|保过)"
    r"|(?<!是)不是(?:什么|啥子?)?[^，。！？]{0,4}(?:官方|政府|国家|国企|银行|指定|唯一|独家)"
)
_HOWEVER = r"(?!.*(?:但|可是|不过|只是|就怕|就是|除非))"
_DENIED = {
    **{
        act: re.compile(_TAKEN_BACK + words + _NOT_NOW.get(act, ""))
        for act, words in _OFFERS.items()
    },
    "促成/限时截杀": re.compile(f"(?:{_NOT_SCARCE}){_HOWEVER}"),
    "虚假宣传": re.compile(f"(?:{_NOT_CLAIMED}){_HOWEVER}"),
}
_WINDOW = 8
_DENIAL = re.compile(
    r"不用|不必|无需|不需要|用不着|没必要|不会|不能|没法|无法|从来没|并没|没有|别|甭|不是"
)


def negated(text: str, start: int) -> bool:
    """Whether the words that begin at `start` of a clause are denied by what stands before."""
    before = text[max(0, start - _WINDOW) : start]
    return bool(_NEGATION.search(before)) and not _NO_NEGATION.search(before)


def act_denied(act: str, text: str) -> bool:
    """Whether a clause takes back what the act would say: no need to, no hurry, no end of it.

    Only of offers (`下一步/…`, `促成/付款引导`), of `促成/限时截杀` and of the violation
    `虚假宣传`: most other acts are said with such words too. Of the corpus' 25 turns that need no
    offer, 2 carry the act's label, for another clause; of its 254 turns that hurry, none has a
    clause that says there is no hurry.
    """
    pattern = _DENIED.get(act)
    return pattern is not None and bool(pattern.search(text))


def quoted(text: str, start: int) -> bool:
    """Whether the words that begin at `start` repeat what somebody said before."""
    return bool(_QUOTATION.search(text[max(0, start - 2 * _WINDOW) : start]))


def denies(text: str) -> bool:
    """Whether a clause denies anything at all; questions of the form 能不能 do not count."""
    found = _DENIAL.search(text)
    return bool(found) and not _NO_NEGATION.search(text[: found.end()] if found else "")
