"""Examples of users, validated against the schemas by a contract test."""

from typing import Any

USER_ID = "019412d4-6a00-7b52-a1c4-6d2e8f0a9c33"

NEW_USER = {
    "username": "limin",
    "role": "manager",
    "display_name": "李敏",
    "teams": ["华东一组"],
}

CHANGE = {"role": "reviewer", "teams": [], "disabled": False}

USER: dict[str, Any] = {
    "id": USER_ID,
    **NEW_USER,
    "agent": None,
    "disabled": False,
    "created_at": "2025-01-06T09:30:00Z",
}

WITH_PASSWORD = {**USER, "password": "rX4mQ8tVw2LbZ9aK"}

CHANGED = {**USER, **CHANGE, "password": None}

USERS = {"items": [USER]}
