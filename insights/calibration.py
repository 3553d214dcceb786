"""What a closed calibration shows: how far people agree with each other and the machine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from insights.agreement import Agreement, cohen_kappa, fleiss_agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedItem:
    """One item: what the machine and each judge (by any name) said."""

    rule: str
    machine: str
    verdicts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationResult:
    """Agreement of the judges, overall and by rule, and of their majority with the machine.

    `human_machine` is Cohen's kappa over the items on which there is a majority and the machine
    came to a conclusion; None when it is undefined.
    """

    overall: Agreement
    by_rule: Mapping[str, Agreement]
    human_machine: float | None


def calibration_result(items: Sequence[JudgedItem]) -> CalibrationResult:
    """The result of all items. With exactly two judges kappa is Cohen's, else Fleiss'."""
    rules = dict.fromkeys(item.rule for item in items)
    return CalibrationResult(
        overall=_agreement(items),
        by_rule={rule: _agreement([i for i in items if i.rule == rule]) for rule in rules},
        human_machine=_against_machine(items),
    )


def _agreement(items: Sequence[JudgedItem]) -> Agreement:
    judged = [item for item in items if len(item.verdicts) >= 2]
    found = fleiss_agreement([Counter(item.verdicts.values()) for item in judged])
    judges = sorted({judge for item in judged for judge in item.verdicts})
    if len(judges) != 2:
        return found
    pairs = Counter((item.verdicts[judges[0]], item.verdicts[judges[1]]) for item in judged)
    return Agreement(
        items=found.items, judgements=found.judgements, agreement=found.agreement,
        kappa=cohen_kappa(pairs),
    )  # fmt: skip


def _against_machine(items: Sequence[JudgedItem]) -> float | None:
    cells: Counter[tuple[str, str]] = Counter()
    for item in items:
        ranked = Counter(item.verdicts.values()).most_common(2)
        split = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
        if ranked and not split and item.machine in ("hit", "clear"):
            cells[item.machine, ranked[0][0]] += 1
    return cohen_kappa(cells)
