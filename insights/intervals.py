"""Confidence intervals of shares, and of what is computed from two shares."""

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
    return wilson_of_share(successes / total, total, z)


def wilson_of_share(share: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    """Wilson's interval of a share that was measured with as much information as `trials` trials.

    `trials` > 0 need not be whole: for weighted observations it is Kish's effective number
    (sum of the weights)² / (sum of their squares).

    Raises:
        ValueError: when the share is outside [0, 1] or there are no trials.
    """
    if not 0 <= share <= 1 or trials <= 0:
        raise ValueError(f"share {share} of {trials} trials")
    spread = z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # The exact bounds at the ends are 0 and 1; rounding must not cross them.
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high


def ratio_interval(
    upper: float,
    upper_bounds: tuple[float, float],
    lower: float,
    lower_bounds: tuple[float, float],
) -> tuple[float, float]:
    """Interval of `upper / lower`, two independent non-negative estimates with intervals.

    The bounds come from the two intervals alone (method of variance estimates recovery, Donner
    and Zou 2012, Stat. Methods Med. Res. 21, pp. 347-359): the ratios R for which 0 lies in the
    recovered interval of `upper - R * lower`. The upper bound is infinite when `lower` may be 0.
    """
    product = upper * lower
    low, high = upper_bounds
    below, above = lower_bounds
    low_term = low * (2 * upper - low)
    root = math.sqrt(max(0.0, product**2 - above * (2 * lower - above) * low_term))
    smallest = low_term / (product + root) if low_term > 0 and product + root > 0 else 0.0
    scale = below * (2 * lower - below)
    if scale <= 0:
        return smallest, math.inf
    root = math.sqrt(max(0.0, product**2 - scale * high * (2 * upper - high)))
    return smallest, (product + root) / scale
