"""Text as heard, made comparable: simplified characters, and spoken numbers written as digits.

Numbers are only rewritten when their reading is certain. What may be an idiom (万一, 十分, 千万),
an approximation (七八百, 十几), an ordinal or a count with a half (两年半) stays as it was said.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cn2an
import opencc

_DIGITS = "零〇一二两三四五六七八九幺"
_UNITS = "十百千万亿"
_PLAIN_DIGITS = str.maketrans("〇两幺", "零二一")
_VALUE = dict(zip(_DIGITS, "0012234567891", strict=True))

# A run of number characters: Chinese or Arabic digits with units, and a decimal point between.
_NUMERAL = f"[{_DIGITS}{_UNITS}0-9]"
_RUN = re.compile(rf"{_NUMERAL}+(?:[点.]{_NUMERAL}+|,\d{{3}}(?!\d))*")
_PERCENT = re.compile(rf"百分之({_NUMERAL}+(?:点[{_DIGITS}]+)?)|百分百")

# A lone digit says a quantity only before one of these; before anything else (一起, 三心二意,
# 二手) it is part of a word. 一 is left out: 一天, 一点, 一块 are words more often than counts.
_COUNTED = re.compile(
    r"(?:块|元|毛|角|折|岁|期|号|月|日|点|分钟|秒|小时|个小时|钟头|个钟头|天|个月|年|周岁|周(?!末|边|期)"
    r"|个星期|星期|倍|万|千克|公里|公斤|米|平米|平方|人|位|名|次|节|堂|门(?:课|功课|科目|考试)|本|套|份|种"
    r"|个(?!别|性|人))"
)
_HALF = re.compile(r"(?:个?[年月天周]|个|个?小时|个?钟头|个?星期|倍|万|千|百|岁)半")
_TWO_DIGIT_YEAR = re.compile(r"[零〇一二九][零〇一二三四五六七八九]")
_GENERATION = re.compile(r"[零〇五六七八九][零〇五]")
_APPROXIMATE_BEFORE = ("几", "数", "上", "好几", "成", "双", "第", "之", "星期", "礼拜", "周")
_HOLIDAY_AFTER = ("假", "放假", "长假", "黄金周", "国庆", "期间", "小长假")
_IDIOM = re.compile(
    "三番五次|五花八门|三天两头|三天打鱼|两天晒网|四面八方|十有八九|八九不离十|十全十美|三言两语|千方百计|一五一十"
    "|三五成群|五湖四海|九牛一毛|七七八八|三长两短|接二连三|说一不二|丢三落四|三百六十行|五颜六色|七嘴八舌|四通八达"
    "|十万火急|十拿九稳|百发百中|百里挑一|千辛万苦|万无一失|三心二意|三六九等|五险一金|十万八千里|一千零一夜"
)
# A number with units: all in Chinese characters, or Arabic digits with Chinese units (3万5).
_WITH_UNITS = re.compile(rf"[{_DIGITS}十][{_DIGITS}{_UNITS}]*|(?:\d+(?:\.\d+)?[{_UNITS}]+)+\d*")

_FULL_WIDTH = {",": "，", "?": "？", "!": "！", ";": "；", ":": "："}
_HALF_WIDTH = re.compile(r"(?<=[\u3400-\u9fff])[,?!;:]")


@dataclass(frozen=True, slots=True)
class _Edit:
    raw_start: int
    raw_end: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NumberNormalised:
    """`text` with spoken numbers as digits, and where each stretch of it stood in the raw text.

    Offsets are Unicode code points; `edits` are the rewritten numbers in order.
    """

    text: str
    edits: tuple[_Edit, ...]

    def to_raw(self, start: int, end: int) -> tuple[int, int]:
        """The raw span that `[start, end)` of `text` came from.

        A span that touches a rewritten number covers the whole spoken number: single digits of
        it have no place of their own in what was said.
        """
        return self._raw_start(start), max(self._raw_start(start), self._raw_end(end))

    def _raw_start(self, offset: int) -> int:
        shift = 0
        for edit in self.edits:
            if offset < edit.start:
                break
            if offset < edit.end:
                return edit.raw_start
            shift = edit.raw_end - edit.end
        return offset + shift

    def _raw_end(self, offset: int) -> int:
        shift = 0
        for edit in self.edits:
            if offset <= edit.start:
                break
            if offset <= edit.end:
                return edit.raw_end
            shift = edit.raw_end - edit.end
        return offset + shift


def to_simplified(text: str) -> str:
    """`text` in simplified characters (OpenCC `t2s`); other characters are unchanged."""
    return str(_opencc().convert(text)) if text else text


def chinese_punctuation(text: str) -> str:
    """`text` with half-width marks after a Chinese character made full-width, length unchanged."""
    return _HALF_WIDTH.sub(lambda mark: _FULL_WIDTH[mark[0]], text)


def normalise_numbers(text: str) -> NumberNormalised:
    """`text` with certain numbers as Arabic digits: 一千九百八 → 1980, 百分之十 → 10%.

    Digit strings (phone numbers, years, staff numbers) are copied digit by digit, thousands
    separators removed, 3万 expanded to 30000. Everything doubtful is untouched.
    """
    pieces: list[str] = []
    edits: list[_Edit] = []
    position = length = 0
    for start, end, replacement in _replacements(text):
        if replacement == text[start:end]:
            continue
        pieces += [text[position:start], replacement]
        length += start - position
        edits.append(_Edit(start, end, length, length + len(replacement)))
        length += len(replacement)
        position = end
    pieces.append(text[position:])
    return NumberNormalised("".join(pieces), tuple(edits))


@lru_cache(maxsize=1)
def _opencc() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def _replacements(text: str) -> list[tuple[int, int, str]]:
    """Spans to rewrite, in order and disjoint."""
    found: list[tuple[int, int, str]] = []
    idioms = [match.span() for match in _IDIOM.finditer(text)]
    position = 0
    while run := _RUN.search(text, position):
        if any(first < run.end() and run.start() < last for first, last in idioms):
            position = run.end()
            continue
        percent = _PERCENT.match(text, run.start())
        if percent:
            number = "100" if percent[0] in ("百分百", "百分之百") else _amount(percent[1])
            if number is not None:
                found.append((percent.start(), percent.end(), f"{number}%"))
            position = percent.end()
            continue
        found.extend(_rewrite(text, run.start(), run.end()))
        position = run.end()
    return found


def _rewrite(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """The rewritten number at `text[start:end]`, or its two halves, or nothing."""
    run, after = text[start:end], text[end:]
    point = run.find("点")
    if point >= 0 and not _is_decimal(run):
        # 三点二十: an hour and its minutes, not a fraction.
        middle = start + point
        return _rewrite(text, start, middle) + _rewrite(text, middle + 1, end)
    number = _number(run, text[:start], after)
    return [] if number is None else [(start, end, number)]


def _is_decimal(run: str) -> bool:
    """One point, and after it nothing but digits (a unit may end it: 一点五万)."""
    return bool(re.fullmatch(rf"[^点]+点[{_DIGITS}0-9]+[万亿]?", run))


def _number(run: str, before: str, after: str) -> str | None:
    """How `run` is written in digits in its context, None when it stays as it is."""
    if after.startswith("分之") or before.endswith("分之"):
        return None
    if run.isascii():
        return run.replace(",", "")
    is_word = before.endswith(_APPROXIMATE_BEFORE) or after.startswith("几")
    if all(c in _DIGITS for c in run):
        return None if len(run) < 3 and is_word else _digit_string(run, after)
    if is_word and (len(run) < 3 or before.endswith(("几", "数", "成"))):
        return None
    if run == "十" and not (_COUNTED.match(after) or after.startswith(("多", "来"))):
        return None  # 十分, 十足, 十字
    if run in ("十一", "五一") and after.startswith(_HOLIDAY_AFTER):
        return None
    if _HALF.match(run[-1] + after) or _HALF.match(after):
        return None
    return _amount(run)


def _digit_string(run: str, after: str) -> str | None:
    """Digits that were read one by one; a lone digit only where it counts something."""
    plain = "".join(_VALUE[c] for c in run)
    if len(run) == 1:
        is_count = run not in "一零〇幺" and _COUNTED.match(after) and not _HALF.match(after)
        return plain if is_count else None
    if "两" in run:  # 一两天, 两三个: an approximation
        return None
    if "幺" in run:
        return plain
    if len(run) == 2:
        is_year = _TWO_DIGIT_YEAR.fullmatch(run) and after.startswith(("年", "届", "级"))
        is_generation = _GENERATION.fullmatch(run) and after.startswith("后")
        return plain if (is_year or is_generation) and not _is_counting(plain) else None
    return None if len(run) == 3 and _is_counting(plain) else plain


def _is_counting(digits: str) -> bool:
    """Whether each digit is one more than the last: 三四五 counts or guesses."""
    return all(int(b) - int(a) == 1 for a, b in pairwise(digits))


def _amount(run: str) -> str | None:
    """The value of a number with units or a point (or one digit), None when it is no number."""
    whole, point, fraction = run.partition("点")
    if not _WITH_UNITS.fullmatch(whole):
        return None  # 万一, 千万, 百八十
    if re.search(r"[一二两三四五六七八九]{2}", whole):
        return None  # 七八百, 二十四五
    scale = {"万": 10**4, "亿": 10**8}.get(fraction[-1:], 1)
    if scale > 1:
        fraction = fraction[:-1]
    try:
        value = cn2an.cn2an((whole + point + fraction).translate(_PLAIN_DIGITS), "smart")
    except (ValueError, KeyError):  # what it cannot parse, it does not always say so
        return None
    return _plain(float(value) * scale)


def _plain(value: float) -> str:
    """A float without exponent and without needless zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
