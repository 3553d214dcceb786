"""Commands that hear recordings, with the real weights."""

import json
from pathlib import Path

import pytest
from service_process import CLIPS, tingjian

from cli.commands.analyze import KEYS

FIXTURES = CLIPS.parent


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def test_analyze_writes_one_file_for_each_good_recording(data_dir: Path, tmp_path: Path) -> None:
    files = [CLIPS / name for name in ("stereo.flac", "text.mp3", "empty.wav", "short-200ms.wav")]
    result = tingjian(data_dir, "analyze", *files, "--out", tmp_path, "--domain", "edu", "--json")
    assert result.returncode == 1, result.stderr
    report = json.loads(result.stdout)
    assert (report["done"], report["failed"]) == (2, 2)
    errors = {Path(c["file"]).name: c["error"] for c in report["calls"] if c["status"] == "failed"}
    assert set(errors) == {"text.mp3", "empty.wav"}
    assert all(error["code"] and error["message"] for error in errors.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short-200ms.json", "stereo.json"]
    document = json.loads((tmp_path / "stereo.json").read_text(encoding="utf-8"))
    assert tuple(document) == KEYS
    assert document["call"]["channels"] == ["agent", "customer"]
    assert document["transcript"]["utterances"]
    assert document["versions"]["tree"].startswith("职业教育@")


def test_channels_may_be_swapped(data_dir: Path, tmp_path: Path) -> None:
    result = tingjian(
        data_dir,
        "analyze",
        CLIPS / "stereo.flac",
        "--out",
        tmp_path,
        "--channels",
        "customer,agent",
    )
    assert result.returncode == 0, result.stderr
    document = json.loads((tmp_path / "stereo.json").read_text(encoding="utf-8"))
    assert document["call"]["channels"] == ["customer", "agent"]


def test_transcribe_prints_text_and_writes_subtitles(data_dir: Path, tmp_path: Path) -> None:
    text = tingjian(data_dir, "transcribe", CLIPS / "stereo.flac")
    assert text.returncode == 0, text.stderr
    assert text.stdout.startswith("[00:")
    srt = tingjian(
        data_dir, "transcribe", CLIPS / "stereo.flac", "--format", "srt", "--out", tmp_path
    )
    assert srt.returncode == 0, srt.stderr
    assert (tmp_path / "stereo.srt").read_text(encoding="utf-8").startswith("1\n00:00:")


def test_missing_weights_are_one_error_of_the_environment(data_dir: Path, tmp_path: Path) -> None:
    result = tingjian(data_dir, "weights", "verify", "no-such-weights")
    assert result.returncode == 3
    assert result.stderr.splitlines()[-1].startswith("错误 [weights-missing]")


def test_weights_are_verified(data_dir: Path) -> None:
    result = tingjian(data_dir, "weights", "verify", "--json")
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["sha256"]) == 64


def test_evaluation_of_one_call_has_every_key(data_dir: Path, tmp_path: Path) -> None:
    for suffix in (".json", ".flac"):
        source = FIXTURES / f"dev-ins-03{suffix}"
        (tmp_path / source.name).symlink_to(source)
    (tmp_path / "alone.json").write_text('{"turns": []}', encoding="utf-8")
    (tmp_path / "other.json").write_text('{"a": 1}', encoding="utf-8")
    result = tingjian(data_dir, "evaluate", tmp_path, "--json")
    assert result.returncode == 1, result.stderr
    report = json.loads(result.stdout)
    assert report["calls"] == 1
    assert [failure["file"] for failure in report["failed"]] == ["alone.json"]
    assert report["x_realtime"] > 0
    assert report["audio_seconds"] > 60
    assert 0 < report["cer"]["all"] < 0.6
    assert set(report["cer"]) == {"all", "agent", "customer"}
    for kind, each in (("events", "per_node"), ("qa", "per_rule")):
        for text in ("reference_text", "recognised_text"):
            scores = report[kind][text]
            assert {"precision", "recall", "f1"} <= set(scores["micro"])
            assert scores[each]
    assert report["events"]["reference_text"]["macro_f1"] > 0.3
    assert 0 < report["sop_state_accuracy"] <= 1


@pytest.fixture
def one_call(tmp_path: Path) -> Path:
    for suffix in (".json", ".flac"):
        source = FIXTURES / f"dev-edu-04{suffix}"
        (tmp_path / source.name).symlink_to(source)
    return tmp_path


def test_evaluation_lists_every_node_worst_first(data_dir: Path, one_call: Path) -> None:
    labels = json.loads((one_call / "dev-edu-04.json").read_text(encoding="utf-8"))
    labelled = {name.split("/")[-1] for turn in labels["turns"] for name in turn["events"]}
    result = tingjian(data_dir, "evaluate", one_call, "--text-only")
    assert result.returncode == 0, result.stderr
    rows = [line.split("│") for line in result.stdout.splitlines() if line.startswith("│")]
    nodes = [row for row in rows if "/" in row[1]]
    assert labelled <= {row[1].strip().split("/")[-1] for row in nodes}
    errors = [int(row[6]) + int(row[7]) for row in nodes]
    assert errors == sorted(errors, reverse=True)


def test_evaluation_of_a_call_mixed_down_tells_its_speakers_apart(
    data_dir: Path, one_call: Path
) -> None:
    result = tingjian(data_dir, "evaluate", one_call, "--mono", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["calls"] == 1
    mono = report["mono"]
    assert set(mono) == {"der", "confusion", "role_accuracy_time", "role_accuracy_utterances"}
    assert 0 <= mono["confusion"] <= mono["der"] < 0.2
    assert 0.9 < mono["role_accuracy_time"] <= 1
    assert 0.9 < mono["role_accuracy_utterances"] <= 1
    # Words are given to the right side: each side's text is compared with its own labels.
    assert 0 < report["cer"]["all"] < 0.35


def test_the_vocabulary_report_counts_what_correction_does(data_dir: Path, one_call: Path) -> None:
    terms = one_call / "terms.txt"
    terms.write_text("健康管理师  # 课程\nVIP\n", encoding="utf-8")
    result = tingjian(data_dir, "vocab", "report", one_call, "--terms", terms, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["calls"] == 1
    assert report["terms"]["ignored"] == ["VIP"]
    before, after = report["cer"]["before"], report["cer"]["after"]
    assert set(before) == set(after) == {"all", "agent", "customer"}
    assert 0 < after["all"] <= before["all"] < 0.4
    assert sum(report["verdicts"].values()) == len(report["replacements"])
    assert report["harmful"] is False
    assert report["on_reference"] == {"characters": 332, "false": []}
