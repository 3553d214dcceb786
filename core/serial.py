"""JSON in and out for the frozen value objects: one codec, used at every edge."""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from core.errors import AppError

T = TypeVar("T")


@lru_cache(maxsize=256)
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def to_json(value: object, kind: Any = None) -> Any:
    """`value` as plain JSON types (dict, list, str, int, float, bool, None).

    `kind` is only needed for containers of unions that the value's own type does not name.
    """
    return _adapter(cast(Hashable, kind or type(value))).dump_python(value, mode="json")


def from_json(kind: type[T], data: object, what: str = "文档") -> T:
    """An instance of `kind` from plain JSON types, validated.

    Raises:
        AppError: `bad-document` naming the first wrong place and what was expected there.
    """
    try:
        return cast(T, _adapter(cast(Hashable, kind)).validate_python(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise AppError(
            "bad-document",
            f"{what}在 {place} 处不正确：{first['msg']}。请改正该字段。",
            detail={
                "errors": [{"at": list(e["loc"]), "message": e["msg"]} for e in error.errors()[:20]]
            },
        ) from error
