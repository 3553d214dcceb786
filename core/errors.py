"""The one exception type that crosses package borders, and the issue record of linters."""

from dataclasses import dataclass
from typing import Literal


class AppError(Exception):
    """An expected failure, told to its reader in one sentence that names the fix.

    Args:
        code: Stable kebab-case identifier, part of the public contract (`bad-audio`,
            `weights-missing`, `not-found`, ...). HTTP statuses are chosen in `api/errors.py` only.
        message: One sentence for a person; says what was wrong and what to do.
        retryable: True when the same call may succeed later without any change (a busy database,
            a network time-out). Jobs are retried only then.
        detail: JSON-serialisable facts for machines (file, line, limits). Never secrets.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        detail: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.detail = detail or {}

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword-only arguments do not unpickle by default, and this one
        # crosses process borders (subprocess decode, job results).
        return (_rebuild, (self.code, self.message, self.retryable, self.detail))


def _rebuild(code: str, message: str, retryable: bool, detail: dict[str, object]) -> AppError:
    return AppError(code, message, retryable=retryable, detail=detail)


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class LintIssue:
    """One finding of a linter about a document that people write (tree, rule set, manifest).

    `line` and `column` count from 1; 0 means "the document as a whole". `fix` is an imperative
    sentence. A document with an `error` cannot be published; a `warning` may.
    """

    severity: Severity
    code: str
    message: str
    fix: str
    source: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}: " if self.line else f"{self.source}: "
        return (
            f"{where if self.source else ''}{self.severity} [{self.code}] {self.message} {self.fix}"
        )
