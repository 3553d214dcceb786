"""The second stage of the act model, and with it the whole model.

Ridge regression of the labels on the first stage's chances in and around each turn (stacking;
Wolpert 1992). It is trained on held-out chances: those of a turn come from a first stage that has
seen no dialogue of the same group, as they will for a new call. It sees each turn twice, as
written and as misheard.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.acts.curves import apply_curves
from events.acts.features import Floats
from events.acts.labels import LABELS, labels_of
from events.acts.model import ActModel, RoleHead
from events.acts.surroundings import surroundings
from events.acts.training import (
    Fit,
    HeldOut,
    TurnSet,
    choose_thresholds,
    fit_curves,
    grams_and_place,
    held_out,
    landmark_weights,
)

_RIDGE = 60.0
_GRAM_STEP = np.float32(0.3)  # of the typical weight; finer steps only make the file larger.

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Stacked:
    """Both stages of one role: held-out chances of each, and the second stage of all turns.

    `weights` has shape (SURROUNDINGS_SIZE, labels).
    """

    fitted: Fit
    first: HeldOut
    second: HeldOut
    weights: Floats


def stack(data: TurnSet, fits: Sequence[Fit], groups: Sequence[str]) -> list[Stacked]:
    """Both stages with `groups[i]`, the group of row i, left out in turn of each."""
    first = [held_out(data, fitted, groups) for fitted in fits]
    written = _around(data, fits, [out.written for out in first])
    misheard = _around(data, fits, [out.misheard for out in first])
    return [
        _second(data, fitted, out, written, misheard)
        for fitted, out in zip(fits, first, strict=True)
    ]


def train(
    data: TurnSet, fits: Sequence[Fit], groups: Sequence[str], encoder: str, version: str
) -> ActModel:
    """The model of all turns; curves, thresholds and second stage from held-out chances.

    `groups[i]` is the group of row i (its author).
    """
    stacked = stack(data, fits, groups)
    heads = {stages.fitted.role: role_head(data, stages) for stages in stacked}
    return ActModel(encoder, version, data.basis, data.known, data.idf, heads)


def _around(data: TurnSet, fits: Sequence[Fit], chances: Sequence[Floats]) -> Doubles:
    """The surroundings of all turns in order, from the chances of each role's turns."""
    ends = np.cumsum(data.sizes)
    whole = np.zeros((int(ends[-1]), len(LABELS)), dtype=np.float32)
    for fitted, found in zip(fits, chances, strict=True):
        columns = np.array([LABELS.index(label) for label in labels_of(fitted.role)])
        whole[np.ix_(data.rows(fitted.role), columns)] = found
    calls = np.split(whole, ends[:-1])
    return np.concatenate([surroundings(call) for call in calls]).astype(np.float64)


def _second(
    data: TurnSet, fitted: Fit, first: HeldOut, written: Doubles, misheard: Doubles
) -> Stacked:
    rows = data.rows(fitted.role)
    own, heard, targets = written[rows], misheard[rows], fitted.targets.astype(np.float64)
    square, product = own.T @ own + heard.T @ heard, (own + heard).T @ targets
    square[np.diag_indices(len(square))] += _RIDGE
    margins, heard_margins = np.empty_like(fitted.targets), np.empty_like(fitted.targets)
    for name in sorted(set(first.groups.tolist())):
        out = first.groups == name
        weights = np.linalg.solve(
            square - own[out].T @ own[out] - heard[out].T @ heard[out],
            product - (own[out] + heard[out]).T @ targets[out],
        )
        margins[out], heard_margins[out] = own[out] @ weights, heard[out] @ weights
    curves = fit_curves(margins, fitted.targets)
    second = HeldOut(
        first.groups, apply_curves(margins, curves), apply_curves(heard_margins, curves), curves
    )
    weights = np.linalg.solve(square, product).astype(np.float32)
    return Stacked(fitted, first, second, weights)


def role_head(data: TurnSet, stages: Stacked) -> RoleHead:
    """The weights that both stages of a role come to."""
    fitted = stages.fitted
    grams, place = grams_and_place(data, fitted)
    typical = np.sqrt(np.square(grams).mean(axis=0))
    scale = np.maximum(np.abs(grams).max(axis=0) / np.float32(127), _GRAM_STEP * typical)
    return RoleHead(
        labels=labels_of(fitted.role),
        landmarks=fitted.projection.landmarks,
        weights=landmark_weights(data, fitted),
        grams=np.round(grams / scale).astype(np.int8),
        gram_scale=scale,
        place=place,
        bias=fitted.mean,
        curves=stages.first.curves,
        around=stages.weights,
        around_curves=stages.second.curves,
        thresholds=choose_thresholds(stages.second.written, fitted.targets),
    )
