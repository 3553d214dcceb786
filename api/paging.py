"""What every list that comes in pages asks for: where to go on, and how much at once."""

from typing import Annotated, Any

from fastapi import Query

from api.openapi import shows


def next_cursor(example: str) -> Any:
    """The query parameter that takes `next_cursor` of the page before; `example` as it looks."""
    return Query(description="上一页的 next_cursor", max_length=100, **shows(next=example))


Limit = Annotated[int, Query(ge=1, le=200, description="每页条数", **shows(fifty=50))]
