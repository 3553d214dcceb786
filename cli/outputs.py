"""Files that commands write: names that do not collide, and writes that are whole or absent."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from core.errors import AppError


def free_names(inputs: Sequence[Path], suffix: str) -> dict[Path, str]:
    """An output name `<stem><suffix>` for each input; inputs of one stem get `-2`, `-3`, ..."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in inputs:
        name, number = f"{path.stem}{suffix}", 2
        while name in taken:
            name, number = f"{path.stem}-{number}{suffix}", number + 1
        taken.add(name)
        names[path] = name
    return names


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` as UTF-8, at once; makes the directory.

    Raises:
        AppError: `cannot-write` with the reason.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            staged.unlink()
        raise AppError(
            "cannot-write", f"写不了 {path}（{error.strerror}）。请用 --out 指定可写的目录。"
        ) from error
