"""Ids, errors, the JSON codec, settings and log lines."""

import hashlib
import json
import logging
import pickle
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance, Word
from core.errors import AppError, LintIssue
from core.ids import first_id_at, id_time_ms, new_id, sha256_file, sha256_text
from core.logging import JsonFormatter, TextFormatter
from core.serial import from_json, to_json
from core.settings import Settings


@given(st.integers(0, (1 << 48) - 1))
def test_id_is_a_version_7_uuid_that_carries_its_time(at_ms: int) -> None:
    identifier = new_id(at_ms)
    assert (identifier.version, identifier.variant) == (7, uuid.RFC_4122)
    assert id_time_ms(identifier) == at_ms
    assert first_id_at(at_ms) <= identifier
    if at_ms < (1 << 48) - 1:
        assert identifier < first_id_at(at_ms + 1)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({new_id(1_700_000_000_000) for _ in range(1000)}) == 1000


def test_hashes_are_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes("听鉴".encode() * 100_000)
    assert sha256_file(path, chunk_bytes=1000) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256_text("听鉴") == hashlib.sha256("听鉴".encode()).hexdigest()


def test_app_error_survives_a_process_border() -> None:
    error = AppError("bad-audio", "坏文件", retryable=True, detail={"file": "a.wav"})
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.message, copy.retryable, copy.detail) == (
        "bad-audio",
        "坏文件",
        True,
        {"file": "a.wav"},
    )


def test_lint_issue_reads_like_a_compiler_message() -> None:
    issue = LintIssue("error", "unknown-node", "No node 甲.", "Use 乙.", "a.yaml", 3, 7)
    assert str(issue) == "a.yaml:3:7: error [unknown-node] No node 甲. Use 乙."
    assert str(LintIssue("warning", "x", "M.", "F.")) == "warning [x] M. F."


def _transcript() -> Transcript:
    word = Word("您好", 0, 400, 0.9)
    utterance = Utterance(0, 0, "agent", 0, 400, "您好", "您好", (word,), 0.9)
    return Transcript(AudioFacts(1000, 8000, 2, "flac", "flac"), EngineInfo("x"), (utterance,))


def test_values_round_trip_through_json() -> None:
    transcript = _transcript()
    text = json.dumps(to_json(transcript), ensure_ascii=False)
    assert from_json(Transcript, json.loads(text)) == transcript


def test_bad_json_names_the_place() -> None:
    data = to_json(_transcript())
    data["utterances"][0]["start_ms"] = "soon"
    with pytest.raises(AppError) as caught:
        from_json(Transcript, data, "transcript")
    assert caught.value.code == "bad-document"
    assert "utterances.0.start_ms" in caught.value.message


def test_roles_can_be_swapped() -> None:
    swapped = _transcript().with_roles(("customer", "agent"))
    assert [u.role for u in swapped.utterances] == ["customer"]
    assert [u.role for u in _transcript().with_roles(()).utterances] == ["unknown"]


def test_settings_read_nested_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINGJIAN_ASR__BEAM_SIZE", "3")
    monkeypatch.setenv("TINGJIAN_DATA_DIR", "somewhere")
    settings = Settings()
    assert settings.asr.beam_size == 3
    assert settings.data_dir == Path("somewhere")


def test_log_lines_carry_their_extras() -> None:
    record = logging.LogRecord("tingjian.x", logging.INFO, "f", 1, "hello %s", ("you",), None)
    record.call_id = "c1"
    line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["call_id"], line["level"]) == ("hello you", "c1", "info")
    assert TextFormatter().format(record).endswith("hello you call_id=c1")


def test_log_lines_leave_out_the_coloured_copy_of_a_message() -> None:
    record = logging.LogRecord("uvicorn.error", logging.INFO, "", 0, "Started %s", ("x",), None)
    record.color_message = "Started \x1b[36mx\x1b[0m"
    record.port = 8000
    line = TextFormatter().format(record)
    assert line.endswith("Started x port=8000")
    assert "color_message" not in json.loads(JsonFormatter().format(record))
