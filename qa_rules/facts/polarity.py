"""Whether words are said as the speaker's own claim: not negated, not quoted, not denied.

Works on raw text around a match. Rules of thumb for spoken Mandarin: a negator counts when it
stands in the same clause shortly before the match and is no part of a word like 不仅 or 别人; an
even number of negators cancels out. A quotation needs somebody else who says it ("您刚才说"), or a
third person in a hypothetical ("如果有人让您"). A denial follows the words ("包过是不可能的").
"""

import re

from events.cues import denies

_CLAUSE_END = re.compile(r"[，,。！？!?；;：:、…\n]")
_SENTENCE_END = re.compile(r"[。！？!?；;…\n]")
_NEGATION_REACH = 9
_QUOTE_REACH = 20
_DENIAL_REACH = 16

# Words that hold a negator's character without negating what follows.
_HARMLESS = re.compile(
    r"不(?:光|仅|但|只|管|论|止|错|过|然|同|好意思|就是|都|也|用说|瞒您|信您|妨|断)"
    r"|(?:不用|不要|不必|别|甭)(?:担心|怕|愁|操心|犹豫|多想|考虑|着急|紧张|再|想)"
    r"|没(?:问题|事|错|关系|毛病)|差不多|要不|特别|别(?:人|家|的|处|墅)|分别|级别|识别|个别|性别|类别"
    r"|无(?:论|忧|条件|理由|风险|门槛|限)|未(?:来|必)|没(?:考|过|买|学|报)(?:过|上)?的|零风险"
    r"|(?P<a>[\u4e00-\u9fff])不(?P=a)|有没有"
)
_NEGATOR = re.compile(
    r"不可能|没办法|没法|无法|并非|并不|从不|从没|绝不|决不|不能|不会|不敢|不可以|不得|不准|不许|不让|不要|不用"
    r"|不必|不存在|不是|没有|没|未|不|别|甭|禁止|严禁|杜绝|拒绝|哪敢|怎么敢|怎么能|怎么可能|谁敢|谁能|避免|防止"
)
_QUOTE = re.compile(
    r"(?<![跟和给对向与同])(?:您|你|他|她|它|他们|她们|人家|别人|有人|有些人|网上|外面|同行|客户|学员|顾客|对方|谁"
    r"|家人|朋友|所谓|某些(?:机构|公司|销售))"
    r"[^，,。！？!?；;]{0,6}?(?:说|讲|问|提到|声称|宣称|号称|以为|觉得|认为|怀疑|担心|怕)"
    r"(?!明|清|一下|说)[^。！？!?；;]{0,12}$|所谓(?:的)?[“\"「]?$"
)
_ADDRESSED = re.compile(r"[跟和给对向与同][您你](?:们)?[^，,。！？!?；;]{0,2}[说讲]")
_HYPOTHETICAL = re.compile(
    r"(?:如果|要是|假如|万一|凡是|但凡|一旦|遇到|碰到|看到|听到)[^。！？!?；;]{0,4}"
    r"(?:有人|谁|别人|哪个|哪家|对方|陌生人|任何人|自称|说)[^。！？!?；;]{0,12}$"
)
_REFUSAL = re.compile(
    r"不(?:等于|等同|一样|同于|算是?|保证|承诺|敢|允许|接受|得|支持|代表|做)|没法|拒绝|严禁|禁止"
)
_DENIAL = re.compile(
    r"^[^。！？!?；;]{0,8}?(?:不可能|不现实|不存在|不允许|违规|违法|是骗|是假的|不敢说|没人敢|谁也不敢|谁敢|不能(?:信|说"
    r"|这么说|承诺|保证)|不要(?:信|相信)|别(?:信|相信)|不敢(?:承诺|保证)|(?:我|我们|咱们)?(?:可|真|也)?(?:没有?说过|没说|做不到|办不到|没法))"
)


# Most claims have none of the characters near them without which nothing above can match.
_NEGATORS = frozenset("不没无非未别甭禁杜拒哪怎谁避防")
_QUOTERS = frozenset("说讲问提称以觉认怀担怕谓")
_SUPPOSERS = frozenset("人谁哪对称说")
_DENIERS = frozenset("不违骗假没谁别")


def affirmed(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end)` is the speaker's own, unnegated claim."""
    return not (negated(text, start) or quoted(text, start) or _denied(text, end))


def negated(text: str, start: int) -> bool:
    """Whether an odd number of negators governs what begins at `start`."""
    before = text[max(0, start - _NEGATION_REACH) : start]
    if _NEGATORS.isdisjoint(before):
        return False
    before = _tail(before, _CLAUSE_END)
    cleaned = _HARMLESS.sub(lambda m: "　" * len(m.group()), before)
    return len(_NEGATOR.findall(cleaned)) % 2 == 1


def quoted(text: str, start: int) -> bool:
    """Whether what begins at `start` is put into somebody else's mouth."""
    before = text[max(0, start - _QUOTE_REACH) : start]
    if _QUOTERS.isdisjoint(before) and _SUPPOSERS.isdisjoint(before):
        return False
    before = _tail(before, _SENTENCE_END)
    cleaned = _ADDRESSED.sub("　", _HARMLESS.sub("　", before))
    return bool(_QUOTE.search(cleaned) or _HYPOTHETICAL.search(cleaned))


def denial(said: str) -> bool:
    """Whether a clause denies, refuses or sets apart anything."""
    return denies(said) or bool(_REFUSAL.search(said))


def quotes(text: str, start: int, said: str) -> bool:
    """Whether a clause `said` that begins at `start` is, or holds, somebody else's words."""
    return quoted(text, start) or bool(_QUOTE.search(_ADDRESSED.sub("　", said[:_QUOTE_REACH])))


def _denied(text: str, end: int) -> bool:
    after = text[end : end + _DENIAL_REACH]
    return not _DENIERS.isdisjoint(after) and bool(_DENIAL.search(after))


def _tail(before: str, stop: re.Pattern[str]) -> str:
    """The end of `before` after its last `stop`."""
    return stop.split(before)[-1]
