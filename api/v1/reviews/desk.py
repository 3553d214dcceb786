"""Every step of a review as the API and the pages take it: load the call, act, answer."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Reader
from api.blinding import unblinded_call
from api.principal import Principal
from api.services import ServicesDep, SessionDep
from api.v1.reviews.detail import review_detail
from api.v1.reviews.schemas import Review
from core.errors import AppError
from core.settings import Settings
from models.access import find_user
from models.reviews.queue import QueueFilter, QueueOrder
from models.tables import Appeal, Call
from pipeline.reviews import appeals, next_call, workflow
from pipeline.reviews.judging import Judgement, judge, retract

Step = Callable[[Call], Awaitable[object]]


class Desk:
    """Who reviews, at which moment, with the limits that the settings give.

    The steps take the call that they are about and raise what the workflow refuses.
    """

    def __init__(self, principal: Principal, session: AsyncSession, settings: Settings) -> None:
        self.principal = principal
        self.session = session
        self.now = dt.datetime.now(dt.UTC)
        self._actor = principal.actor
        self._lock_for = dt.timedelta(minutes=settings.review.lock_minutes)
        self._appeal_for = dt.timedelta(days=settings.review.appeal_days)
        self._base_url = settings.api.public_url

    async def call(self, call_id: uuid.UUID) -> Call:
        """The call, if the reviewer may see it and what was found in it.

        Raises:
            AppError: `not-found`, `blind-calibration`.
        """
        return await unblinded_call(self.session, self.principal, call_id)

    async def review(self, call_id: uuid.UUID, step: Step | None = None) -> Review:
        """The review of the call, after the step."""
        call = await self.call(call_id)
        if step is not None:
            await step(call)
        return await review_detail(self.session, self.principal, call, self.now)

    async def take_next(
        self, where: QueueFilter, order: QueueOrder, after: uuid.UUID | None
    ) -> Call | None:
        """The next free call of the queue, taken; None when none is free."""
        return await next_call.take_next(
            self.session, where, self._actor, now=self.now, lock_for=self._lock_for, order=order,
            after=after, base_url=self._base_url,
        )  # fmt: skip

    async def take(self, call: Call, *, take_over: bool = False) -> None:
        """Take the review, or take it over."""
        await workflow.take(
            self.session, call, self._actor, now=self.now, lock_for=self._lock_for,
            take_over=take_over, base_url=self._base_url,
        )  # fmt: skip

    async def release(self, call: Call) -> None:
        """Put it back into the queue."""
        await workflow.release(
            self.session, call, self._actor, now=self.now, base_url=self._base_url
        )

    async def assign(self, call: Call, username: str) -> None:
        """Give it to somebody."""
        user = await find_user(self.session, username)
        if user is None:
            raise AppError("bad-assignee", f"没有用户 {username}。请从用户列表里选择。")
        await workflow.assign(
            self.session, call, self._actor, user, now=self.now, base_url=self._base_url
        )

    async def judge(self, call: Call, judgement: Judgement, version: int | None) -> None:
        """Judge one finding."""
        await judge(
            self.session, call, self._actor, judgement, version=version, now=self.now,
            lock_for=self._lock_for, base_url=self._base_url,
        )  # fmt: skip

    async def retract(self, call: Call, rule: str, version: int | None) -> None:
        """Take a verdict back."""
        await retract(
            self.session, call, self._actor, rule, version=version, now=self.now,
            lock_for=self._lock_for, base_url=self._base_url,
        )  # fmt: skip

    async def submit(
        self, call: Call, *, comment: str, confirm_rest: bool, version: int | None
    ) -> None:
        """Finish the review."""
        await workflow.submit(
            self.session, call, self._actor, version=version, now=self.now,
            appeal_for=self._appeal_for, comment=comment, confirm_rest=confirm_rest,
            base_url=self._base_url,
        )  # fmt: skip

    async def reopen(self, call: Call, version: int | None) -> None:
        """Open a finished review again."""
        await workflow.reopen(
            self.session, call, self._actor, version=version, now=self.now, base_url=self._base_url
        )

    async def appeal(self, call: Call, rules: Sequence[str], reason: str) -> Appeal:
        """Dispute hits of the call."""
        return await appeals.appeal(
            self.session, call, self._actor, rules=rules, reason=reason, now=self.now,
            base_url=self._base_url,
        )  # fmt: skip

    async def withdraw(self, call: Call) -> Appeal:
        """Take the open appeal back."""
        return await appeals.withdraw(
            self.session, call, self._actor, now=self.now, base_url=self._base_url
        )

    async def decide(self, call: Call, upheld: Sequence[str], comment: str) -> Appeal:
        """Decide the open appeal for good."""
        return await appeals.decide(
            self.session, call, self._actor, upheld=upheld, comment=comment, now=self.now,
            base_url=self._base_url,
        )  # fmt: skip


def desk(principal: Reader, session: SessionDep, services: ServicesDep) -> Desk:
    """The desk of who asks; whether they may write is for the route to say."""
    return Desk(principal, session, services.settings)


DeskDep = Annotated[Desk, Depends(desk)]
