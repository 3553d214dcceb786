"""Exit codes of the `tingjian` command, and which error leads to which."""

from enum import IntEnum

from core.errors import AppError


class Exit(IntEnum):
    """What the exit status of every command means."""

    OK = 0
    FAILED = 1
    """The command ran, and some items failed: bad files, lint errors, failed examples."""
    BAD_INPUT = 2
    """The command line or a document it names is wrong; nothing was done."""
    ENVIRONMENT = 3
    """This machine lacks something: weights, an extra, a database, a free port, a server."""


_ENVIRONMENT = (
    "database-",
    "encoder-",
    "engine-",
    "extra-",
    "migration",
    "port-",
    "server-",
    "storage-",
    "weights-",
)


def exit_code(error: AppError) -> Exit:
    """The exit code for an error that ends a command."""
    return Exit.ENVIRONMENT if error.code.startswith(_ENVIRONMENT) else Exit.BAD_INPUT
