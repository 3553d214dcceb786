"""Failures of single calls: noted, so that one broken call does not end the work on the others."""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import AppError
from pipeline.attempts import StoppedError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failures:
    """The calls of a chunk that could not be done, each with `call_id` and `message`."""

    found: list[dict[str, str]] = field(default_factory=list)

    @contextmanager
    def of_call(self, call_id: uuid.UUID, stopping: threading.Event) -> Iterator[None]:
        """Note what goes wrong inside the block.

        Raises:
            StoppedError: when the process has to stop; nothing is noted then.
        """
        if stopping.is_set():
            raise StoppedError
        try:
            yield
        except AppError as error:
            self.found.append({"call_id": str(call_id), "message": error.message})
        except Exception as error:
            logger.exception("call of a bulk run failed", extra={"call_id": str(call_id)})
            message = f"内部错误（{type(error).__name__}）。请查看工作进程日志。"
            self.found.append({"call_id": str(call_id), "message": message})
