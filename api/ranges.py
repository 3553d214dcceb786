"""HTTP byte ranges (RFC 9110, section 14) for one range."""

import re
from dataclasses import dataclass

from core.errors import AppError

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The half-open byte interval `[start, end)` of a content of `size` bytes."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """Bytes covered."""
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """The `Content-Range` value, whose last byte is inclusive."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range to serve, or None to serve everything with 200.

    `bytes=a-b`, `bytes=a-` and `bytes=-n` are served; other units, several ranges and malformed
    values are ignored, as the standard allows.

    Raises:
        AppError: `range-not-satisfiable` when the range begins after the content, or asks for
            its last 0 bytes.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start = int(first)
        end = min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise AppError(
            "range-not-satisfiable",
            f"请求的字节范围超出录音大小（{size} 字节），请从 0 重新读取。",
            detail={"size_bytes": size},
        )
    return ByteRange(start, end, size)


def etag_matches(header: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` value lists this entity tag (weak comparison) or is `*`."""
    if header is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag in tags
