"""Job `judge`: the open questions of an analysed call to the language model, and back.

The rest of the product never waits for it: a call is done without its judgements, and is analysed
again from its stored transcript when they have come.
"""

import asyncio
import datetime as dt
import logging
import random
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.settings import JudgeSettings
from events.judgement import JudgeQuestion
from models.judgements import save_judgements
from models.results import load_transcript
from models.tables import Call, RuleSetVersion, TreeVersion
from models.versions import Version
from pipeline.backoff import backoff_s
from pipeline.jobs import defer_judging
from pipeline.judging.answers import unanswered
from pipeline.judging.asking import Asked, ask, keys_of, stored_judgements
from pipeline.resources import Resources
from pipeline.rework import reanalyze_call

logger = logging.getLogger(__name__)

_LONGEST_DELAY_S = 3600.0


async def judge_call(resources: Resources, call_id: uuid.UUID, attempt: int) -> None:
    """Make attempt number `attempt` (from 1) to have the call's open questions answered.

    Nothing happens when no question is open, or the call is gone or in work (its next analysis
    asks again). What was answered is stored, and the call queued for another analysis, in one
    transaction with the next attempt, or, after the last one, with the reason why there is no
    answer.
    """
    settings = resources.settings.judge
    async with resources.database.session() as session:
        call = await session.get(Call, call_id)
        if not settings.base_url or call is None or call.state != "done":
            return
        transcript = await load_transcript(session, call_id)
        tree = await session.get(TreeVersion, call.tree_version_id)
        ruleset = await session.get(RuleSetVersion, call.ruleset_version_id)
        if transcript is None or tree is None or ruleset is None:
            return
        questions = await _open(session, resources, call_id, transcript, (tree, ruleset))
    if not questions:
        return
    asked = await ask(settings, transcript, questions)
    async with resources.database.session() as session:
        await _settle(session, settings, call_id, transcript, asked, attempt)
        await session.commit()


async def _open(
    session: AsyncSession,
    resources: Resources,
    call_id: uuid.UUID,
    transcript: Transcript,
    versions: tuple[Version, Version],
) -> tuple[JudgeQuestion, ...]:
    analyzer = await asyncio.to_thread(resources.analyzers.get, *versions)
    wanted = analyzer.questions
    known = await stored_judgements(session, resources.settings.judge, call_id, transcript, wanted)
    return tuple(question for question in wanted if question not in known)


async def _settle(
    session: AsyncSession,
    settings: JudgeSettings,
    call_id: uuid.UUID,
    transcript: Transcript,
    asked: Asked,
    attempt: int,
) -> None:
    done = list(asked.judgements)
    failure = asked.failure
    if failure is not None:
        again = failure.retryable and attempt < settings.max_attempts
        logger.warning(
            "language model gave no answer",
            extra={"call_id": str(call_id), "code": failure.code, "reason": failure.message,
                   "again": again},
        )  # fmt: skip
        if again:
            jitter = random.random()  # noqa: S311 - no secret
            delay = backoff_s(settings.retry_base_s, attempt, jitter, _LONGEST_DELAY_S)
            at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=delay)
            await defer_judging(session, call_id, attempt + 1, schedule_at=at)
        else:
            done += [unanswered(q, settings.model, failure.message) for q in asked.failed]
    if not done or await session.get(Call, call_id) is None:
        return
    keys = keys_of(settings, transcript, [judgement.question for judgement in done])
    await save_judgements(session, call_id, {keys[item.question]: item for item in done})
    await reanalyze_call(session, call_id)
