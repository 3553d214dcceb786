"""How often a reviewer is wrong, estimated from a calibration in which several judged the same."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_ROUNDS = 500
_SETTLED = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerError:
    """Chances that one judgement is wrong, and how sure the estimate is.

    `false_hit`: a reviewer says hit where there is none; `false_clear`: says clear where there is
    one. The `..._trials` are the (expected) numbers of judgements that each rests on.
    """

    false_hit: float
    false_clear: float
    false_hit_trials: float
    false_clear_trials: float

    @property
    def usable(self) -> bool:
        """Whether a share can be corrected by it: reviewers do better than chance."""
        return self.false_hit + self.false_clear < 0.8


def reviewer_error(items: Sequence[tuple[int, int]]) -> ReviewerError | None:
    """The error rates behind items that were each judged by several; None when none was.

    Each item is (judgements, of which hit). Nobody's judgement is taken for the truth. With three
    or more judges on some item, the two error rates and the share of true hits are those under
    which the counts are most likely (expectation maximisation over the hidden truth: Dawid and
    Skene 1979, Appl. Statist. 28, pp. 20-28, with exchangeable judges). Two judges cannot tell the
    two rates apart; they are then taken as equal, e = (1 - sqrt(1 - 2 d)) / 2 from the share d of
    pairs that disagree. Judges are assumed to err independently of each other.
    """
    judged = [(n, hits) for n, hits in items if n >= 2]
    if not judged:
        return None
    if max(n for n, _ in judged) < 3:
        return _from_pairs(judged)
    return _from_mixture(judged)


def _from_pairs(judged: Sequence[tuple[int, int]]) -> ReviewerError:
    differing = sum(hits == 1 for _, hits in judged) / len(judged)
    error = (1 - math.sqrt(max(0.0, 1 - 2 * differing))) / 2
    positive = min(1.0, sum(hits for _, hits in judged) / (2 * len(judged)))
    judgements = 2.0 * len(judged)
    return ReviewerError(
        false_hit=error,
        false_clear=error,
        false_hit_trials=max(1.0, judgements * (1 - positive)),
        false_clear_trials=max(1.0, judgements * positive),
    )


def _from_mixture(judged: Sequence[tuple[int, int]]) -> ReviewerError:
    share = max(0.01, min(0.99, sum(h / n for n, h in judged) / len(judged)))
    false_hit = false_clear = 0.1
    weights: list[float] = []
    for _ in range(_ROUNDS):
        weights = [_true_hit(n, h, share, false_hit, false_clear) for n, h in judged]
        updated = _maximised(judged, weights)
        moved = abs(updated[1] - false_hit) + abs(updated[2] - false_clear)
        share, false_hit, false_clear = updated
        if moved < _SETTLED:
            break
    hit_trials = sum(n * w for (n, _), w in zip(judged, weights, strict=True))
    clear_trials = sum(n * (1 - w) for (n, _), w in zip(judged, weights, strict=True))
    return ReviewerError(
        false_hit=false_hit,
        false_clear=false_clear,
        false_hit_trials=max(1.0, clear_trials),
        false_clear_trials=max(1.0, hit_trials),
    )


def _true_hit(n: int, hits: int, share: float, false_hit: float, false_clear: float) -> float:
    """The chance that the item is truly a hit, given its judgements."""
    as_hit = share * (1 - false_clear) ** hits * false_clear ** (n - hits)
    as_clear = (1 - share) * false_hit**hits * (1 - false_hit) ** (n - hits)
    return as_hit / (as_hit + as_clear) if as_hit + as_clear > 0 else hits / n


def _maximised(
    judged: Sequence[tuple[int, int]], weights: Sequence[float]
) -> tuple[float, float, float]:
    pairs = list(zip(judged, weights, strict=True))
    in_hits = sum(n * w for (n, _), w in pairs)
    in_clears = sum(n * (1 - w) for (n, _), w in pairs)
    missed = sum((n - h) * w for (n, h), w in pairs)
    invented = sum(h * (1 - w) for (_, h), w in pairs)
    return (
        sum(weights) / len(weights),
        # Where there is nothing of a kind, nothing speaks for errors on it.
        invented / in_clears if in_clears > 0 else 0.0,
        missed / in_hits if in_hits > 0 else 0.0,
    )
