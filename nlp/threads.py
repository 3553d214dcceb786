"""Linear algebra on one thread: small products lose more to thread hand-over than they gain."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def single_threaded_algebra() -> Iterator[None]:
    """Inside, BLAS uses one thread. Parallelism comes from workers, each with calls of its own.

    On two busy cores, compiling a tree took 1.3 s of CPU this way and 6 s with BLAS threads.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # Finding the loaded libraries takes milliseconds; it is done once, after numpy is loaded.
    import numpy  # noqa: F401

    return ThreadpoolController()
