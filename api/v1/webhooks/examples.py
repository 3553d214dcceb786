"""Examples of webhooks, validated against the schemas by a contract test."""

from typing import Any

ENDPOINT_ID = "019412d4-8800-7c11-8d01-5a9d0c6f7e21"
MESSAGE_ID = "019412d5-1000-7e42-b1aa-40c8e2d1f903"

NEW_ENDPOINT = {
    "url": "https://crm.example.com/hooks/tingjian",
    "description": "CRM",
    "event_types": ["call.completed", "call.failed"],
}

CHANGE = {"enabled": False}

ENDPOINT: dict[str, Any] = {
    "id": ENDPOINT_ID,
    **NEW_ENDPOINT,
    "enabled": True,
    "created_at": "2025-01-06T09:30:00Z",
}

CREATED = {**ENDPOINT, "secret": "whsec_" + "A" * 43 + "="}

ENDPOINTS = {"items": [ENDPOINT]}

MESSAGE: dict[str, Any] = {
    "id": MESSAGE_ID,
    "endpoint_id": ENDPOINT_ID,
    "event_type": "call.completed",
    "call_id": "019412d4-7c00-7a31-9c55-0a3f6f1f2b11",
    "state": "delivered",
    "created_at": "2025-01-06T01:35:31Z",
    "next_attempt_at": None,
    "delivered_at": "2025-01-06T01:35:32Z",
    "payload": {
        "type": "call.completed",
        "timestamp": "2025-01-06T01:35:31.000+00:00",
        "data": {"call_id": "019412d4-7c00-7a31-9c55-0a3f6f1f2b11", "score": 85.0},
    },
    "attempts": [
        {
            "attempt": 1,
            "attempted_at": "2025-01-06T01:35:32Z",
            "status_code": 204,
            "error": None,
            "duration_ms": 84,
            "response_excerpt": "",
        }
    ],
}

PENDING_MESSAGE = {
    **MESSAGE,
    "state": "pending",
    "delivered_at": None,
    "attempts": [],
}

NEXT_CURSOR = "AZQS1RAAfkKxqkDI4tH5Aw"

MESSAGES = {"items": [MESSAGE], "next_cursor": None}
