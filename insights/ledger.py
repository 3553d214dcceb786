"""Accuracy ledger: how right each rule is, by what people said of its findings."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from insights.agreement import Agreement, fleiss_agreement
from insights.ledger_rows import RuleKey, calibrated_items, loose_verdicts, sampled_counts
from insights.reviewer_error import ReviewerError, reviewer_error
from insights.rule_accuracy import Estimate, RuleAccuracy, StratumCount, rule_accuracy
from models.calls import CallFilter
from models.versions import rulesets_named
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.model import Rule
from qa_rules.scoring.accuracy import PrecisionFigure, rule_fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One rule as long as it looked for the same thing.

    `versions` are the rule set versions (`name@version`) in which it did, oldest first;
    `fingerprint` tells it from the same rule before and after a change. `verdicts` are all human
    verdicts on it, of which `sampled` came from random samples and `waiting` are sampled and not
    judged yet. `is_sampled` says that `accuracy` rests on the samples; without any, precision
    rests on whatever people looked at, which may be the worst calls. `human_human` is the
    agreement of reviewers in closed calibrations. `below_minimum` says that the rule is measured
    to be less precise than its document demands.
    """

    ruleset: str
    rule: str
    rule_name: str
    fingerprint: str
    versions: tuple[str, ...]
    verdicts: int
    sampled: int
    waiting: int
    is_sampled: bool
    accuracy: RuleAccuracy
    human_human: Agreement
    min_precision: float | None
    below_minimum: bool

    @property
    def precision(self) -> Estimate | None:
        """The precision to go by: with the reviewers' error taken out, where that is known."""
        return self.accuracy.corrected_precision or self.accuracy.precision

    @property
    def recall(self) -> Estimate | None:
        """The recall to go by, likewise."""
        return self.accuracy.corrected_recall or self.accuracy.recall


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All entries by rule set and rule, and what is known of the reviewers as a whole."""

    entries: tuple[LedgerEntry, ...]
    human_human: Agreement
    error: ReviewerError | None


async def accuracy_ledger(
    session: AsyncSession,
    *,
    ruleset: str | None = None,
    rule: str | None = None,
    where: CallFilter | None = None,
) -> Ledger:
    """The ledger of every rule that anybody judged or sampled (of one rule set, of one rule).

    `where` says on which calls; None = all. Verdicts that a later analysis detached still count for
    the version that they were made on; a verdict that somebody replaced does not, so an appeal that
    is upheld corrects the figures. The reviewers' error is pooled over all rules and calls: one
    rule or team alone is rarely calibrated often enough.
    """
    chosen = where or CallFilter()
    strata = await sampled_counts(session, chosen)
    loose = await loose_verdicts(session, chosen)
    calibrated = await calibrated_items(session, chosen)
    everywhere = calibrated if where is None else await calibrated_items(session, CallFilter())
    references = {ref for ref, _ in (*strata, *loose, *calibrated)}
    known = await _rules(session, references)
    error = reviewer_error(_together(everywhere))
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for reference, rule_id in sorted({*strata, *loose, *calibrated}, key=_by_version):
        name = reference.rpartition("@")[0]
        if (ruleset is not None and name != ruleset) or (rule is not None and rule_id != rule):
            continue
        found = known.get((reference, rule_id))
        # A version whose document is not stored stands for itself.
        fingerprint = rule_fingerprint(found) if found else reference
        groups[name, rule_id, fingerprint].append(reference)
    entries = [
        _entry(key, tuple(versions), strata, loose, calibrated, known, error)
        for key, versions in sorted(groups.items(), key=lambda item: item[0][:2])
    ]
    return Ledger(
        entries=tuple(entries), human_human=_agreement(_together(calibrated)), error=error
    )


def precision_figures(ledger: Ledger) -> dict[str, PrecisionFigure]:
    """Rule fingerprint -> measured precision, for the rules that have one: what is frozen."""
    return {
        entry.fingerprint: PrecisionFigure(
            rule=entry.rule,
            judged=entry.precision.judged,
            precision=entry.precision.value,
            low=entry.precision.low,
            high=entry.precision.high,
        )
        for entry in ledger.entries
        if entry.precision is not None
    }


def _entry(
    key: tuple[str, str, str],
    versions: tuple[str, ...],
    strata: Mapping[RuleKey, Sequence[StratumCount]],
    loose: Mapping[RuleKey, Mapping[str, tuple[int, int]]],
    calibrated: Mapping[RuleKey, Sequence[tuple[int, int]]],
    known: Mapping[RuleKey, Rule],
    error: ReviewerError | None,
) -> LedgerEntry:
    name, rule_id, fingerprint = key
    keys = [(version, rule_id) for version in versions]
    counts = [count for k in keys for count in strata.get(k, ())]
    outside = [loose[k] for k in keys if k in loose]
    unsampled = sum(n for table in outside for n, _ in table.values())
    sampled = sum(count.judged for count in counts)
    is_sampled = any(count.judged for count in counts if count.stratum == "hit")
    accuracy = rule_accuracy(counts, error)
    if not is_sampled:
        accuracy = _with_loose_precision(accuracy, outside, error)
    found = known.get(keys[-1])
    minimum = found.min_precision if found else None
    measured = accuracy.corrected_precision or accuracy.precision
    figure = measured and PrecisionFigure(
        rule=rule_id, judged=measured.judged, precision=measured.value, low=measured.low,
        high=measured.high,
    )  # fmt: skip
    return LedgerEntry(
        ruleset=name,
        rule=rule_id,
        rule_name=found.name if found else rule_id,
        fingerprint=fingerprint,
        versions=versions,
        verdicts=sampled + unsampled,
        sampled=sampled,
        waiting=sum(count.drawn - count.judged for count in counts),
        is_sampled=is_sampled,
        accuracy=accuracy,
        human_human=_agreement([pair for k in keys for pair in calibrated.get(k, ())]),
        min_precision=minimum,
        below_minimum=bool(figure and minimum is not None and figure.below(minimum)),
    )


def _with_loose_precision(
    accuracy: RuleAccuracy,
    outside: Sequence[Mapping[str, tuple[int, int]]],
    error: ReviewerError | None,
) -> RuleAccuracy:
    """The accuracy with the precision of the hits that people happened to judge."""
    n = sum(table.get("hit", (0, 0))[0] for table in outside)
    positive = sum(table.get("hit", (0, 0))[1] for table in outside)
    if not n:
        return accuracy
    hits = StratumCount(
        sample="", stratum="hit", population=n, drawn=n, judged=n, positive=positive
    )
    loose = rule_accuracy([hits], error)
    return replace(
        accuracy, precision=loose.precision, corrected_precision=loose.corrected_precision
    )


async def _rules(session: AsyncSession, references: Iterable[str]) -> dict[RuleKey, Rule]:
    return {
        (f"{row.name}@{row.version}", rule.id): rule
        for row in await rulesets_named(session, references)
        for rule in _parsed(row.id, row.name, row.document)
    }


@lru_cache(maxsize=32)
def _parsed(_version: uuid.UUID, name: str, document: str) -> tuple[Rule, ...]:
    return parse_ruleset(document, name).rules


def _together(calibrated: Mapping[RuleKey, Sequence[tuple[int, int]]]) -> list[tuple[int, int]]:
    return [pair for items in calibrated.values() for pair in items]


def _agreement(items: Iterable[tuple[int, int]]) -> Agreement:
    return fleiss_agreement([{"hit": hits, "clear": n - hits} for n, hits in items])


def _by_version(key: RuleKey) -> tuple[str, int, str]:
    name, _, version = key[0].rpartition("@")
    return name, int(version) if version.isdigit() else 0, key[1]
