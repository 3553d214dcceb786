"""Examples of health and readiness, validated against the schemas by a contract test."""

HEALTH = {"status": "ok", "version": "0.1.0"}

READY = {
    "status": "ready",
    "checks": {"database": "ok", "migrations": "ok", "queue": "ok", "storage": "ok"},
}

NOT_READY = {
    "status": "not-ready",
    "checks": {"database": "ok", "migrations": "failed", "queue": "ok", "storage": "ok"},
}
