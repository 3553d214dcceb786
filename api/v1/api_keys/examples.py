"""Examples of API keys, validated against the schemas by a contract test."""

API_KEY_ID = "019412d4-7c00-7a31-9c55-0a3f6f1f2b11"

NEW_API_KEY = {"name": "外呼平台", "scopes": ["read", "write"]}

API_KEY = {
    "id": API_KEY_ID,
    "name": "外呼平台",
    "prefix": "Qm3xT8aZ",
    "scopes": ["read", "write"],
    "created_at": "2025-01-06T09:30:00Z",
    "last_used_at": None,
}

CREATED_API_KEY = {**API_KEY, "key": "tjk_Qm3xT8aZ_" + "x" * 40}

API_KEYS = {"items": [API_KEY]}
