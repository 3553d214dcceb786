"""Metadata that comes with a recording: from a JSON object or from a row of a manifest."""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from zoneinfo import ZoneInfo

from core.errors import AppError

# Exports of dialers and spreadsheets carry local times without a zone.
LOCAL_ZONE = ZoneInfo("Asia/Shanghai")
MAX_TEXT = 500
MAX_FIELDS_BYTES = 64 * 1024
FIELD_PREFIX = "field."
CHANNEL_ROLES = ("agent", "customer", "unknown")

# Headers that people write in Chinese spreadsheets.
ALIASES: Mapping[str, str] = {
    "文件": "file",
    "文件名": "file",
    "录音": "file",
    "录音文件": "file",
    "客户声道文件": "file_customer",
    "外部编号": "external_id",
    "通话编号": "external_id",
    "来源": "source",
    "领域": "domain",
    "坐席": "agent",
    "坐席姓名": "agent",
    "团队": "team",
    "活动": "campaign",
    "客户编号": "customer_id",
    "线索来源": "lead_source",
    "方向": "direction",
    "呼叫结果": "disposition",
    "开始时间": "started_at",
    "振铃秒数": "ring_s",
    "通话秒数": "talk_s",
    "声道": "channels",
}

_DIRECTIONS: Mapping[str, str] = {
    "inbound": "inbound",
    "in": "inbound",
    "呼入": "inbound",
    "outbound": "outbound",
    "out": "outbound",
    "呼出": "outbound",
}
_ROLE_NAMES: Mapping[str, str] = {
    **{role: role for role in CHANNEL_ROLES},
    "坐席": "agent",
    "客服": "agent",
    "客户": "customer",
    "未知": "unknown",
}
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class UploadMetadata:
    """What is known about a recording before it is heard; None = not told.

    `channels` names the role of each audio channel; empty = the server's default map.
    """

    external_id: str | None = None
    source: str | None = None
    domain: str | None = None
    agent: str | None = None
    team: str | None = None
    campaign: str | None = None
    customer_id: str | None = None
    lead_source: str | None = None
    direction: str | None = None
    disposition: str | None = None
    started_at: dt.datetime | None = None
    ring_s: float | None = None
    talk_s: float | None = None
    channels: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)

    def over(self, base: "UploadMetadata") -> "UploadMetadata":
        """This metadata with what it does not tell taken from `base`; free fields are merged."""
        told = {
            name: value
            for name in _NAMES
            if name != "fields" and (value := getattr(self, name)) not in (None, ())
        }
        return replace(base, **told, fields={**base.fields, **self.fields})


_NAMES = tuple(f.name for f in fields(UploadMetadata))
COLUMNS = tuple(name for name in _NAMES if name != "fields")


def parse_metadata(values: Mapping[str, object]) -> UploadMetadata:
    """Metadata from named values; empty values count as not told.

    Names may be the Chinese headers of `ALIASES`. Unknown names become free fields, with or
    without the prefix `field.`; `fields` may be an object of them. Times without a zone are
    Beijing time.

    Raises:
        AppError: `bad-metadata` naming the column, the value and what is expected.
    """
    told: dict[str, object] = {}
    free: dict[str, object] = {}
    for given_name, value in values.items():
        name = ALIASES.get(given_name.strip(), given_name.strip())
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if name == "fields":
            if not isinstance(value, Mapping):
                raise _wrong(given_name, value, '应为 JSON 对象，例如 {"等级": "A"}')
            free.update({str(key): entry for key, entry in value.items()})
        elif name in _READERS:
            told[name] = _READERS[name](given_name, value)
        elif name and name not in ("file", "file_customer"):
            free[name.removeprefix(FIELD_PREFIX)] = value
    _check_storable(free)
    return replace(UploadMetadata(fields=free), **told)  # type: ignore[arg-type]


def _wrong(column: str, value: object, fix: str) -> AppError:
    shown = str(value)[:60]
    return AppError(
        "bad-metadata",
        f"“{column}”的值“{shown}”不正确：{fix}。",
        detail={"column": column, "value": shown},
    )


def _check_storable(free: Mapping[str, object]) -> None:
    try:
        document = json.dumps(free, ensure_ascii=False, allow_nan=False)
        size = len(document.encode("utf-8"))
    except ValueError:
        raise _wrong("fields", "…", "含有无法保存的字符或数字（NaN、孤立代理符），请删除") from None
    if size > MAX_FIELDS_BYTES:
        raise _wrong("fields", "…", f"自定义字段合计最多 {MAX_FIELDS_BYTES // 1024} KB，请精简")
    if "\\u0000" in document:
        raise _wrong("fields", "…", "含有不可见的空字符，请删除")


def _text(column: str, value: object) -> str:
    if isinstance(value, (dict, list, bool)):
        raise _wrong(column, value, "应为文字")
    text = str(value).strip()
    if len(text) > MAX_TEXT:
        raise _wrong(column, text, f"最多 {MAX_TEXT} 个字，请缩短")
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _wrong(column, "…", "含有无法保存的字符，请删除")
    return text


def _direction(column: str, value: object) -> str:
    direction = _DIRECTIONS.get(_text(column, value).lower())
    if direction is None:
        raise _wrong(column, value, "应为 outbound（呼出）或 inbound（呼入）")
    return direction


def _time(column: str, value: object) -> dt.datetime:
    text = _text(column, value)
    # 2025/1/6 9:30 is what spreadsheets write.
    parts = re.fullmatch(
        r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?)?", text
    )
    moment: dt.datetime | None
    try:
        if parts:
            moment = dt.datetime(*(int(part or 0) for part in parts.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        else:
            moment = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not 1970 <= moment.year <= 2200:
        raise _wrong(
            column, value, "应为时间，例如 2025-01-06 09:30:00 或 2025-01-06T09:30:00+08:00"
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=LOCAL_ZONE)


def _seconds(column: str, value: object) -> float:
    text = _text(column, value)
    clock = _CLOCK.fullmatch(text)
    try:
        if clock:
            hours, minutes, rest = clock.groups()
            seconds = int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
        else:
            seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < 1e9:
        raise _wrong(column, value, "应为不小于 0 的秒数，例如 12.5 或 00:01:30")
    return seconds


def _channels(column: str, value: object) -> tuple[str, ...]:
    given = value if isinstance(value, (list, tuple)) else re.split(r"[,，;；/|\s]+", str(value))
    roles = tuple(_ROLE_NAMES.get(str(role).strip().lower(), "") for role in given)
    if not 1 <= len(roles) <= 2 or "" in roles or roles in (("agent",) * 2, ("customer",) * 2):
        raise _wrong(column, value, "应按声道顺序写角色，例如 agent,customer 或 customer,agent")
    return roles


_READERS: Mapping[str, Callable[[str, object], object]] = {
    **dict.fromkeys(
        (
            "external_id",
            "source",
            "domain",
            "agent",
            "team",
            "campaign",
            "customer_id",
            "lead_source",
            "disposition",
        ),
        _text,
    ),
    "direction": _direction,
    "started_at": _time,
    "ring_s": _seconds,
    "talk_s": _seconds,
    "channels": _channels,
}
