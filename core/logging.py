"""Structured logging: one line per event, text for people or JSON for collectors."""

import json
import logging
import sys
from typing import Any, Literal

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
    # uvicorn's copy of the message with terminal escape codes.
    "color_message",
}


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """Each record as one JSON object: time, level, logger, message, and its `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON line."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """`time level logger message key=value ...` for terminals."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The record as one readable line (plus a traceback when there is one)."""
        head, *rest = super().format(record).split("\n", 1)
        pairs = " ".join(f"{key}={value}" for key, value in _extras(record).items())
        return "\n".join([f"{head} {pairs}".rstrip(), *rest])


def setup_logging(level: str = "info", style: Literal["text", "json"] = "text") -> None:
    """Send every log record to standard error in the chosen format. Safe to call again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Third-party chatter that is only useful when asked for.
    noisy = logging.DEBUG if level == "debug" else logging.WARNING
    for name in ("httpx", "httpcore", "procrastinate", "alembic", "jieba", "uvicorn.access"):
        logging.getLogger(name).setLevel(noisy)
