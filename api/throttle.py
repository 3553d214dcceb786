"""Sign-in throttling: how often one name may be tried from one address."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from core.errors import AppError

_MAX_KEYS = 10_000


class SignInThrottle:
    """Counts failed sign-ins by (user name, address) and by address, in this process's memory.

    An attempt is counted before the password is looked at, so that parallel guesses cannot slip
    through; a successful one is taken back. At most 10,000 keys are remembered, the oldest
    forgotten first, so that an attacker cannot fill the memory.

    Args:
        per_name: Attempts allowed for one name from one address within the window.
        per_address: Attempts allowed from one address, whatever the name.
        window_s: Length of the sliding window in seconds.
        clock: Monotonic seconds; injected by tests.
    """

    def __init__(
        self,
        *,
        per_name: int = 5,
        per_address: int = 50,
        window_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_name = per_name
        self._per_address = per_address
        self._window_s = window_s
        self._clock = clock
        self._attempts: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def attempt(self, username: str, address: str) -> None:
        """Count one attempt.

        Raises:
            AppError: `too-many-attempts`, with `retry_after_s` in its detail.
        """
        keys = self._keys(username, address)
        waits = [wait for key, limit in keys if (wait := self._wait_s(key, limit)) > 0]
        if waits:
            seconds = math.ceil(max(waits))
            raise AppError(
                "too-many-attempts",
                f"登录失败次数过多，请 {seconds} 秒后再试。",
                retryable=True,
                detail={"retry_after_s": seconds},
            )
        now = self._clock()
        for key, _ in keys:
            self._attempts.setdefault(key, deque()).append(now)
            self._attempts.move_to_end(key)
        while len(self._attempts) > _MAX_KEYS:
            self._attempts.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures of a name that has just signed in, and its own attempt."""
        (name_key, _), (address_key, _) = self._keys(username, address)
        self._attempts.pop(name_key, None)
        if attempts := self._attempts.get(address_key):
            attempts.pop()

    def _keys(self, username: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (
            ((username.casefold(), address), self._per_name),
            (("", address), self._per_address),
        )

    def _wait_s(self, key: tuple[str, str], limit: int) -> float:
        attempts = self._attempts.get(key)
        if not attempts:
            return 0.0
        now = self._clock()
        while attempts and attempts[0] <= now - self._window_s:
            attempts.popleft()
        return attempts[0] + self._window_s - now if len(attempts) >= limit else 0.0
