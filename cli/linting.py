"""Linting documents by name: issues with file and line, a summary, and the exit code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import typer

from cli.console import err, out, print_json
from cli.exits import Exit
from cli.packs import is_file
from core.errors import AppError, LintIssue
from core.serial import to_json
from events.yaml_problems import decoded, unread


@dataclass(frozen=True, slots=True)
class Document:
    """A document to lint: its text, and how issues name it (a path, or `NAME.yaml` of a pack)."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Linted:
    """The issues of one document, in the linter's order."""

    source: str
    issues: tuple[LintIssue, ...]

    @property
    def errors(self) -> int:
        """Issues that keep the document from being published."""
        return sum(issue.severity == "error" for issue in self.issues)


def read_document(name: str, package: str, code: str, pack_name: Callable[[str], str]) -> Document:
    """The YAML text of a file, or of the pack that `pack_name(name)` resolves in `package`.

    Raises:
        AppError: `not-found` when there is neither, `code` for a file that is not UTF-8.
    """
    if not is_file(name):
        file_name = f"{pack_name(name)}.yaml"
        text = (resources.files(package) / "packs" / file_name).read_text(encoding="utf-8")
        return Document(text, file_name)
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise AppError("not-found", f"读不了文件 {name}：{unread(error)}，请检查路径。") from error
    return Document(decoded(data, name, code), name)


def unreadable(error: AppError, source: str) -> Linted:
    """A document that cannot be read at all, with its first mistake."""
    line, column = error.detail.get("line"), error.detail.get("column")
    issue = LintIssue(
        severity="error",
        code=error.code,
        message=error.message.removeprefix(f"{source}:{line}:{column}: "),
        fix="",
        source=source,
        line=line if isinstance(line, int) else 0,
        column=column if isinstance(column, int) else 0,
    )
    return Linted(source, (issue,))


def show_linted(linted: Sequence[Linted], as_json: bool) -> None:
    """Prints the issues; ends the command with exit code 1 when there is an error among them."""
    errors = sum(result.errors for result in linted)
    warnings = sum(len(result.issues) for result in linted) - errors
    if as_json:
        print_json(
            {
                "documents": len(linted),
                "errors": errors,
                "warnings": warnings,
                "issues": [to_json(issue) for result in linted for issue in result.issues],
            }
        )
    else:
        for result in linted:
            for issue in result.issues:
                out().print(str(issue), markup=False)
        err().print(f"检查了 {len(linted)} 个文件：{errors} 个错误，{warnings} 个警告。")
    if errors:
        raise typer.Exit(Exit.FAILED)
