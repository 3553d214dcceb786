"""Errors, headers, health: what holds for every request."""

import logging
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.app import create_app
from core.settings import Settings
from models.database import Database
from pipeline.storage import BlobStore


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing-here", 404, "not-found"),
        ("PUT", "/api/v1/calls", 405, "method-not-allowed"),
        ("GET", "/api/v1/calls/not-a-uuid", 422, "validation-failed"),
        ("GET", "/api/v1/calls?limit=0", 422, "validation-failed"),
        ("GET", "/api/v1/calls?state=weird", 422, "validation-failed"),
        ("GET", "/api/v1/calls?cursor=weird", 400, "bad-cursor"),
        ("GET", "/api/v1/calls?q=%00", 422, "validation-failed"),
        ("GET", "/api/v1/calls?node_state=a", 422, "validation-failed"),
        ("GET", "/api/v1/calls/019412d4-7c00-7a31-9c55-0a3f6f1f2b11", 404, "not-found"),
        ("POST", "/api/v1/calls", 400, "bad-multipart"),
        ("GET", "/api/v1/trees/没有", 404, "not-found"),
        ("GET", "/api/v1/sop/execution-rates?group_by=moon", 422, "validation-failed"),
        ("GET", "/api/v1/sop/execution-rates?timezone=Moon", 422, "validation-failed"),
    ],
)
async def test_every_error_has_one_shape(
    admin: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await admin.request(method, path)
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"code", "message", "detail"}
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["detail"], dict)


async def test_a_defect_is_a_500_of_the_same_shape_without_its_cause(
    app: FastAPI, admin: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/api/v1/broken")
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    with caplog.at_level(logging.ERROR):
        response = await admin.get("/api/v1/broken", headers={"X-Request-Id": "abc-12345"})
    assert response.status_code == 500
    error = response.json()["error"]
    assert error["code"] == "internal-error"
    assert error["detail"] == {"request_id": "abc-12345"}
    assert "hunter2" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "hunter2" in caplog.text


async def test_headers_on_every_answer(anonymous: httpx.AsyncClient) -> None:
    for path in ("/api/v1/health", "/api/v1/calls", "/api/v1/nothing"):
        headers = (await anonymous.get(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert len(headers["x-request-id"]) == 32
    kept = await anonymous.get("/api/v1/health", headers={"X-Request-Id": "from-the-proxy-1"})
    assert kept.headers["x-request-id"] == "from-the-proxy-1"
    replaced = await anonymous.get("/api/v1/health", headers={"X-Request-Id": "a b\tc<script>"})
    assert "<" not in replaced.headers["x-request-id"]


async def test_health_and_readiness_are_open(anonymous: httpx.AsyncClient) -> None:
    health = await anonymous.get("/api/v1/health")
    assert health.json()["status"] == "ok"
    ready = await anonymous.get("/api/v1/ready")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "queue": "ok", "storage": "ok"},
    }


async def test_an_unmigrated_database_is_not_ready(
    settings: Settings, fresh_database_url: str, store: BlobStore
) -> None:
    database = Database(fresh_database_url)
    async with database.session() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        await session.commit()
    app = create_app(settings, database, store)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://t.test"
    ) as client:
        response = await client.get("/api/v1/ready")
    await database.close()
    assert response.status_code == 503
    assert response.json()["status"] == "not-ready"
    assert response.json()["checks"]["migrations"] == "failed"
    assert response.json()["checks"]["database"] == "ok"


async def test_an_unreachable_database_is_a_503_and_tells_no_address(
    settings: Settings, store: BlobStore, tmp_path: Path
) -> None:
    database = Database(f"postgresql://nobody:secret-pw@/none?host={tmp_path}")
    app = create_app(settings, database, store)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://t.test"
    ) as client:
        ready = await client.get("/api/v1/ready")
        calls = await client.get("/api/v1/calls", headers={"Authorization": "Bearer tjk_a_b"})
    await database.close()
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "failed"
    assert calls.status_code == 503
    assert calls.json()["error"]["code"] == "database-unavailable"
    for response in (ready, calls):
        assert "secret-pw" not in response.text
        assert str(tmp_path) not in response.text


async def test_the_document_is_served_to_tools(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/api/v1/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.1")
