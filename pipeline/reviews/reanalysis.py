"""What a new analysis changes in the review of its call."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession

from models.actors import SYSTEM
from models.audit import record
from models.results import StoredAnalysis, load_transcript
from models.reviews.reviews import find_review, hold_review, touch
from models.reviews.verdicts import current_verdicts, reattach
from models.tables import Call
from pipeline.reviews.scoring import rescore
from pipeline.reviews.workflow import changed_since

_FINISHED = ("reviewed", "appealed", "final")


async def carry_over(session: AsyncSession, call: Call, analysis: StoredAnalysis) -> None:
    """Keep the verdicts that still fit the new findings, and score the call by them.

    In the transaction that stores the analysis, which holds the call. A finished review whose
    verdicts or hits have changed is marked `stale`, so that it is looked at again; its state does
    not change by itself.
    """
    if await find_review(session, call.id) is None:
        return
    review = await hold_review(session, call.id)
    transcript = await load_transcript(session, call.id)
    if transcript is None:
        return
    detached = await reattach(session, call.id, analysis.findings, transcript)
    verdicts = await current_verdicts(session, call.id)
    changed = bool(detached) or changed_since(verdicts, analysis)
    review.stale = review.stale or (changed and review.state in _FINISHED)
    touch(review, dt.datetime.now(dt.UTC))
    await rescore(session, call, review, analysis)
    record(
        session, SYSTEM, "review.carried_over", "call", call.id,
        after={"kept": len(verdicts), "detached": detached, "stale": review.stale},
    )  # fmt: skip
    await session.flush()
