"""Every table, one file per noun. Import `metadata` here so that migrations see all of them."""

from models.tables.access import ApiKey, SignInSession, User
from models.tables.audit import AuditEntry
from models.tables.backtests import BacktestCall, BacktestChange, BulkChunk, BulkRun
from models.tables.base import Base
from models.tables.calls import Call, CallAudio, CallContent, CallIdentity, CallWaveform
from models.tables.corrections import Correction, TreeFigures, TreeHead
from models.tables.judgements import JudgementRow
from models.tables.queue import QueueSchema
from models.tables.results import (
    CallMetricsRow,
    EventHitRow,
    FindingRow,
    SopStateRow,
    TranscriptRow,
    UtteranceRow,
)
from models.tables.reviews import (
    AccuracySnapshot,
    Appeal,
    Calibration,
    CalibrationItem,
    CalibrationMember,
    CalibrationVerdict,
    FindingVerdict,
    Review,
    ReviewSample,
    ReviewSampleCall,
    ReviewSampleItem,
)
from models.tables.vectors import CallVectors
from models.tables.versions import RuleSetVersion, TreeVersion
from models.tables.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage

metadata = Base.metadata

__all__ = [
    "AccuracySnapshot",
    "ApiKey",
    "Appeal",
    "AuditEntry",
    "BacktestCall",
    "BacktestChange",
    "Base",
    "BulkChunk",
    "BulkRun",
    "Calibration",
    "CalibrationItem",
    "CalibrationMember",
    "CalibrationVerdict",
    "Call",
    "CallAudio",
    "CallContent",
    "CallIdentity",
    "CallMetricsRow",
    "CallVectors",
    "CallWaveform",
    "Correction",
    "EventHitRow",
    "FindingRow",
    "FindingVerdict",
    "JudgementRow",
    "QueueSchema",
    "Review",
    "ReviewSample",
    "ReviewSampleCall",
    "ReviewSampleItem",
    "RuleSetVersion",
    "SignInSession",
    "SopStateRow",
    "TranscriptRow",
    "TreeFigures",
    "TreeHead",
    "TreeVersion",
    "User",
    "UtteranceRow",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "metadata",
]
