"""What the second stage of the act model reads: the first stage's chances in and around a turn.

An answer to a doubt follows a doubt, and a greeting comes once: which acts the turns around carry
says something about a turn that its own words do not.
"""

import numpy as np

from events.acts.features import Floats
from events.acts.labels import LABELS

_DISTANCES = (-1, -2, -3, 1, 2)
_LOG_ODDS_WEIGHT = 0.2
_REST_WEIGHT = 0.4
_LEAST = 1e-4

SURROUNDINGS_SIZE = (len(_DISTANCES) + 4) * len(LABELS) + 1


def surroundings(chances: Floats) -> Floats:
    """For each turn of one call what its chances and those around it are.

    `chances` has shape (turns, len(LABELS)), 0 for labels that a turn's side cannot carry. The
    result, shape (turns, SURROUNDINGS_SIZE), holds the turn's own log odds and chances, the
    chances of the turns at each distance, the highest ones anywhere before and after, and 1.
    """
    bounded = np.clip(chances, _LEAST, 1.0 - _LEAST)
    log_odds = np.where(chances > 0, np.log(bounded / (1.0 - bounded)), 0.0)
    found: Floats = np.concatenate(
        [
            _LOG_ODDS_WEIGHT * log_odds,
            chances,
            *(_shifted(chances, distance) for distance in _DISTANCES),
            _REST_WEIGHT * _shifted(np.maximum.accumulate(chances), -1),
            _REST_WEIGHT * _shifted(np.maximum.accumulate(chances[::-1])[::-1], 1),
            np.ones((len(chances), 1)),
        ],
        axis=1,
    ).astype(np.float32)
    return found


def _shifted(rows: Floats, distance: int) -> Floats:
    """Row i holds row i + `distance`, zeros beyond the call."""
    moved = np.zeros_like(rows)
    if distance < 0:
        moved[-distance:] = rows[:distance]
    else:
        moved[:-distance] = rows[distance:]
    return moved
