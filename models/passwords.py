"""Password and token hashes."""

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import AppError

SHORTEST_PASSWORD = 10
"""Characters that a chosen password has at least."""

_HASHER = PasswordHasher()
# Checked when there is no such user, so that the answer takes as long as for one that exists.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """Argon2id hash with its parameters and salt, in PHC form."""
    return _HASHER.hash(password)


def check_password(password: str, stored: str | None) -> bool:
    """Whether the password fits the hash; None (no such user) takes the same time and is False."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def require_strong(password: str) -> None:
    """Refuse a chosen password that is easily guessed by length alone.

    Raises:
        AppError: `weak-password`.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise AppError("weak-password", f"密码太短。请至少输入 {SHORTEST_PASSWORD} 个字符。")


def new_password() -> str:
    """A random password of 16 characters, to be shown once."""
    return new_token(12)


def new_token(nbytes: int = 32) -> str:
    """A random token, safe in URLs and cookies."""
    return secrets.token_urlsafe(nbytes)


def token_hash(token: str) -> str:
    """Lower-case hex SHA-256 of a token: long random tokens need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
