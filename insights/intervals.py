"""Confidence intervals of shares."""

import math

# Two-sided 95 % quantile of the standard normal distribution.
Z_95 = 1.959963984540054


def wilson_interval(successes: int, total: int, z: float = Z_95) -> tuple[float, float] | None:
    """Lower and upper bound of the share `successes / total`, both in [0, 1]; None without trials.

    Wilson's score interval (Wilson 1927, JASA 22, pp. 209-212): unlike the normal approximation it
    stays inside [0, 1] and is honest for few trials and for shares near 0 and 1.

    Raises:
        ValueError: when `successes` is not between 0 and `total`.
    """
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} successes of {total} trials")
    if total == 0:
        return None
    share = successes / total
    spread = z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    # The exact bounds at the ends are 0 and 1; rounding must not cross them.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == total else min(1.0, centre + half)
    return low, high
