"""Files in and out: what paths mean, output names, subtitles, exit codes, progress."""

import json
from pathlib import Path

import pytest

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from cli.calls import find_calls, read_written_call, recording_beside
from cli.console import error_json, print_error, steps
from cli.exits import Exit, exit_code
from cli.outputs import free_names, write_text
from cli.subtitles import as_srt, as_text, clock
from core.errors import AppError
from core.serial import to_json

TRANSCRIPT = Transcript(
    AudioFacts(5_000, 8000, 2, "flac", "flac"),
    EngineInfo("x"),
    (
        Utterance(0, 0, "agent", 1_234, 2_000, "您好", "您好"),
        Utterance(1, 1, "customer", 3_723_004, 3_724_000, "喂", "喂"),
    ),
)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_directory_means_recordings_and_lone_json(tmp_path: Path) -> None:
    for name in ("b.flac", "b.json", "a.WAV", "c.json", "notes.txt", "deep/d.mp3"):
        touch(tmp_path / name)
    found = [path.relative_to(tmp_path).as_posix() for path in find_calls([tmp_path])]
    assert found == ["a.WAV", "b.flac", "c.json", "deep/d.mp3"]


def test_a_named_file_is_taken_as_it_is_and_once(tmp_path: Path) -> None:
    odd = touch(tmp_path / "notes.txt")
    assert find_calls([odd, odd]) == (odd,)


def test_a_missing_path_and_an_empty_directory_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(AppError) as caught:
            find_calls([path])
        assert caught.value.code == "not-found"


def test_the_recording_beside_a_label_file(tmp_path: Path) -> None:
    touch(tmp_path / "a[1].flac")
    touch(tmp_path / "a[1].txt")
    touch(tmp_path / "a.flac.wav")
    assert recording_beside(tmp_path / "a[1].json") == tmp_path / "a[1].flac"
    assert recording_beside(tmp_path / "a.json") is None


def test_a_transcript_and_a_whole_result_can_be_read_back(tmp_path: Path) -> None:
    plain, whole = tmp_path / "t.json", tmp_path / "r.json"
    plain.write_text(json.dumps(to_json(TRANSCRIPT)), encoding="utf-8")
    result = {"call": {"domain": "edu"}, "transcript": to_json(TRANSCRIPT)}
    whole.write_text(json.dumps(result), encoding="utf-8")
    assert read_written_call(plain).transcript == TRANSCRIPT
    assert read_written_call(whole).transcript == TRANSCRIPT
    assert read_written_call(whole).domain == "edu"


def test_json_that_is_no_call_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(AppError) as caught:
        read_written_call(path)
    assert caught.value.code == "bad-document"
    assert "t.json" in caught.value.message


def test_output_names_do_not_collide() -> None:
    paths = [Path("x/a.wav"), Path("y/a.wav"), Path("a.mp3"), Path("b.wav")]
    assert list(free_names(paths, ".json").values()) == [
        "a.json",
        "a-2.json",
        "a-3.json",
        "b.json",
    ]


def test_writing_makes_the_directory_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.json", "好")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]


def test_writing_where_it_is_impossible_names_the_fix(tmp_path: Path) -> None:
    touch(tmp_path / "file")
    with pytest.raises(AppError, match="--out") as caught:
        write_text(tmp_path / "file" / "a.json", "x")
    assert caught.value.code == "cannot-write"


@pytest.mark.parametrize(
    ("ms", "shown"), [(0, "00:00.0"), (1_299, "00:01.2"), (3_723_004, "1:02:03.0")]
)
def test_clock(ms: int, shown: str) -> None:
    assert clock(ms) == shown


def test_text_has_a_line_for_each_utterance() -> None:
    assert as_text(TRANSCRIPT) == "[00:01.2] 坐席: 您好\n[1:02:03.0] 客户: 喂\n"


def test_srt_is_numbered_and_timed() -> None:
    assert as_srt(TRANSCRIPT) == (
        "1\n00:00:01,234 --> 00:00:02,000\n坐席: 您好\n\n"
        "2\n01:02:03,004 --> 01:02:04,000\n客户: 喂\n"
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("weights-missing", Exit.ENVIRONMENT),
        ("extra-missing", Exit.ENVIRONMENT),
        ("database-start-failed", Exit.ENVIRONMENT),
        ("port-in-use", Exit.ENVIRONMENT),
        ("server-unreachable", Exit.ENVIRONMENT),
        ("bad-tree", Exit.BAD_INPUT),
        ("not-found", Exit.BAD_INPUT),
    ],
)
def test_exit_codes(code: str, status: Exit) -> None:
    assert exit_code(AppError(code, "x")) is status


def test_an_error_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(AppError("bad-tree", "第一行\n第二行 [bold]"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "错误 [bad-tree] 第一行 第二行 [bold]\n"


def test_error_json_has_the_shape_of_the_api() -> None:
    error = AppError("a", "b", detail={"c": 1})
    assert error_json(error) == {"code": "a", "message": "b", "detail": {"c": 1}}


def test_progress_without_a_terminal_speaks_only_after_a_while(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("cli.console.time.monotonic", lambda: now[0])
    with steps("转写", 3) as progress:
        progress.finish("a")
        now[0] = 2.5
        progress.share("b", 0.5)
        progress.finish("b")
        now[0] = 5.0
        progress.finish("c")
    assert capsys.readouterr().err.splitlines() == ["转写 2/3 b 50%", "转写 3/3 c"]


def test_the_fields_of_a_call_are_read_with_it(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    fields = {"team": "一部", "size": 3, "tags": ["新", "重点"]}
    call = {"domain": "edu", "metadata": fields}
    path.write_text(json.dumps({"call": call, "transcript": to_json(TRANSCRIPT)}), encoding="utf-8")
    assert read_written_call(path).metadata == fields


@pytest.mark.parametrize("metadata", [["team"], {"team": {"name": "一部"}}, {"team": [["一部"]]}])
def test_fields_that_are_no_values_are_refused(tmp_path: Path, metadata: object) -> None:
    path = tmp_path / "t.json"
    document = {"call": {"metadata": metadata}, "transcript": to_json(TRANSCRIPT)}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(AppError, match=r"call\.metadata") as caught:
        read_written_call(path)
    assert caught.value.code == "bad-document"
