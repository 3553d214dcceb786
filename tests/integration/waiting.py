"""Waiting for something that another task or process brings about."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 120) -> None:
    """Return as soon as `check` is true.

    Raises:
        TimeoutError: when that takes longer than `seconds`.
    """
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - nobody here could set an event
            await asyncio.sleep(0.02)
