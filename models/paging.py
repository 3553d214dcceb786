"""Page: one cut of a list, and the opaque cursor to the next one."""

import base64
import binascii
import uuid
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.errors import AppError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in the list's order; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(identifier: uuid.UUID) -> str:
    """The cursor that continues after the row with this id."""
    return base64.urlsafe_b64encode(identifier.bytes).decode().rstrip("=")


def decode_cursor(cursor: str) -> uuid.UUID:
    """The id that a cursor of `encode_cursor` continues after.

    Raises:
        AppError: `bad-cursor`.
    """
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except (ValueError, binascii.Error) as error:
        raise AppError("bad-cursor", "cursor 无效。请去掉 cursor，从第一页重新开始。") from error
