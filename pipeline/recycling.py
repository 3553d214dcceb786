"""Recycling: when a worker process has done enough and makes room for a fresh one."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from core.settings import WorkerSettings

logger = logging.getLogger(__name__)

_HOUR_MS = 3_600_000
_MIB = 1 << 20


def resident_mb() -> float:
    """Memory of this process that is in RAM, in MiB."""
    return float(psutil.Process().memory_info().rss / _MIB)


@dataclass(slots=True)
class Wear:
    """What a process has done since it started, held against the limits of the settings.

    `worn` is set once a limit is passed; `reason` says which. Native libraries give memory back
    late or never, so a process that works for days is ended on purpose rather than by the
    system's memory killer in the middle of a call.
    """

    memory_mb: Callable[[], float] = resident_mb
    audio_ms: int = 0
    reason: str = ""
    worn: asyncio.Event = field(default_factory=asyncio.Event)

    def after_call(self, settings: WorkerSettings, audio_ms: int) -> None:
        """Count a call that was heard, and see whether it was the last."""
        self.audio_ms += audio_ms
        hours = self.audio_ms / _HOUR_MS
        if settings.recycle_audio_hours and hours >= settings.recycle_audio_hours:
            self._retire(f"{hours:.2f} hours of audio, limit {settings.recycle_audio_hours:g}")
        elif settings.recycle_memory_mb:
            used = self.memory_mb()
            if used > settings.recycle_memory_mb:
                self._retire(f"{used:.0f} MiB of memory, limit {settings.recycle_memory_mb}")

    def _retire(self, reason: str) -> None:
        if not self.worn.is_set():
            self.reason = reason
            self.worn.set()


async def stop_when_worn(wear: Wear, stopped: asyncio.Event) -> None:
    """Set `stopped` when a limit is passed; return when it is set, whoever set it."""
    worn = asyncio.create_task(wear.worn.wait())
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((worn, stopping), return_when=asyncio.FIRST_COMPLETED)
    worn.cancel()
    stopping.cancel()
    if wear.worn.is_set() and not stopped.is_set():
        logger.info("worker ends to be started anew", extra={"reason": wear.reason})
        stopped.set()
