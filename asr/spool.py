"""Samples of a long recording in a temporary file instead of in memory."""

import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import AppError

_ITEM_BYTES = 2
_RELEASE_EVERY_S = 0.02


class Spool:
    """int16 samples in a file without a name, mapped into memory; it goes when nobody holds it.

    What was read or written counts as the process's memory until `release`; the operating system
    keeps as much of the file in its cache as it has room for.

    Args:
        samples: How many there is room for at first, 1 or more; they begin as zeros.

    Raises:
        AppError: `no-space` (retryable) when the temporary folder is full.
    """

    def __init__(self, samples: int) -> None:
        self._file, path = tempfile.mkstemp(prefix="tingjian-pcm-")
        weakref.finalize(self, os.close, self._file)
        os.unlink(path)
        self._samples = 0
        self.grow(samples)

    @property
    def samples(self) -> NDArray[np.int16]:
        """All of it, writable; arrays taken before `grow` see the same samples."""
        return self._mapped[1]

    def grow(self, samples: int) -> None:
        """Makes room for so many samples in all; new ones are zeros."""
        if samples <= self._samples:
            return
        try:
            _reserve(self._file, samples * _ITEM_BYTES)
        except OSError as error:
            raise AppError(
                "no-space",
                f"临时目录 {tempfile.gettempdir()} 空间不足，长录音解码需要"
                f" {samples * _ITEM_BYTES >> 20} MB。请清理磁盘，或用 TMPDIR 指定别的目录后重试。",
                retryable=True,
            ) from error
        self._samples = samples
        self.__dict__.pop("_mapped", None)

    def release(self) -> None:
        """Takes the file's pages out of the process's memory; the next use maps them again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._mapped[0].madvise(mmap.MADV_DONTNEED)

    @cached_property
    def _mapped(self) -> tuple[mmap.mmap, NDArray[np.int16]]:
        pages = mmap.mmap(self._file, self._samples * _ITEM_BYTES)
        return pages, np.frombuffer(pages, np.int16)


@contextmanager
def kept_small(spools: Sequence[Spool]) -> Iterator[None]:
    """While inside, what was read of the spools leaves memory again after a moment."""
    if not spools:
        yield
        return
    done = threading.Event()

    def keep() -> None:
        while not done.wait(_RELEASE_EVERY_S):
            for spool in spools:
                spool.release()

    keeper = threading.Thread(target=keep, name="spool", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _reserve(file: int, size: int) -> None:
    # Room is taken at once: a full disk is then an error here and not a signal on a later write.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
