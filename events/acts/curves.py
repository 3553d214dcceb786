"""Logistic curves: margins in, probabilities out."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


def logistic_curve(margins: Doubles, targets: Doubles, prior: Doubles, strength: float) -> Doubles:
    """Logistic curve (slope, offset) by Newton's method, with a quadratic pull to `prior`."""
    design = np.stack([margins, np.ones_like(margins)], axis=1)
    curve = prior.astype(np.float64)
    for _ in range(25):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ curve, -30.0, 30.0)))
        gradient = design.T @ (chance - targets) + strength * (curve - prior)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + strength * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        curve = curve - np.clip(step, -3.0, 3.0)
        if np.abs(step).max() < 1e-6:
            break
    return curve


def apply_curves(margins: Floats, curves: Floats) -> Floats:
    """The probabilities that margins (turns, labels) mean; `curves` has shape (labels, 2)."""
    logits = np.clip(margins * curves[:, 0] + curves[:, 1], -30.0, 30.0)
    chances: Floats = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    return chances
