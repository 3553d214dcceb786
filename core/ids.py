"""Identifiers: time-ordered UUIDs and content hashes."""

import hashlib
import os
import time
import uuid
from pathlib import Path


def new_id(at_ms: int | None = None) -> uuid.UUID:
    """A UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, then random bits.

    Rows that are partitioned by month are partitioned by this id, so its time is the time at
    which a call was received. `at_ms` overrides the clock (tests, imports of old calls).
    """
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= ((random >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & ((1 << 62) - 1)
    return uuid.UUID(int=value)


def first_id_at(at_ms: int) -> uuid.UUID:
    """The smallest id of the given Unix millisecond: a bound for ranges and partitions."""
    return uuid.UUID(int=(at_ms & ((1 << 48) - 1)) << 80)


def id_time_ms(identifier: uuid.UUID) -> int:
    """The Unix milliseconds that a version 7 id carries."""
    return identifier.int >> 80


def sha256_file(path: Path, chunk_bytes: int = 1 << 20) -> str:
    """Lower-case hex SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(chunk_bytes):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """Lower-case hex SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
