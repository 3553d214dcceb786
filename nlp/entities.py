"""Entities in spoken text: phone and card numbers, amounts, dates and the like.

Deterministic patterns over the normalised form (spoken numbers written as digits), so a number
that is said digit by digit is found as well. What a mask or a rule must never miss by mistake of
wording is told from its shape alone; identity and bank cards are also held to their check digits
where the recording is clean enough to have them, which raises the score, not the claim.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from nlp.normalise import TextForms

Kind = Literal[
    "phone", "id_card", "bank_card", "amount", "percent", "date", "time", "duration", "email",
    "wechat", "plate",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
NAMES: dict[str, str] = {
    "phone": "电话号码", "id_card": "身份证号", "bank_card": "银行卡号", "amount": "金额",
    "percent": "百分比", "date": "日期", "time": "时刻", "duration": "时长", "email": "邮箱",
    "wechat": "微信号", "plate": "车牌号",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its kind and its half-open span of the raw text.

    `value` is a number in the kind's base unit: 元 for amounts, 100 for 100 %, seconds for
    durations; None for the other kinds. `score` is 1.0 where a check digit confirms the number
    or the kind has none, else 0.9.
    """

    kind: Kind
    start: int
    end: int
    value: float | None = None
    score: float = 1.0


_NUMBER = r"\d+(?:\.\d+)?"
_AMOUNT = re.compile(
    rf"(?P<n>{_NUMBER})(?P<scale>[千万亿])?(?P<unit>元|块钱|块|人民币|万块|rmb)"
    rf"|(?:¥|￥)(?P<m>{_NUMBER})"
    rf"|(?P<w>{_NUMBER})(?P<big>[万亿])(?![多个人家名位条次台套年月日岁字步])"
)
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("id_card", re.compile(r"(?<![\da-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])"
                           r"(?:0[1-9]|[12]\d|3[01])\d{3}[\dx](?![\da-z])")),
    ("bank_card", re.compile(r"(?<!\d)(?:62|4\d|5[1-5]|9[58]|6[05]|35|37)\d{13,17}(?!\d)")),
    ("phone", re.compile(r"(?<!\d)(?:(?:86)?1[3-9]\d{9}|0\d{2,3}\d{7,8}|400\d{7}|800\d{7})(?!\d)")),
    ("plate", re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
                         r"[a-hj-np-z][a-hj-np-z0-9]{5,6}(?![a-z0-9])")),
    ("wechat", re.compile(r"微信(?:号码?)?(?:就?是|为)?(?P<hit>[a-z][a-z0-9_]{5,19})"
                          r"(?![a-z0-9_])")),
    ("percent", re.compile(rf"(?P<n>{_NUMBER})%|百分之(?P<m>{_NUMBER})")),
    ("date", re.compile(r"(?:\d{2,4}年)?(?:1[0-2]|0?[1-9])月(?:[12]\d|3[01]|0?[1-9])[日号]"
                        r"|\d{4}年(?:1[0-2]|0?[1-9])月|(?<!\d)(?:[12]\d|3[01]|[1-9])号(?![码楼线店])"
                        r"|(?:下下?|上上?|这|本)?(?:周|星期|礼拜)[一二三四五六日天1-6]"
                        r"|大?(?:今|明|后|昨|前)天")),
    ("duration", re.compile(rf"(?P<n>{_NUMBER})个?(?P<unit>秒|分钟|小时|钟头|天|周|星期|月|年)"
                            r"(?!\d)")),
    ("time", re.compile(r"(?:(?:早上|上午|中午|下午|晚上|凌晨)(?:[01]?\d|2[0-4])点|"
                        r"(?<!\d)(?:[01]?\d|2[0-4])点(?=半|整|钟|[0-5]?\d分|左右|前|后|到|之))"
                        r"(?:半|整|钟|[0-5]?\d分)?|(?<!\d)(?:[01]?\d|2[0-3]):[0-5]\d")),
)  # fmt: skip
# Matched on the raw text: the normalised form has no @ and no full stops.
_EMAIL = re.compile(r"[A-Za-z0-9_.+-]{2,}@[A-Za-z0-9-]+(?:\.[A-Za-z]{2,})+")
_SCALES = {"千": 1e3, "万": 1e4, "亿": 1e8}
_SECONDS = {
    "秒": 1, "分钟": 60, "小时": 3600, "钟头": 3600, "天": 86_400, "周": 604_800, "星期": 604_800,
    "月": 2_592_000, "年": 31_536_000,
}  # fmt: skip
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def find_entities(text: TextForms) -> tuple[Entity, ...]:
    """The entities of a text by place, at most one over any character.

    Where readings compete, the one that is more particular stays: an identity card is no bank
    card, and neither is a phone number.
    """
    subject = text.normalised
    if not subject:
        return ()
    taken = [False] * len(text.raw)
    found: list[Entity] = []
    places = [Entity("email", *match.span()) for match in _EMAIL.finditer(text.raw)]
    for kind, start, end, value, score in _candidates(subject):
        places.append(Entity(kind, *text.to_raw(start, end), value, score))
    for entity in places:
        if not any(taken[entity.start : entity.end]):
            taken[entity.start : entity.end] = [True] * (entity.end - entity.start)
            found.append(entity)
    return tuple(sorted(found, key=lambda entity: entity.start))


def _candidates(subject: str) -> Iterator[tuple[Kind, int, int, float | None, float]]:
    for kind, pattern in _PATTERNS[:5]:
        for match in pattern.finditer(subject):
            start, end = match.span("hit" if "hit" in pattern.groupindex else 0)
            yield kind, start, end, None, _certainty(kind, subject[start:end])
    for match in _AMOUNT.finditer(subject):
        yield "amount", match.start(), match.end(), _amount(match), 1.0
    for kind, pattern in _PATTERNS[5:]:
        for match in pattern.finditer(subject):
            yield kind, match.start(), match.end(), _measure(kind, match), 1.0


def _amount(match: re.Match[str]) -> float:
    plain = match["n"] or match["m"]
    if plain is None:
        return float(match["w"]) * _SCALES[match["big"]]
    scale = match["scale"] or ("万" if (match["unit"] or "").startswith("万") else "")
    return float(plain) * _SCALES.get(scale, 1.0)


def _measure(kind: Kind, match: re.Match[str]) -> float | None:
    if kind == "percent":
        return float(match["n"] or match["m"])
    return float(match["n"]) * _SECONDS[match["unit"]] if kind == "duration" else None


def _certainty(kind: Kind, number: str) -> float:
    if kind == "id_card":
        return 1.0 if _id_checks(number) else 0.9
    return (1.0 if _luhn_checks(number) else 0.9) if kind == "bank_card" else 1.0


def _id_checks(number: str) -> bool:
    """The check character of GB 11643 (ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return "10x98765432"[total % 11] == number[-1]


def _luhn_checks(number: str) -> bool:
    """The check digit of ISO/IEC 7812."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
