"""How many findings a judged one stands for, when samples overlap and only some calls count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from insights.rule_accuracy import Stratum, StratumCount

_ROUNDS = 200
_SETTLED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What one sample drew from in one stratum of one rule: `drawn` of `population` findings.

    Samples with the same `seed` put the findings in the same order, so they draw the same ones.
    """

    seed: str
    population: int
    drawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCell:
    """Different findings that lay in the same samples' frames; each was drawn by one at least.

    `frames` are the ids of those samples. Of `drawn` findings `drawn_inside` are on the calls that
    are asked about; `judged` of these have a verdict and `positive` of the verdicts are hits.
    """

    frames: frozenset[str]
    drawn: int
    drawn_inside: int
    judged: int
    positive: int


def weighted_counts(
    stratum: Stratum, frames: Mapping[str, Frame], cells: Sequence[DrawnCell]
) -> list[StratumCount]:
    """The cells as strata of the union of all frames: every finding and every verdict counts once.

    A finding is drawn by one sample at least with the chance 1 - product of (1 - f) over its
    frames, f = drawn / population (Kalton and Anderson 1986, J. R. Stat. Soc. A 149, pp. 65-82);
    of samples with one seed only the largest f counts. Drawn findings divided by that chance
    estimate how many there are in a cell; the estimates are then raked until those of each frame
    add up to the frame's known population (Deville and Saerndal 1992, JASA 87, pp. 376-382). One
    sample alone gives its population back exactly. `population_variance` is what is unsure because
    the share of a cell that lies on the calls asked about is itself only seen in the sample.
    """
    populations = _raked(frames, cells)
    return [
        StratumCount(
            sample="+".join(sorted(cell.frames)),
            stratum=stratum,
            population=total * cell.drawn_inside / cell.drawn,
            population_variance=_variance(total, cell.drawn_inside / cell.drawn, cell.drawn),
            drawn=cell.drawn_inside,
            judged=cell.judged,
            positive=cell.positive,
        )
        for cell, total in zip(cells, populations, strict=True)
        if cell.drawn_inside
    ]


def _raked(frames: Mapping[str, Frame], cells: Sequence[DrawnCell]) -> list[float]:
    found = [cell.drawn / _chance([frames[name] for name in cell.frames]) for cell in cells]
    members = {
        name: [at for at, cell in enumerate(cells) if name in cell.frames] for name in frames
    }
    for _ in range(_ROUNDS):
        moved = 0.0
        for name, places in members.items():
            together = sum(found[at] for at in places)
            if together <= 0:
                continue
            scale = frames[name].population / together
            moved = max(moved, abs(scale - 1))
            for at in places:
                found[at] *= scale
        if moved < _SETTLED:
            break
    return found


def _chance(frames: Sequence[Frame]) -> float:
    by_seed: dict[str, float] = {}
    for frame in frames:
        share = min(1.0, frame.drawn / frame.population)
        by_seed[frame.seed] = max(by_seed.get(frame.seed, 0.0), share)
    missed = 1.0
    for share in by_seed.values():
        missed *= 1 - share
    return 1 - missed


def _variance(total: float, share: float, drawn: int) -> float:
    return total**2 * share * (1 - share) / drawn
