"""Held-out figures of the act model: precision, recall, F1, curves and calibration.

Everything is told of turns whose group (author, industry) the model had not seen, with thresholds
that were chosen on the other groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.acts.features import Floats
from events.acts.labels import ACTS, VIOLATIONS, labels_of
from events.acts.stacking import stack
from events.acts.training import Fit, HeldOut, TurnSet, choose_thresholds

WRITTEN, MISHEARD = "as written", "misheard"
_CURVE_POINTS = tuple(round(0.1 * step, 1) for step in range(1, 10))
_BINS = 10

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Figures:
    """Figures of one way to leave turns out.

    `tables` has precision, recall, F1 and support by label, and of all acts as `micro` and
    `macro`, of all violations as `violations`, for both kinds of text. `curve` lists (threshold,
    precision, recall) of all acts; `reliability` (mean chance, share that is right, number) by
    tenths of the chance; `brier` is the mean squared error of the chances of acts.
    """

    tables: dict[str, Table]
    groups: dict[str, float]
    curve: list[tuple[float, float, float]]
    reliability: list[tuple[float, float, int]]
    brier: float


def figures(data: TurnSet, fits: Sequence[Fit], groups: Sequence[str]) -> Figures:
    """The figures with `groups[i]`, the group of row i, left out in turn."""
    held = [(stages.fitted, stages.second) for stages in stack(data, fits, groups)]
    counts: dict[str, dict[str, NDArray[np.int64]]] = {WRITTEN: {}, MISHEARD: {}}
    by_group: dict[str, NDArray[np.int64]] = {}
    for fitted, out in held:
        for name in sorted(set(out.groups.tolist())):
            here = out.groups == name
            limits = choose_thresholds(out.written[~here], fitted.targets[~here])
            for kind, chances in ((WRITTEN, out.written), (MISHEARD, out.misheard)):
                found = _found(chances[here] >= limits, fitted.targets[here] > 0)
                for at, label in enumerate(labels_of(fitted.role)):
                    row = counts[kind].setdefault(label, np.zeros(3, dtype=np.int64))
                    row += found[:, at]
                    if kind == WRITTEN and label in ACTS:
                        total = by_group.setdefault(name, np.zeros(3, dtype=np.int64))
                        total += found[:, at]
    chances, said = _pooled(held)
    return Figures(
        {kind: _table(rows) for kind, rows in counts.items()},
        {name: _ratios(*row.tolist())["f1"] for name, row in sorted(by_group.items())},
        _curve(chances, said),
        _reliability(chances, said),
        float(np.mean((chances - said) ** 2)),
    )


def _pooled(held: Sequence[tuple[Fit, HeldOut]]) -> tuple[Floats, NDArray[np.bool_]]:
    """Chances and truth of every act on every turn of its side."""
    chances, said = [], []
    for fitted, out in held:
        acts = [at for at, label in enumerate(labels_of(fitted.role)) if label in ACTS]
        chances.append(out.written[:, acts].ravel())
        said.append(fitted.targets[:, acts].ravel() > 0)
    return np.concatenate(chances), np.concatenate(said)


def _found(hit: NDArray[np.bool_], said: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.stack([(hit & said).sum(0), (hit & ~said).sum(0), (~hit & said).sum(0)])


def _table(rows: dict[str, NDArray[np.int64]]) -> Table:
    table = {label: _ratios(*row.tolist()) for label, row in rows.items()}
    for name, labels in (("micro", ACTS), ("violations", VIOLATIONS)):
        table[name] = _ratios(*np.sum([rows[label] for label in labels], axis=0).tolist())
    table["macro"] = {"f1": float(np.mean([table[label]["f1"] for label in ACTS]))}
    return table


def _ratios(tp: int, fp: int, fn: int) -> dict[str, float]:
    return {
        "precision": tp / max(tp + fp, 1),
        "recall": tp / max(tp + fn, 1),
        "f1": 2 * tp / max(2 * tp + fp + fn, 1),
        "support": float(tp + fn),
    }


def _curve(chances: Floats, said: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    points = []
    for limit in _CURVE_POINTS:
        hit = chances >= limit
        right = int((hit & said).sum())
        points.append((limit, right / max(int(hit.sum()), 1), right / max(int(said.sum()), 1)))
    return points


def _reliability(chances: Floats, said: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    tenth = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    return [
        (float(chances[tenth == at].mean()), float(said[tenth == at].mean()), int(n))
        for at, n in enumerate(np.bincount(tenth, minlength=_BINS))
        if n
    ]
