"""Examples of reviews and appeals, validated against the schemas by a contract test."""

from typing import Any

from api.v1.calls.examples import CALL_ID, FINDINGS

SAMPLE_ID = "019512a0-1000-7aa0-9c55-0a3f6f1f2b40"
APPEAL_ID = "019512a0-2000-7bb1-8d01-5a9d0c6f7e30"
_VERDICT_ID = "019512a0-0800-7d31-9c55-0a3f6f1f2b41"
_FINDINGS: dict[str, Any] = {**FINDINGS}
_FINDING: dict[str, Any] = _FINDINGS["findings"][0]

QUEUE: dict[str, Any] = {
    "items": [
        {
            "call_id": CALL_ID,
            "state": "assigned",
            "version": 3,
            "file_name": "张敏-0001.wav",
            "external_id": "crm-0001",
            "agent": "张敏",
            "team": "华东一组",
            "campaign": "春季班",
            "called_at": "2025-01-06T09:30:00+08:00",
            "received_at": "2025-01-06T01:35:00Z",
            "duration_ms": 183000,
            "machine": {"score": 55.0, "passed": False, "vetoed": False},
            "human": {"score": None, "passed": None, "vetoed": None},
            "holder": "李敏",
            "lock_expires_at": "2025-01-06T02:30:00Z",
            "reviewer": None,
            "appeal_until": None,
            "stale": False,
            "samples": ["一月抽检"],
            "hits": [_FINDING["rule_name"]],
        }
    ],
    "next_cursor": None,
}

VERDICT: dict[str, Any] = {
    "id": _VERDICT_ID,
    "rule": _FINDING["rule"],
    "rule_name": _FINDING["rule_name"],
    "ruleset": _FINDING["ruleset"],
    "machine_outcome": _FINDING["outcome"],
    "decision": "overturn",
    "outcome": "clear",
    "reason_code": "negated-or-quoted",
    "comment": "是在转述客户的话",
    "evidence": _FINDING["evidence"],
    "stage": "review",
    "standing": "current",
    "by": "limin",
    "at": "2025-01-06T02:05:00Z",
}

APPEAL: dict[str, Any] = {
    "id": APPEAL_ID,
    "call_id": CALL_ID,
    "state": "open",
    "rules": [_FINDING["rule"]],
    "reason": "客户先提出的，我只是复述",
    "opened_by": "zhangmin",
    "opened_at": "2025-01-07T01:00:00Z",
    "decided_by": None,
    "decided_at": None,
    "decision_comment": None,
}

DECIDED_APPEAL: dict[str, Any] = {
    **APPEAL,
    "state": "upheld",
    "decided_by": "wanggang",
    "decided_at": "2025-01-08T01:00:00Z",
    "decision_comment": "确为复述",
}

REVIEW: dict[str, Any] = {
    "call_id": CALL_ID,
    "state": "assigned",
    "version": 4,
    "holder": "李敏",
    "lock_expires_at": "2025-01-06T02:35:00Z",
    "reviewer": None,
    "reviewed_at": None,
    "comment": "",
    "appeal_until": None,
    "final_at": None,
    "stale": False,
    "machine_score": _FINDINGS["score"],
    "human_score": {**_FINDINGS["score"], "value": 100.0, "lines": [
        {"label": "起始分", "points": 100.0, "rule": ""}
    ]},
    "actions": ["take", "release", "judge", "submit"],
    "findings": [
        {"finding": _FINDING, "verdict": VERDICT, "sampled": True, "waiting": False}
    ],
    "appeals": [],
    "history": [VERDICT],
}  # fmt: skip

LOCK = {"take_over": False}
ASSIGNMENT = {"username": "limin"}
NEW_VERDICT = {
    "rule": _FINDING["rule"],
    "decision": "overturn",
    "reason_code": "negated-or-quoted",
    "comment": "是在转述客户的话",
    "version": 3,
}
SUBMISSION = {"comment": "开场不错，承诺要注意", "confirm_rest": False, "version": 4}
REOPENING = {"version": 6}
NEW_APPEAL = {"call_id": CALL_ID, "rules": [_FINDING["rule"]], "reason": APPEAL["reason"]}
DECISION = {"upheld": [_FINDING["rule"]], "comment": "确为复述"}
APPEALS = {
    "items": [
        {"appeal": APPEAL, "agent": "张敏", "team": "华东一组", "file_name": "张敏-0001.wav"}
    ],
    "next_cursor": None,
}
