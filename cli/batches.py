"""Commands over many files: each is done by itself, and those that fail are told and counted."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from cli.console import err, error_json, print_json, steps
from cli.exits import Exit
from core.errors import AppError

Result = dict[str, Any]
Share = Callable[[float], None]
"""Takes how much of a file is done, in [0, 1]."""


def each_file(
    title: str, files: Sequence[Path], work: Callable[[Path, Share], Result]
) -> list[Result]:
    """One result for each file, in order: `file`, `status` and what `work` gives or the `error`.

    A file that fails is told at once, and the others are done.
    """
    results: list[Result] = []
    with steps(title, len(files)) as progress:
        for path in files:
            progress.start(path.name)
            try:
                found = work(path, lambda share, name=path.name: progress.share(name, share))  # type: ignore[misc]
                results.append({"file": str(path), "status": "done", **found})
            except AppError as error:
                progress.note(f"失败 {path}：[{error.code}] {error.message}")
                results.append({"file": str(path), "status": "failed", "error": error_json(error)})
            progress.finish(path.name)
    return results


def end_files(results: Sequence[Result], as_json: bool, show: Callable[[int, int], None]) -> None:
    """End a command over files: print JSON, or `show` the numbers done and failed.

    Raises:
        typer.Exit: 1 where a file failed.
    """
    failed = sum(result["status"] == "failed" for result in results)
    done = len(results) - failed
    if as_json:
        print_json({"calls": list(results), "done": done, "failed": failed})
    else:
        show(done, failed)
    if failed:
        raise typer.Exit(Exit.FAILED)


def end_report(
    document: dict[str, Any],
    failed: Sequence[tuple[str, str]],
    as_json: bool,
    show: Callable[[Mapping[str, Any]], None],
) -> None:
    """End a command that reports on files: print JSON or `show` it, then which failed and why.

    Raises:
        typer.Exit: 1 where a file failed.
    """
    if as_json:
        print_json(document)
    else:
        show(document)
    for name, reason in failed:
        err().print(f"失败 {name}：{reason}", style="red", markup=False)
    if failed:
        raise typer.Exit(Exit.FAILED)
