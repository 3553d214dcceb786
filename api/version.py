"""The version of this installation."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version


@lru_cache(maxsize=1)
def version() -> str:
    """`0.1.0`; `unknown` when the code runs without being installed."""
    try:
        return installed_version("tingjian")
    except PackageNotFoundError:
        return "unknown"
