"""Passwords: Argon2id hashes in PHC form, with the parameters of RFC 9106 (low-memory profile)."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher().hash("nobody signs in with this")


def hash_password(password: str) -> str:
    """A new salted Argon2id hash of `password` (about 50 ms and 64 MiB of work)."""
    return _hasher().hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one behind `password_hash`.

    With None (no such user) the same work is done and the answer is False, so that the time
    taken does not tell which names exist.
    """
    try:
        matches = _hasher().verify(password_hash or _nobody(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return matches and password_hash is not None
