"""Attempts: how a stage of a call is tried, retried, given up, and never done twice."""

import asyncio
import datetime as dt
import logging
import random
import uuid
from collections.abc import Awaitable, Callable

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import func, update

from core.errors import AppError
from models.calls import CallStage, hold_stage, start_stage
from models.tables import Call
from pipeline.backoff import backoff_s
from pipeline.resources import Resources
from pipeline.webhooks import CALL_FAILED, announce, failed_data

logger = logging.getLogger(__name__)

Work = Callable[[Resources, Call, uuid.UUID], Awaitable[None]]

_LONGEST_DELAY_S = 3600.0
_INTERNAL = "internal-error"


class SupersededError(Exception):
    """Another try has taken the stage over; this one must not write anything."""


class StoppedError(Exception):
    """The process has to stop; the stage will be tried again by another worker."""


class RetryLaterError(Exception):
    """The stage failed in a way that may pass; the job runs again at `retry_at`."""

    def __init__(self, retry_at: dt.datetime) -> None:
        super().__init__(f"retry at {retry_at.isoformat()}")
        self.retry_at = retry_at


class StageRetry(BaseRetryStrategy):
    """Retries what asks for it, at its time; what a stop or a lost database cut off, soon.

    Stages themselves decide when to give up, so a job that ends here with any other exception
    never got to decide (the database was away), and is run again until it does.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When the job runs again."""
        now = dt.datetime.now(dt.UTC)
        if isinstance(exception, RetryLaterError):
            return RetryDecision(retry_at=exception.retry_at)
        if isinstance(exception, (StoppedError, asyncio.CancelledError)):
            return RetryDecision(retry_at=now)
        delay = min(5.0 * 2.0 ** min(job.attempts, 10), 300.0)
        return RetryDecision(retry_at=now + dt.timedelta(seconds=delay))


async def attempt(resources: Resources, call_id: uuid.UUID, stage: CallStage, work: Work) -> None:
    """Try one stage of a call, if it is due.

    `work` gets the call and the token of this try; it must write its results and the next state
    in one transaction that holds the stage by that token (`held`). A stage that is over, or of
    a call that is gone, is left alone. A retryable failure is retried with growing delays until
    `worker.max_attempts`; any other marks the call failed and tells the receivers, together.

    Raises:
        RetryLaterError, StoppedError: for the queue, which runs the job again.
    """
    async with resources.database.session() as session:
        started = await start_stage(session, call_id, stage)
        await session.commit()
    if started is None:
        logger.info("stage is not due", extra={"call_id": str(call_id), "stage": stage})
        return
    call, token = started
    most = resources.settings.worker.max_attempts
    try:
        if call.attempts > most:
            # Whoever tried before left no word: the process died, each time.
            raise AppError(
                "worker-lost",
                f"处理这通录音时工作进程 {most} 次意外终止，已停止重试。"
                "请检查内存与日志，然后在通话页面点击重试。",
            )
        await work(resources, call, token)
    except SupersededError:
        logger.warning("another try took over", extra={"call_id": str(call_id), "stage": stage})
    except (StoppedError, asyncio.CancelledError):
        resources.stopping.set()
        await _uncount(resources, call_id, token)
        raise
    except Exception as error:
        failure = error if isinstance(error, AppError) else _unexpected(error, call_id, stage)
        if failure.retryable and call.attempts < most:
            await _note(resources, call_id, token, failure)
            raise RetryLaterError(_next_try(resources, call.attempts)) from error
        await _fail(resources, call_id, stage, token, failure)


def _next_try(resources: Resources, attempts: int) -> dt.datetime:
    jitter = random.random()  # noqa: S311 - no secret
    base_s = resources.settings.worker.retry_base_s
    delay = backoff_s(base_s, attempts, jitter, _LONGEST_DELAY_S)
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=delay)


def _unexpected(error: Exception, call_id: uuid.UUID, stage: CallStage) -> AppError:
    logger.error(
        "stage failed unexpectedly",
        exc_info=error,
        extra={"call_id": str(call_id), "stage": stage},
    )
    return AppError(
        _INTERNAL,
        f"处理时发生内部错误（{type(error).__name__}）。请查看工作进程日志，修复后点击重试。",
        retryable=True,
    )


async def _note(
    resources: Resources, call_id: uuid.UUID, token: uuid.UUID, failure: AppError
) -> None:
    """Show on the call why it is waiting."""
    async with resources.database.session() as session:
        await session.execute(
            update(Call)
            .where(Call.id == call_id, Call.stage_token == token)
            .values(error_code=failure.code, error_message=failure.message)
        )
        await session.commit()
    logger.warning(
        "stage will be tried again",
        extra={"call_id": str(call_id), "code": failure.code, "reason": failure.message},
    )


async def _uncount(resources: Resources, call_id: uuid.UUID, token: uuid.UUID) -> None:
    """A try that was cut off by a stop says nothing about the call: it does not count."""
    async with resources.database.session() as session:
        await session.execute(
            update(Call)
            .where(Call.id == call_id, Call.stage_token == token)
            .values(attempts=Call.attempts - 1)
        )
        await session.commit()


async def _fail(
    resources: Resources,
    call_id: uuid.UUID,
    stage: CallStage,
    token: uuid.UUID,
    failure: AppError,
) -> None:
    async with resources.database.session() as session:
        call = await hold_stage(session, call_id, stage, token)
        if call is None:
            return
        call.state = "failed"
        call.failed_stage = stage
        call.error_code = failure.code
        call.error_message = failure.message
        call.stage_token = None
        call.finished_at = (await session.execute(func.now().select())).scalar_one()
        data = failed_data(call, resources.settings.api.public_url)
        await announce(session, CALL_FAILED, data, call_id)
        await session.commit()
    logger.error(
        "call failed",
        extra={"call_id": str(call_id), "stage": stage, "code": failure.code,
               "reason": failure.message},
    )  # fmt: skip
