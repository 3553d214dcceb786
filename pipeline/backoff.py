"""Back-off: how long to wait after a failed try."""


def backoff_s(base_s: float, attempt: int, jitter: float, longest_s: float) -> float:
    """Seconds to wait after failed try `attempt` (from 1); `jitter` in [0, 1) spreads it.

    Grows fourfold from `base_s`, at most `longest_s`, and up to a fifth longer by jitter.
    """
    return float(min(base_s * 4.0 ** (attempt - 1), longest_s) * (1 + jitter / 5))
