"""Calls as files: what a path means, and the metadata that comes with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.transcript import Transcript
from cli.evaluation.ground_truth import (
    is_ground_truth,
    parse_ground_truth,
    read_json,
    reference_transcript,
)
from core.errors import AppError
from core.serial import from_json

AUDIO_SUFFIXES = frozenset(
    (
        *(".wav", ".mp3", ".m4a", ".aac", ".mp4", ".ogg", ".oga", ".opus", ".amr", ".flac"),
        *(".webm", ".al", ".ul", ".alaw", ".ulaw"),
    )
)


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call that came as text: its transcript, and its domain when the file names one.

    `metadata` are the fields of the call that rules and scorecards may look at.
    """

    transcript: Transcript
    domain: str
    metadata: Mapping[str, object] = field(default_factory=dict)


def find_calls(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The files that the given files and directories mean, in the order given, without repeats.

    A file is taken as it is. A directory gives its recordings (by suffix, in all depths, sorted),
    and its JSON files that have no recording of the same name beside them.

    Raises:
        AppError: `not-found` for a path that does not exist, or when nothing is left.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(_in_directory(path)))
        elif path.is_file():
            found[path] = None
        else:
            raise AppError("not-found", f"没有文件或目录 {path}。请检查路径。")
    if not found:
        raise AppError("not-found", "给出的目录里没有录音，也没有转写 JSON。请检查路径。")
    return tuple(found)


def _in_directory(directory: Path) -> list[Path]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    recordings = {path.with_suffix("") for path in files if is_recording(path)}
    return [
        path
        for path in files
        if is_recording(path) or (path.suffix == ".json" and path.with_suffix("") not in recordings)
    ]


def is_recording(path: Path) -> bool:
    """Whether a file's suffix is that of a recording."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def recording_beside(path: Path) -> Path | None:
    """The recording with the same name in the same directory, None when there is none."""
    for candidate in sorted(path.parent.glob(f"{_escaped(path.stem)}.*")):
        if candidate.stem == path.stem and is_recording(candidate):
            return candidate
    return None


def _escaped(stem: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)


def read_written_call(path: Path) -> WrittenCall:
    """The call in a JSON file: a transcript, an analysis that holds one, or a labelled call.

    Raises:
        AppError: `bad-document` naming the file and the wrong place.
    """
    document = read_json(path)
    if is_ground_truth(document):
        truth = parse_ground_truth(document, path.stem)
        return WrittenCall(reference_transcript(truth), truth.domain)
    domain, metadata = "", dict[str, object]()
    if isinstance(document, dict) and isinstance(document.get("transcript"), dict):
        call = document.get("call")
        domain = str(call.get("domain") or "") if isinstance(call, dict) else ""
        metadata = metadata_of(document, path)
        document = document["transcript"]
    return WrittenCall(from_json(Transcript, document, f"转写文件 {path} "), domain, metadata)


def metadata_of(document: Mapping[str, Any], path: Path) -> dict[str, object]:
    """The fields under `call.metadata` of a document: texts, numbers, truth values, or lists.

    Raises:
        AppError: `bad-document` naming the field that is something else.
    """
    call = document.get("call")
    given = call.get("metadata") if isinstance(call, dict) else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise AppError(
            "bad-document", f"{path} 的 call.metadata 应当是“字段: 取值”的 JSON 对象，请改正。"
        )
    for key, value in given.items():
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str | int | float | bool | None) for item in items):
            raise AppError(
                "bad-document",
                f"{path} 的 call.metadata.{key} 应当是文字、数字、真假或它们的列表，请改正。",
            )
    return given


def call_document(path: Path) -> dict[str, Any]:
    """The JSON object of a file.

    Raises:
        AppError: `bad-document` naming the file.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise AppError("bad-document", f"{path} 不是 JSON 对象。请给出 tingjian analyze 写的文件。")
    return document
