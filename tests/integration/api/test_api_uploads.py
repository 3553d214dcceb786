import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from core.settings import ApiSettings, Settings
from models.database import Database


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"api": ApiSettings(max_upload_mb=1)})


def wav(seed: int = 0) -> bytes:
    """Bytes that are somebody's recording; nobody decodes them here."""
    return b"RIFF" + bytes([seed % 256, seed // 256]) * 500


def files(*named: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("files", (name, content, "audio/wav")) for name, content in named]


async def upload(
    client: httpx.AsyncClient,
    *named: tuple[str, bytes],
    manifest: bytes | None = None,
    manifest_name: str = "manifest.csv",
    metadata: dict[str, Any] | None = None,
    dry_run: bool = False,
) -> Any:
    parts: list[Any] = files(*named)
    if manifest is not None:
        parts.append(("manifest", (manifest_name, manifest, "text/csv")))
    data = {"metadata": json.dumps(metadata, ensure_ascii=False)} if metadata is not None else {}
    response = await client.post(
        "/api/v1/calls", files=parts or None, data=data, params={"dry_run": dry_run}
    )
    assert response.status_code == 200, response.text
    return response.json()


async def jobs(database: Database) -> list[str]:
    async with database.session() as session:
        rows = await session.execute(
            text("SELECT args->>'call_id' FROM procrastinate_jobs ORDER BY id")
        )
        return [row[0] for row in rows]


async def test_many_files_become_calls_with_their_jobs(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    result = await upload(
        admin,
        ("张敏-0001.wav", wav(1)),
        ("b.mp3", wav(2)),
        metadata={"agent": "张敏", "started_at": "2025-01-06 09:30", "fields": {"等级": "A"}},
    )
    assert (result["accepted"], result["rejected"], result["duplicates"]) == (2, 0, 0)
    ids = [item["call_id"] for item in result["results"]]
    assert await jobs(seeded) == ids
    call = (await admin.get(f"/api/v1/calls/{ids[0]}")).json()
    assert call["state"] == "received"
    assert call["file_name"] == "张敏-0001.wav"
    assert call["metadata"]["agent"] == "张敏"
    assert call["metadata"]["fields"] == {"等级": "A"}
    assert call["metadata"]["started_at"].startswith("2025-01-06T01:30:00")
    assert call["audio"]["files"][0]["media_type"] == "audio/wav"
    assert call["audio"]["files"][0]["size_bytes"] == len(wav(1))
    assert call["score"] is None
    assert call["sop"] is None


async def test_the_same_recording_again_is_the_same_call(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    first = await upload(admin, ("a.wav", wav(1)), metadata={"external_id": "X1", "source": "cc"})
    again = await upload(admin, ("a.wav", wav(1)), metadata={"external_id": "X1", "source": "cc"})
    renamed = await upload(admin, ("renamed.wav", wav(1)))
    both = await upload(admin, ("c.wav", wav(3)), ("d.wav", wav(3)))
    assert first["results"][0]["status"] == "accepted"
    for result in (again, renamed):
        assert result["results"][0]["status"] == "duplicate"
        assert result["results"][0]["call_id"] == first["results"][0]["call_id"]
    assert [item["status"] for item in both["results"]] == ["accepted", "duplicate"]
    assert len(await jobs(seeded)) == 2


async def test_a_bad_row_is_told_and_stops_no_other(
    admin: httpx.AsyncClient, seeded: Database
) -> None:
    manifest = (
        "file,坐席,方向,started_at,等级\n"
        "a.wav,张敏,呼出,2025/1/6 9:30,A\n"
        "b.wav,李雷,打出,2025-01-06,B\n"
        "missing.wav,李雷,呼出,,\n"
        "c.wav,王芳,呼入,昨天,\n"
        "d.wav,王芳,呼入,,\n"
        "empty.wav,王芳,呼入,,\n"
    ).encode("gb18030")
    result = await upload(
        admin,
        ("d.wav", wav(4)),
        ("a.wav", wav(1)),
        ("b.wav", wav(2)),
        ("c.wav", wav(3)),
        ("extra.wav", wav(5)),
        ("empty.wav", b""),
        manifest=manifest,
    )
    rows = {(item["row"], item["file"]): item for item in result["results"]}
    assert (result["accepted"], result["rejected"]) == (2, 5)
    assert rows[2, "a.wav"]["status"] == "accepted"
    assert rows[6, "d.wav"]["status"] == "accepted"
    direction = rows[3, "b.wav"]["error"]
    assert direction["code"] == "bad-metadata"
    assert direction["detail"] == {"row": 3, "column": "方向", "value": "打出"}
    assert "第 3 行" in direction["message"]
    assert "outbound" in direction["message"]
    assert rows[4, "missing.wav"]["error"]["code"] == "file-missing"
    assert rows[5, "c.wav"]["error"]["detail"]["column"] == "started_at"
    assert rows[7, "empty.wav"]["error"]["code"] == "empty-file"
    assert rows[None, "extra.wav"]["error"]["code"] == "not-in-manifest"
    call = (await admin.get(f"/api/v1/calls/{rows[2, 'a.wav']['call_id']}")).json()
    assert call["metadata"]["agent"] == "张敏"
    assert call["metadata"]["direction"] == "outbound"
    assert call["metadata"]["fields"] == {"等级": "A"}
    assert len(await jobs(seeded)) == 2


async def test_a_dry_run_stores_nothing(
    admin: httpx.AsyncClient, seeded: Database, settings: Settings
) -> None:
    stored = await upload(admin, ("z.wav", wav(9)), metadata={"external_id": "Z", "source": "cc"})
    before = sorted((settings.data_dir / "audio").rglob("*"))
    manifest = b"file,external_id,source\na.wav,A,cc\nz.wav,Z,cc\nb.wav,B,cc\n,C,cc\n"
    rows_only = await upload(admin, manifest=manifest, dry_run=True)
    assert [item["status"] for item in rows_only["results"]] == [
        "valid",
        "duplicate",
        "valid",
        "rejected",
    ]
    assert rows_only["results"][1]["call_id"] == stored["results"][0]["call_id"]
    assert rows_only["dry_run"] is True
    with_files = await upload(admin, ("a.wav", wav(1)), manifest=manifest, dry_run=True)
    assert [item["status"] for item in with_files["results"]] == [
        "valid",
        "rejected",
        "rejected",
        "rejected",
    ]
    assert len(await jobs(seeded)) == 1
    assert sorted((settings.data_dir / "audio").rglob("*")) == before


async def test_a_file_over_the_limit_is_refused_and_the_rest_goes_on(
    admin: httpx.AsyncClient,
) -> None:
    big = b"x" * ((1 << 20) + 1)
    result = await upload(admin, ("big.wav", big), ("ok.wav", wav(1)), ("just.wav", big[:-1]))
    assert [item["status"] for item in result["results"]] == ["rejected", "accepted", "accepted"]
    error = result["results"][0]["error"]
    assert error["code"] == "file-too-large"
    assert error["detail"] == {"max_bytes": 1 << 20}
    assert "big.wav" in error["message"]


async def test_two_mono_files_are_one_call(admin: httpx.AsyncClient) -> None:
    manifest = '{"file": "a.wav", "file_customer": "c.wav", "agent": "张敏"}\n'.encode()
    result = await upload(
        admin,
        ("c.wav", wav(2)),
        ("a.wav", wav(1)),
        manifest=manifest,
        manifest_name="rows.jsonl",
    )
    assert result["accepted"] == 1
    call = (await admin.get(f"/api/v1/calls/{result['results'][0]['call_id']}")).json()
    assert [file["file_name"] for file in call["audio"]["files"]] == ["a.wav", "c.wav"]
    assert call["metadata"]["roles"] == ["agent", "customer"]


async def test_a_zip_is_unpacked_without_its_paths(
    admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/a.wav", wav(1))
        archive.writestr("文件夹/张敏.wav", wav(2))
        archive.writestr("__MACOSX/._a.wav", b"fork")
        archive.writestr("silent.wav", b"\0" * (1 << 22))
    result = await upload(admin, ("all.zip", packed.getvalue()), ("bad.zip", b"PK not a zip"))
    by_name = {item["file"]: item for item in result["results"]}
    assert set(by_name) == {"a.wav", "张敏.wav", "silent.wav", "bad.zip"}
    assert by_name["a.wav"]["status"] == by_name["张敏.wav"]["status"] == "accepted"
    assert by_name["silent.wav"]["error"]["code"] == "file-too-large"
    assert by_name["bad.zip"]["error"]["code"] == "bad-archive"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"metadata": "{oops"}, "bad-metadata"),
        ({"metadata": "[1]"}, "bad-metadata"),
        ({"metadata": '{"direction": "打出"}'}, "bad-metadata"),
        ({"manifest": "录音名\na.wav\n"}, "bad-manifest"),
        ({"manifest": "file,file\na.wav,b.wav\n"}, "bad-manifest"),
        ({"manifest": "file\n"}, "bad-manifest"),
        ({"metadata": json.dumps({"agent": "a\x00b"})}, "bad-metadata"),
        ({"metadata": json.dumps({"fields": {"k": ["\ud800"]}})}, "bad-metadata"),
        ({"metadata": '{"fields": {"k": NaN}}'}, "bad-metadata"),
    ],
)
async def test_what_concerns_the_whole_upload_is_an_error_of_the_request(
    admin: httpx.AsyncClient, data: dict[str, str], code: str
) -> None:
    response = await admin.post("/api/v1/calls", files=files(("a.wav", wav())), data=data)
    assert response.status_code == 422, response.text
    assert response.json()["error"]["code"] == code


async def test_nothing_to_take_in(admin: httpx.AsyncClient) -> None:
    response = await admin.post("/api/v1/calls", files={"other": ("a.wav", b"x")})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad-request"


@pytest.mark.parametrize(
    "body",
    [
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\ncut',
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"not a form at all",
        b"",
    ],
)
async def test_a_broken_form_is_one_error(admin: httpx.AsyncClient, body: bytes) -> None:
    response = await admin.post(
        "/api/v1/calls", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad-multipart"
    assert (await admin.get("/api/v1/calls")).json()["items"] == []


async def test_file_names_in_gbk_and_rfc5987(admin: httpx.AsyncClient) -> None:
    def part(disposition: bytes, content: bytes) -> bytes:
        return (
            b"--b\r\nContent-Disposition: form-data; name=\"files\"; " + disposition + b"\r\n\r\n"
            + content + b"\r\n"
        )  # fmt: skip

    body = (
        part(b'filename="' + "录音一.wav".encode("gb18030") + b'"', wav(1))
        + part(b"filename*=utf-8''%E5%BD%95%E9%9F%B3%E4%BA%8C.wav", wav(2))
        + part(b'filename="C:\\recordings\\' + "三.wav".encode() + b'"', wav(3))
        + b"--b--\r\n"
    )
    response = await admin.post(
        "/api/v1/calls", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert [item["file"] for item in response.json()["results"]] == [
        "录音一.wav",
        "录音二.wav",
        "三.wav",
    ]
    assert response.json()["accepted"] == 3


async def test_managers_upload_for_their_own_teams(as_user) -> None:
    one = await as_user(role="manager", teams=["甲组"])
    two = await as_user(role="manager", teams=["甲组", "乙组"])
    filled = await upload(one, ("a.wav", wav(1)))
    call = (await one.get(f"/api/v1/calls/{filled['results'][0]['call_id']}")).json()
    assert call["metadata"]["team"] == "甲组"
    unclear = await upload(two, ("b.wav", wav(2)))
    assert unclear["results"][0]["error"]["code"] == "out-of-scope"
    foreign = await upload(one, ("c.wav", wav(3)), metadata={"team": "乙组"})
    assert foreign["results"][0]["error"]["code"] == "out-of-scope"
    # Somebody else's recording: known, but not shown.
    await upload(two, ("d.wav", wav(4)), metadata={"team": "乙组"})
    known = await upload(one, ("d.wav", wav(4)))
    assert known["results"][0]["status"] == "duplicate"
    assert known["results"][0]["call_id"] is None
