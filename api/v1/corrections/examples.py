"""Examples of corrections, validated against the schemas by a contract test."""

CALL_ID = "01943f5e-7c00-7000-8000-000000000001"

CORRECTION = {
    "id": "01943f60-0a00-7000-8000-000000000009",
    "call_id": CALL_ID,
    "tree": "职业教育",
    "tree_version": "3",
    "node": "开场白/来电目的",
    "node_key": "opening/purpose",
    "verdict": "added",
    "utterance": 4,
    "role": "agent",
    "start_ms": 15200,
    "end_ms": 18900,
    "text": "打来就是跟您念叨念叨上回那个班的事儿",
    "layer": None,
    "score": None,
    "username": "limin",
    "created_at": "2025-01-06T09:45:00Z",
}

GIVE = {"utterance": 4, "node": "开场白/来电目的", "verdict": "added"}

CALL_CORRECTIONS = {
    "items": [CORRECTION],
    "events": [{"utterance": 4, "node": "开场白/来电目的", "verdict": "added", "hit": None}],
    "steps": {"开场白/来电目的": "executed"},
}

CORRECTIONS = {"items": [CORRECTION], "next_cursor": None}
