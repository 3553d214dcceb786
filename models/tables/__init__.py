"""Every table, one file per noun. Import `metadata` here so that migrations see all of them."""

from models.tables.access import ApiKey, SignInSession, User
from models.tables.base import Base
from models.tables.calls import Call, CallAudio, CallContent, CallIdentity, CallWaveform
from models.tables.queue import QueueSchema
from models.tables.results import (
    CallMetricsRow,
    EventHitRow,
    FindingRow,
    SopStateRow,
    TranscriptRow,
    UtteranceRow,
)
from models.tables.versions import RuleSetVersion, TreeVersion
from models.tables.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage

metadata = Base.metadata

__all__ = [
    "ApiKey",
    "Base",
    "Call",
    "CallAudio",
    "CallContent",
    "CallIdentity",
    "CallMetricsRow",
    "CallWaveform",
    "EventHitRow",
    "FindingRow",
    "QueueSchema",
    "RuleSetVersion",
    "SignInSession",
    "SopStateRow",
    "TranscriptRow",
    "TreeVersion",
    "User",
    "UtteranceRow",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "metadata",
]
