"""Webhook messages: what receivers are told, queued with the result that it tells about."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.actors import Actor
from models.results import StoredAnalysis
from models.tables import Appeal, Call, FindingVerdict, Review, WebhookEndpoint, WebhookMessage
from models.webhooks import add_message, endpoints_for, get_message
from pipeline.jobs import defer_delivery

CALL_COMPLETED = "call.completed"
CALL_FAILED = "call.failed"
FINDING_REVIEWED = "finding.reviewed"
FINDING_WITHDRAWN = "finding.withdrawn"
REVIEW_ASSIGNED = "review.assigned"
REVIEW_RELEASED = "review.released"
REVIEW_COMPLETED = "review.completed"
REVIEW_REOPENED = "review.reopened"
REVIEW_FINALISED = "review.finalised"
APPEAL_OPENED = "appeal.opened"
APPEAL_WITHDRAWN = "appeal.withdrawn"
APPEAL_DECIDED = "appeal.decided"
ENDPOINT_TEST = "endpoint.test"


async def announce(
    session: AsyncSession,
    event_type: str,
    data: Mapping[str, Any],
    call_id: uuid.UUID | None = None,
) -> tuple[WebhookMessage, ...]:
    """The messages for every endpoint that wants the event, with their deliveries queued.

    All of it belongs to the caller's transaction: a result that is rolled back is not told.
    """
    return tuple(
        [
            await _send(session, endpoint, event_type, data, call_id)
            for endpoint in await endpoints_for(session, event_type)
        ]
    )


async def send_test(session: AsyncSession, endpoint: WebhookEndpoint) -> WebhookMessage:
    """A queued test message to one endpoint, whatever events it wants and even when disabled."""
    return await _send(session, endpoint, ENDPOINT_TEST, {"endpoint_id": str(endpoint.id)}, None)


async def replay(session: AsyncSession, message_id: uuid.UUID) -> WebhookMessage:
    """The message, queued once more with a fresh budget of attempts and its old `webhook-id`.

    Raises:
        AppError: `not-found`.
    """
    message = await get_message(session, message_id)
    message.state = "pending"
    message.attempts = 0
    message.next_attempt_at = None
    message.delivered_at = None
    await defer_delivery(session, message.id, attempt=1)
    return message


def completed_data(call: Call, analysis: StoredAnalysis, base_url: str) -> dict[str, Any]:
    """The `data` of `call.completed`: identity, score and counts, never what was said."""
    states = [step.state for step in analysis.sop.steps]
    hits = [finding for finding in analysis.findings if finding.outcome == "hit"]
    return {
        **_identity(call, base_url),
        "duration_ms": call.duration_ms,
        "score": analysis.score.value,
        "passed": analysis.score.passed,
        "vetoed": analysis.score.vetoed,
        "events": len(analysis.hits),
        "sop": {
            "coverage": analysis.sop.coverage,
            **{
                state: states.count(state)
                for state in ("executed", "missed", "undecidable", "not_applicable")
            },
        },
        "findings": len(hits),
        "failed_rules": [finding.rule for finding in hits],
        "versions": dict(analysis.versions),
    }


def failed_data(call: Call, base_url: str) -> dict[str, Any]:
    """The `data` of `call.failed`: identity, and at which stage and why it failed."""
    return {
        **_identity(call, base_url),
        "stage": call.failed_stage,
        "error": {"code": call.error_code, "message": call.error_message},
    }


def reviewed_data(call: Call, verdict: FindingVerdict, base_url: str) -> dict[str, Any]:
    """The `data` of `finding.reviewed` and `finding.withdrawn`: what machine and person said."""
    return {
        **_identity(call, base_url),
        "rule": verdict.rule,
        "rule_name": verdict.rule_name,
        "ruleset": verdict.ruleset,
        "machine_outcome": verdict.machine_outcome,
        "decision": verdict.decision,
        "outcome": verdict.outcome,
        "reason_code": verdict.reason_code or None,
        "stage": verdict.stage,
        "by": verdict.username,
    }


def review_step_data(
    call: Call, review: Review, before: str, actor: Actor, holder: str | None, base_url: str
) -> dict[str, Any]:
    """The `data` of the steps of a review that judge nothing: its states, by whom, who has it."""
    return {
        **_identity(call, base_url),
        "state": review.state,
        "before": before,
        "by": actor.username,
        "holder": holder,
        "lock_expires_at": review.lock_expires_at.isoformat() if review.lock_expires_at else None,
    }


def completed_review_data(
    call: Call, review: Review, reviewer: str, base_url: str
) -> dict[str, Any]:
    """The `data` of `review.completed`: the human score beside the machine's, and the deadline."""
    return {
        **_identity(call, base_url),
        "machine": {"score": call.score, "passed": call.passed, "vetoed": call.vetoed},
        "human": {"score": review.score, "passed": review.passed, "vetoed": review.vetoed},
        "by": reviewer,
        "appeal_until": review.appeal_until.isoformat() if review.appeal_until else None,
    }


def appeal_data(call: Call, appeal: Appeal, base_url: str) -> dict[str, Any]:
    """The `data` of `appeal.opened`, `appeal.withdrawn` and `appeal.decided`."""
    return {
        **_identity(call, base_url),
        "appeal_id": str(appeal.id),
        "state": appeal.state,
        "rules": [str(rule) for rule in appeal.rules],
        "reason": appeal.reason,
        "opened_by": appeal.opened_by_name,
        "decided_by": appeal.decided_by_name or None,
        "decision_comment": appeal.decision_comment or None,
    }


def _identity(call: Call, base_url: str) -> dict[str, Any]:
    base = base_url.rstrip("/")
    return {
        "call_id": str(call.id),
        "external_id": call.external_id,
        "source": call.source,
        "metadata": {
            "file_name": call.file_name,
            "domain": call.domain,
            "agent": call.agent,
            "team": call.team,
            "campaign": call.campaign,
            "customer_id": call.customer_id,
            "lead_source": call.lead_source,
            "direction": call.direction,
            "disposition": call.disposition,
            "started_at": call.started_at.isoformat() if call.started_at else None,
            "fields": call.fields,
        },
        "links": {"api": f"{base}/api/v1/calls/{call.id}", "page": f"{base}/calls/{call.id}"},
    }


async def _send(
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    event_type: str,
    data: Mapping[str, Any],
    call_id: uuid.UUID | None,
) -> WebhookMessage:
    payload = {
        "type": event_type,
        "timestamp": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        "data": dict(data),
    }
    message = await add_message(session, endpoint, event_type, payload, call_id)
    await defer_delivery(session, message.id, attempt=1)
    return message
