"""Scores: findings added up on a scorecard, every point explained."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import fsum

from qa_rules.findings import Finding, LineKind, Score, ScoreLine, SectionScore
from qa_rules.model import RuleSet
from qa_rules.operators.metadata import metadata_fits
from qa_rules.scoring.accuracy import NOTHING_MEASURED, AccuracyGate, RuleAccuracies
from qa_rules.scoring.scorecard import Scorecard, Section, on_card


class Scorer:
    """Scores calls by one rule set: chooses the card, sets the points, lets weak rules only flag.

    Built once and used for many calls; safe to share between threads.
    """

    def __init__(self, ruleset: RuleSet) -> None:
        self._cards = ruleset.scorecards
        carded = {card.name: on_card(ruleset, card) for card in self._cards}
        self._rules = {name: {rule.id: rule for rule in on.rules} for name, on in carded.items()}
        self._gates = {name: AccuracyGate(on) for name, on in carded.items()}

    def card_for(self, metadata: Mapping[str, object]) -> Scorecard:
        """The first card whose `applies_to` the metadata satisfies; missing fields satisfy none."""
        return next(
            (card for card in self._cards if metadata_fits(card.applies_to, metadata)),
            self._cards[-1],
        )

    def judge(
        self,
        findings: Sequence[Finding],
        metadata: Mapping[str, object],
        accuracies: RuleAccuracies = NOTHING_MEASURED,
    ) -> tuple[tuple[Finding, ...], Score]:
        """The findings with what each really costs on the call's card, and the score.

        A hit of a rule that `accuracies` show below its `min_precision` costs nothing: it only
        flags, and its line says so.
        """
        card = self.card_for(metadata)
        weighed = tuple(self._weighed(finding, card) for finding in findings)
        zeroing = frozenset(rule for section in card.sections for rule in section.zero_if)
        gated = self._gates[card.name].apply(weighed, accuracies, zeroing)
        flagged = {
            after.rule for before, after in zip(weighed, gated, strict=True) if after is not before
        }
        return gated, score(gated, card, flagged)

    def _weighed(self, finding: Finding, card: Scorecard) -> Finding:
        rule = self._rules[card.name].get(finding.rule)
        if finding.outcome != "hit" or rule is None:
            return finding
        veto = finding.veto or finding.rule in card.veto
        if (rule.score, veto) == (finding.score_effect, finding.veto):
            return finding
        return replace(finding, score_effect=rule.score, veto=veto)


def score(
    findings: Iterable[Finding], scorecard: Scorecard, flagged: Collection[str] = ()
) -> Score:
    """The score of one call and the lines that add up to it, rounded to hundredths.

    Only findings with outcome `hit` change a score, each by its `score_effect`. Then the limits
    of each section apply. A veto sets the score to the floor whatever the rest is; otherwise the
    sum is kept inside [floor, ceiling]. Each correction is a line of its own. `flagged` are rules
    whose hits are told and cost nothing. `passed` is false for a vetoed call, and None without a
    pass mark.
    """
    hits = [finding for finding in findings if finding.outcome == "hit"]
    lines = [ScoreLine(label="起始分", points=round(scorecard.start, 2), kind="start")]
    lines += _lines(hits, scorecard, None, flagged)
    sections = []
    for section in scorecard.sections:
        own = _lines(hits, scorecard, section, flagged)
        own += _limits(own, section, hits, flagged)
        most = section.max_points
        sections.append(SectionScore(name=section.name, points=_total(own), max_points=most))
        lines += own
    vetoes = [finding for finding in hits if finding.veto and finding.rule not in flagged]
    lines += _bounds(_total(lines), scorecard, vetoes)
    value = _total(lines)
    mark = scorecard.pass_mark
    return Score(
        value=value,
        passed=None if mark is None else value >= mark and not vetoes,
        vetoed=bool(vetoes),
        scorecard=scorecard.name,
        lines=tuple(lines),
        sections=tuple(sections),
    )


def flagged_rules(given: Score) -> frozenset[str]:
    """The rules whose hits a score tells without counting them."""
    return frozenset(line.rule for line in given.lines if line.kind == "flag")


def _lines(
    hits: Sequence[Finding], card: Scorecard, section: Section | None, flagged: Collection[str]
) -> list[ScoreLine]:
    """The lines of the hits that count in a section, or (None) in no section."""
    lines = []
    for finding in hits:
        if card.section_of(finding.rule, finding.category) is not section:
            continue
        points = 0.0 if finding.rule in flagged else round(finding.score_effect, 2)
        kind: LineKind = "deduction" if points < 0 else "bonus"
        label = finding.rule_name
        if finding.rule in flagged:
            kind, label = "flag", f"{finding.rule_name}：只提示不扣分"
        if points or kind == "flag":
            lines.append(
                ScoreLine(
                    label=label, points=points, rule=finding.rule, kind=kind, why=finding.reason,
                    section=section.name if section else "",
                )
            )  # fmt: skip
    return lines


def _limits(
    lines: Sequence[ScoreLine],
    section: Section,
    hits: Sequence[Finding],
    flagged: Collection[str],
) -> list[ScoreLine]:
    """The lines that bring a section's own lines inside its limits."""
    lost = _total(line for line in lines if line.points < 0)
    won = _total(line for line in lines if line.points > 0)
    most = section.max_points
    zeroing = [f for f in hits if f.rule in section.zero_if and f.rule not in flagged]
    if most is not None and zeroing:
        names = "、".join(finding.rule_name for finding in zeroing)
        label = f"{section.name}扣完 {most:g} 分：{names}"
        points = round(-most - lost - won, 2)
        return [_correction("zero", label, points, section.name, zeroing[0].rule)]
    found = []
    if most is not None and -lost > most:
        label = f"{section.name}最多扣 {most:g} 分"
        found.append(_correction("cap", label, round(-most - lost, 2), section.name))
    bonus = section.max_bonus
    if bonus is not None and won > bonus:
        label = f"{section.name}最多加 {bonus:g} 分"
        found.append(_correction("cap", label, round(bonus - won, 2), section.name))
    return found


def _bounds(total: float, card: Scorecard, vetoes: Sequence[Finding]) -> list[ScoreLine]:
    """The line that brings a sum to the floor after a veto, or inside the card's bounds."""
    if vetoes:
        label = f"一票否决：{'、'.join(finding.rule_name for finding in vetoes)}"
        return [_correction("veto", label, round(card.floor - total, 2), "", vetoes[0].rule)]
    if total < card.floor:
        label = f"不低于最低分 {card.floor:g}"
        return [_correction("floor", label, round(card.floor - total, 2))]
    if total > card.ceiling:
        label = f"不高于满分 {card.ceiling:g}"
        return [_correction("ceiling", label, round(card.ceiling - total, 2))]
    return []


def _correction(
    kind: LineKind, label: str, points: float, section: str = "", rule: str = ""
) -> ScoreLine:
    return ScoreLine(label=label, points=points, rule=rule, section=section, kind=kind)


def _total(lines: Iterable[ScoreLine]) -> float:
    return round(fsum(line.points for line in lines), 2)
