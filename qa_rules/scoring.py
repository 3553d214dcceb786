"""Scores: findings added up on a scorecard, every point explained."""

from collections.abc import Iterable
from math import fsum

from qa_rules.findings import Finding, Score, ScoreLine
from qa_rules.model import Scorecard


def score(findings: Iterable[Finding], scorecard: Scorecard) -> Score:
    """The score of one call and the lines that add up to it, rounded to hundredths.

    Only findings with outcome `hit` change a score. A veto sets it to the floor whatever the
    rest is; otherwise the sum is kept inside [floor, ceiling]. Both corrections are lines of
    their own. `passed` is false for a vetoed call, and None without a pass mark.
    """
    lines = [ScoreLine(label="起始分", points=scorecard.start)]
    hits = [finding for finding in findings if finding.outcome == "hit"]
    lines += [
        ScoreLine(label=finding.rule_name, points=round(finding.score_effect, 2), rule=finding.rule)
        for finding in hits
        if finding.score_effect
    ]
    total = _total(lines)
    vetoes = [finding for finding in hits if finding.veto]
    if vetoes:
        label = f"一票否决：{'、'.join(finding.rule_name for finding in vetoes)}"
        lines.append(
            ScoreLine(label=label, points=round(scorecard.floor - total, 2), rule=vetoes[0].rule)
        )
    elif total < scorecard.floor:
        label = f"不低于最低分 {scorecard.floor:g}"
        lines.append(ScoreLine(label=label, points=round(scorecard.floor - total, 2)))
    elif total > scorecard.ceiling:
        label = f"不高于满分 {scorecard.ceiling:g}"
        lines.append(ScoreLine(label=label, points=round(scorecard.ceiling - total, 2)))
    value = _total(lines)
    mark = scorecard.pass_mark
    return Score(
        value=value,
        passed=None if mark is None else value >= mark and not vetoes,
        vetoed=bool(vetoes),
        scorecard=scorecard.name,
        lines=tuple(lines),
    )


def _total(lines: Iterable[ScoreLine]) -> float:
    return round(fsum(line.points for line in lines), 2)
