"""What an upload sends, and how the service's answers are read."""

import json
from pathlib import Path

import httpx
import pytest

from cli.client import ServiceClient
from cli.uploads import plan
from core.errors import AppError


def recording(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(b"RIFF")
    return path


def test_recordings_without_a_manifest_get_the_common_metadata(tmp_path: Path) -> None:
    path = recording(tmp_path, "a.wav")
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    [item] = plan([tmp_path], None, {"domain": "edu"})
    assert (item.files, item.metadata, item.row) == ((path,), {"domain": "edu"}, None)


def test_manifest_rows_name_recordings_and_their_metadata(tmp_path: Path) -> None:
    a, b, c = (recording(tmp_path, name) for name in ("a.wav", "b.wav", "c.wav"))
    manifest = tmp_path / "m.csv"
    manifest.write_text(
        "file,file_customer,坐席,started_at,domain\n"
        "a.wav,,林晓雯,2026-03-01 09:30:00,\n"
        "b.wav,c.wav,,,ins\n"
        "none.wav,,,,\n"
        "a.wav,,,不是时间,\n",
        encoding="utf-8",
    )
    first, pair, missing, bad = plan([], manifest, {"domain": "edu"})
    assert first.files == (a,)
    assert first.metadata == {
        "domain": "edu",
        "agent": "林晓雯",
        "started_at": "2026-03-01T09:30:00+08:00",
    }
    assert (pair.files, pair.metadata["domain"], pair.row) == ((b, c), "ins", 3)
    assert missing.error is not None
    assert missing.error.code == "file-missing"
    assert "第 4 行" in missing.error.message
    assert bad.error is not None
    assert bad.error.code == "bad-metadata"


def test_nothing_to_upload_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        plan([], None, {})
    assert caught.value.code == "not-found"
    with pytest.raises(AppError, match="清单"):
        plan([], tmp_path / "none.csv", {})


def client(handler) -> ServiceClient:
    made = ServiceClient("http://service", "tjk_x")
    made._http = httpx.Client(
        transport=httpx.MockTransport(handler), base_url="http://service/api/v1"
    )
    return made


def test_upload_sends_files_and_a_one_line_manifest(tmp_path: Path) -> None:
    seen: dict[str, bytes] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen["body"] = request.read()
        result = {"file": "a.wav", "row": 1, "status": "accepted", "call_id": "1", "error": None}
        return httpx.Response(200, json={"results": [result]})

    with client(answer) as service:
        result = service.upload([recording(tmp_path, "a.wav")], {"agent": "林晓雯"})
    assert result["status"] == "accepted"
    line = json.dumps({"agent": "林晓雯", "file": "a.wav"}, ensure_ascii=False).encode()
    assert line in seen["body"]
    assert b'filename="a.wav"' in seen["body"]


def test_the_services_own_error_is_passed_on() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        error = {"code": "unauthenticated", "message": "请先登录", "detail": {}}
        return httpx.Response(401, json={"error": error})

    with client(answer) as service, pytest.raises(AppError, match="请先登录") as caught:
        service.get("/calls")
    assert caught.value.code == "unauthenticated"


def test_something_else_that_answers_is_told() -> None:
    with (
        client(lambda _: httpx.Response(502, text="<html>")) as service,
        pytest.raises(AppError, match="502") as caught,
    ):
        service.get("/calls")
    assert caught.value.code == "server-error"


def test_a_service_that_is_not_there_is_told() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with client(refuse) as service, pytest.raises(AppError, match="tingjian up") as caught:
        service.get("/calls")
    assert caught.value.code == "server-unreachable"
    assert caught.value.retryable
