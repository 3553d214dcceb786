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

from asr.text import normalise_numbers
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
_SPOKEN = "[一二两三四五六七八九十]"
_UNIT = "块钱|元|块|人民币|rmb"
# What follows a large number that counts something other than money.
_COUNTED = "个?[人家名位条次台套年月日岁字步公米吨平户学粉股里票倍级]"
# 一块 is a piece of something more often than a price.
_ENDS_PRICE = "(?![个分小点天年月次节课内地方])"
_HOUR = "(?:[01]?\\d|2[0-4]|[一二两三四五六七八九]|十[一二]?)"
_PART_OF_DAY = "(?:早上|早晨|上午|中午|下午|傍晚|晚上|夜里|凌晨|今晚|明早)"
_MONTH = "(?:1[0-2]|0?[1-9])月"


@dataclass(frozen=True, slots=True)
class _Reading:
    """A pattern of a kind over one form of the text; group `hit` is the entity, if there is one."""

    kind: Kind
    pattern: re.Pattern[str]
    form: Literal["raw", "heard", "normalised"] = "normalised"


def _reading(
    kind: Kind, pattern: str, form: Literal["raw", "heard", "normalised"] = "normalised"
) -> _Reading:
    return _Reading(kind, re.compile(pattern), form)


# The more particular first: what one has taken, the others leave alone. Signs (@, :, ¥) are only
# in the raw text; large numbers keep their units only as they were heard (三万, not 30000).
_READINGS = (
    _reading("email", r"[A-Za-z0-9_.+-]{2,}@[A-Za-z0-9-]+(?:\.[A-Za-z]{2,})+", "raw"),
    _reading("time", r"(?<!\d)(?:[01]?\d|2[0-3])[:：][0-5]\d(?!\d)", "raw"),
    _reading("amount", r"[¥￥]\s?(?P<n>\d[\d,]*(?:\.\d+)?)(?P<scale>[千万亿])?", "raw"),
    _reading("id_card", r"(?<![\da-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])"
                        r"(?:0[1-9]|[12]\d|3[01])\d{3}[\dx](?![\da-z])"),
    _reading("bank_card", r"(?<!\d)(?:62|4\d|5[1-5]|9[58]|6[05]|35|37)\d{13,17}(?!\d)"),
    _reading("phone", r"(?<!\d)(?:(?:86)?1[3-9]\d{9}|0\d{2,3}\d{7,8}|400\d{7}|800\d{7})(?!\d)"),
    _reading("plate", r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
                      r"[a-hj-np-z][a-hj-np-z0-9]{5,6}(?![a-z0-9])"),
    _reading("wechat", r"微信(?:号码?)?(?:就?是|为)?(?P<hit>[a-z][a-z0-9_]{5,19})(?![a-z0-9_])"),
    _reading("amount", rf"(?P<n>{_NUMBER})(?P<scale>[百千万亿])?[多来]?(?:{_UNIT}){_ENDS_PRICE}"
                       rf"(?:(?P<tenths>[\d一二三四五六七八九])(?![\d.十百千]){_ENDS_PRICE}[毛角]?)?"),
    _reading("amount", r"(?P<tenths>\d)[毛角](?!度)钱?"),
    _reading("amount", r"(?P<one>一)块(?:钱|(?P<digit>[二三四五六七八九])(?![个分点十百千块]))"),
    _reading("amount", rf"(?:[几数]|十几|{_SPOKEN}{{2}})[十百千万亿]*[多来]?"
                       rf"(?:{_UNIT}){_ENDS_PRICE}"),
    _reading("amount", r"(?<![第\d.几])(?P<large>(?:\d+(?:\.\d+)?"
                       rf"|{_SPOKEN}[一二两三四五六七八九十百千]*"
                       r"(?:点[零一二三四五六七八九]+)?)[万亿](?:[零一二两三四五六七八九\d][千百十\d]*)*)"
                       r"(?![一二两三四五六七八九十百千万亿零\d])"
                       rf"(?:[多来](?!{_COUNTED})|(?![多来])(?!{_COUNTED}))", "heard"),
    _reading("amount", r"(?P<yi>[一两三四五六七八九\d])个亿"),
    _reading("percent", rf"(?P<n>{_NUMBER})%|百分之(?P<m>{_NUMBER})"),
    _reading("date", rf"(?:\d{{2,4}}年)?{_MONTH}(?:[12]\d|3[01]|0?[1-9]|一)[日号]"
                     rf"|\d{{4}}年{_MONTH}|(?<![个\d]){_MONTH}(?:份|底|初|中旬|上旬|下旬)"
                     r"|(?<!\d)(?:[12]\d|3[01]|[1-9])号(?![码楼线店院])"
                     r"|(?:下个?|上个?|这个?|本)月(?:底|初|(?:[12]\d|3[01]|[1-9]|一)[日号])?"
                     r"|(?:下下?|上上?|这|本)?(?:周|星期|礼拜)[一二三四五六日天末1-6](?![年级])"
                     r"|大?(?:今|明|后|昨|前)天"),
    _reading("duration", rf"(?<![第\d.])(?!\d{{4}}年)(?P<n>{_NUMBER}|[一半])"
                         r"(?:个?(?P<unit>秒|分钟|小时|钟头|星期)|个(?P<moon>月)|(?P<short>天(?!到晚)"
                         r"|周(?![一二三四五六日天末年岁1-6])|年(?![级代四])))(?P<half>半)?"),
    _reading("time", rf"{_PART_OF_DAY}(?P<h>{_HOUR})点(?:半|整|钟|一刻|三刻|[0-5]?\d分?)?"
                     rf"|(?<![\d个差]){_HOUR}点(?:半|整|钟|一刻|三刻|[0-5]?\d分|[0-5]\d(?!\d))"
                     rf"|(?<![\d个差一]){_HOUR}点(?=左右|前|后|到|之)"),
)  # fmt: skip
_ONES = {**dict(zip("一二三四五六七八九", range(1, 10), strict=True)), "两": 2} | {
    str(digit): digit for digit in range(10)
}
_SCALES = {"百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
_SECONDS = {
    "秒": 1, "分钟": 60, "小时": 3600, "钟头": 3600, "天": 86_400, "周": 604_800, "星期": 604_800,
    "月": 2_592_000, "年": 31_536_000,
}  # fmt: skip
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def find_entities(text: TextForms) -> tuple[Entity, ...]:
    """The entities of a text by place, at most one over any character.

    Where readings compete, the one that is more particular stays: an identity card is no bank
    card, and neither is a phone number. Amounts that are only about known (几百块) have no value.
    """
    taken = [False] * len(text.raw)
    found: list[Entity] = []
    for entity in _candidates(text) if text.normalised else ():
        if not any(taken[entity.start : entity.end]):
            taken[entity.start : entity.end] = [True] * (entity.end - entity.start)
            found.append(entity)
    return tuple(sorted(found, key=lambda entity: entity.start))


def _candidates(text: TextForms) -> Iterator[Entity]:
    for reading in _READINGS:
        subject: str = getattr(text, reading.form)
        for match in reading.pattern.finditer(subject):
            start, end = match.span("hit" if "hit" in reading.pattern.groupindex else 0)
            raw = (start, end) if reading.form == "raw" else text.to_raw(start, end, reading.form)
            score = _certainty(reading.kind, subject[start:end])
            yield Entity(reading.kind, *raw, _value(reading.kind, match), score)


def _value(kind: Kind, match: re.Match[str]) -> float | None:
    if kind == "amount":
        return _amount(match.groupdict())
    if kind == "percent":
        return float(match["n"] or match["m"])
    if kind == "duration":
        return _duration(match)
    return None


def _amount(said: dict[str, str | None]) -> float | None:
    if hundred_millions := said.get("yi"):
        return _ONES[hundred_millions] * 1e8
    if large := said.get("large"):
        written = normalise_numbers(large).text
        return float(written) if re.fullmatch(_NUMBER, written) else None
    number, tenths = said.get("n"), said.get("tenths")
    value = float((number or "0").replace(",", "")) * _SCALES.get(said.get("scale") or "", 1.0)
    if said.get("one"):
        return 1.0 + _ONES.get(said.get("digit") or "", 0) / 10
    if number is None and tenths is None:
        return None
    return round(value + _ONES.get(tenths or "", 0) / 10, 4)


def _duration(match: re.Match[str]) -> float:
    seconds = _SECONDS[match["unit"] or match["short"] or match["moon"]]
    count = {"一": 1.0, "半": 0.5}.get(match["n"]) or float(match["n"])
    return (count + (0.5 if match["half"] else 0.0)) * seconds


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
