"""The human score of a call: its findings as people judged them, on the call's own scorecard."""

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from core.serial import to_json
from models.results import StoredAnalysis
from models.reviews.verdicts import current_verdicts, evidence_of
from models.tables import Call, FindingVerdict, Review, RuleSetVersion
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.findings import Score
from qa_rules.model import RuleSet
from qa_rules.scoring.judged import HumanVerdict, judged_findings
from qa_rules.scoring.scorecard import on_card
from qa_rules.scoring.scores import flagged_rules, score


async def rescore(
    session: AsyncSession, call: Call, review: Review, analysis: StoredAnalysis
) -> None:
    """Put the human score on the review; nothing while no finding has been judged."""
    verdicts = await current_verdicts(session, call.id)
    if not verdicts:
        review.score = review.passed = review.vetoed = review.score_document = None
        return
    human = human_score(analysis, verdicts, await ruleset_of(session, call))
    review.score, review.passed, review.vetoed = human.value, human.passed, human.vetoed
    review.score_document = to_json(human)


def human_score(
    analysis: StoredAnalysis, verdicts: Mapping[str, FindingVerdict], ruleset: RuleSet
) -> Score:
    """The score of the findings with the verdicts that stand, on the card that the call had."""
    human = {
        rule: HumanVerdict(
            outcome="hit" if row.outcome == "hit" else "clear", evidence=evidence_of(row)
        )
        for rule, row in verdicts.items()
    }
    card = ruleset.card_named(analysis.score.scorecard)
    judged = judged_findings(analysis.findings, human, on_card(ruleset, card))
    return score(judged, card, flagged_rules(analysis.score) - human.keys())


async def ruleset_of(session: AsyncSession, call: Call) -> RuleSet:
    """The rule set version that the call was judged by; an empty one when it is not stored."""
    row = (
        await session.get(RuleSetVersion, call.ruleset_version_id)
        if call.ruleset_version_id is not None
        else None
    )
    if row is None:
        return RuleSet(name="", version="")
    return _parsed(row.name, row.document)


@lru_cache(maxsize=16)
def _parsed(name: str, document: str) -> RuleSet:
    return parse_ruleset(document, name)
