"""What commands print: results on standard output, everything else on standard error."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from core.errors import AppError
from core.serial import to_json

JsonFlag = Annotated[bool, typer.Option("--json", help="以 JSON 输出结果，键名稳定。")]

_PLAIN_INTERVAL_S = 2.0


def out() -> Console:
    """The console for results. Made on each call, so that redirected streams are honoured."""
    return Console(soft_wrap=True, highlight=False)


def err() -> Console:
    """The console for progress, notes and errors."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: object) -> None:
    """`value` (plain JSON types or one of our values) as indented JSON on standard output."""
    plain = value if isinstance(value, dict | list) else to_json(value)
    typer.echo(json.dumps(plain, ensure_ascii=False, indent=2, default=to_json))


def print_error(error: AppError) -> None:
    """The error as one line on standard error: `错误 [code] message`."""
    message = " ".join(error.message.split())
    err().print(f"错误 [{error.code}] {message}", style="red", markup=False)


def error_json(error: AppError) -> dict[str, Any]:
    """The error in the shape that the REST API uses inside its `error` member."""
    return {"code": error.code, "message": error.message, "detail": error.detail}


def decimal(value: float | None, digits: int = 3) -> str:
    """The number with so many decimals, for tables; — when there is none."""
    return "—" if value is None else f"{value:.{digits}f}"


class Steps:
    """Progress over a known number of items: a bar on a terminal, else a line now and then."""

    def __init__(self, title: str, total: int, bar: Progress | None) -> None:
        self._title = title
        self._total = total
        self._bar = bar
        self._task = bar.add_task(title, total=total) if bar else None
        self._done = 0
        self._printed_at = time.monotonic()

    def start(self, item: str) -> None:
        """Says which item is worked on."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=f"{self._title} {item}")

    def share(self, item: str, share: float) -> None:
        """Says how much of the current item is done, in [0, 1]."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done + min(share, 1.0))
        elif self._due():
            self.note(f"{self._title} {self._done + 1}/{self._total} {item} {share:.0%}")

    def note(self, text: str) -> None:
        """Prints a line above the bar; markup is not interpreted."""
        console = self._bar.console if self._bar is not None else err()
        console.print(text, markup=False)

    def finish(self, item: str) -> None:
        """Counts one item as done."""
        self._done += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._due():
            self.note(f"{self._title} {self._done}/{self._total} {item}")

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._printed_at < _PLAIN_INTERVAL_S:
            return False
        self._printed_at = now
        return True


@contextmanager
def steps(title: str, total: int) -> Iterator[Steps]:
    """Progress on standard error for `total` items."""
    console = err()
    if not console.is_terminal:
        yield Steps(title, total, None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Steps(title, total, bar)
