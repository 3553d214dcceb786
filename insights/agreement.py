"""Agreement beyond chance between people, and between people and the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far several judges of the same items agree.

    `items` were judged by at least two; `judgements` are all judgements of those. `agreement` is
    the share of agreeing pairs; `kappa` corrects it for chance and is None when it is undefined:
    without items, or when all judgements are the same.
    """

    items: int
    judgements: int
    agreement: float | None
    kappa: float | None


def cohen_kappa(cells: Mapping[tuple[str, str], float]) -> float | None:
    """Cohen's kappa of two judges from a (weighted) table `(first, second) -> weight`.

    None for an empty table, and when both judges only ever said the same one thing: agreement by
    chance is then certain. Source: Cohen 1960, Educ. Psychol. Meas. 20, pp. 37-46.
    """
    total = sum(cells.values())
    if total <= 0:
        return None
    names = {name for pair in cells for name in pair}
    observed = sum(cells.get((name, name), 0.0) for name in names) / total
    chance = sum(
        sum(w for (a, _), w in cells.items() if a == name)
        * sum(w for (_, b), w in cells.items() if b == name)
        for name in names
    ) / (total * total)
    if chance >= 1 - 1e-12:
        return None
    return (observed - chance) / (1 - chance)


def fleiss_agreement(items: Sequence[Mapping[str, int]]) -> Agreement:
    """Agreement of any number of judges; each item maps an outcome to how many judges said it.

    Items with fewer than two judgements do not count. Items may have different numbers of judges:
    pairs are averaged over items, and chance comes from the shares of all judgements (Fleiss
    1971, Psychol. Bull. 76, pp. 378-382, in the form for unequal numbers).
    """
    judged = [item for item in items if sum(item.values()) >= 2]
    if not judged:
        return Agreement(items=0, judgements=0, agreement=None, kappa=None)
    totals: dict[str, int] = {}
    shares = []
    for item in judged:
        n = sum(item.values())
        shares.append(sum(count * (count - 1) for count in item.values()) / (n * (n - 1)))
        for name, count in item.items():
            totals[name] = totals.get(name, 0) + count
    all_judgements = sum(totals.values())
    observed = sum(shares) / len(shares)
    chance = sum((count / all_judgements) ** 2 for count in totals.values())
    kappa = None if chance >= 1 - 1e-12 else (observed - chance) / (1 - chance)
    return Agreement(items=len(judged), judgements=all_judgements, agreement=observed, kappa=kappa)
