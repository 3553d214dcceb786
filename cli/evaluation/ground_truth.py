"""Labelled calls: `NAME.json` beside `NAME.flac`, and the transcript that a perfect ear gives."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from asr.text import normalise_numbers
from asr.transcript import ROLES, AudioFacts, EngineInfo, Role, Transcript, Utterance
from core.errors import AppError
from core.span import Span

REFERENCE_ENGINE = "reference"


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """One labelled turn: what was said when, its event paths and its violations."""

    role: Role
    channel: int
    text: str
    start_ms: int
    end_ms: int
    events: tuple[str, ...]
    violations: tuple[str, ...]

    @property
    def span(self) -> Span:
        """The turn's time."""
        return Span(self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """A labelled call. `turns` are sorted by start, then channel; `facts` is the whole document.

    `channels` is the role of each audio channel.
    """

    name: str
    domain: str
    channels: tuple[Role, ...]
    duration_ms: int
    sample_rate_hz: int
    turns: tuple[LabelledTurn, ...]
    facts: dict[str, Any]


def is_ground_truth(document: object) -> bool:
    """Whether a JSON document has the shape of a labelled call (and not of a transcript)."""
    return isinstance(document, dict) and isinstance(document.get("turns"), list)


def read_json(path: Path) -> object:
    """The document of a UTF-8 JSON file.

    Raises:
        AppError: `bad-document` naming the file, and the line of the mistake.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise AppError(
            "bad-document",
            f"{path}:{error.lineno}: 不是有效的 JSON（{error.msg}）。请改正这个文件。",
            detail={"file": str(path), "line": error.lineno},
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise AppError(
            "bad-document", f"读不了 {path}（{error}）。请给出 UTF-8 编码的 JSON 文件。"
        ) from error


def parse_ground_truth(document: object, name: str) -> GroundTruth:
    """The labelled call that a JSON document describes; `name` is used when it carries no id.

    Raises:
        AppError: `bad-document` naming the turn and the field that is wrong.
    """
    if not is_ground_truth(document):
        raise AppError(
            "bad-document", f"{name} 不是标注文件：没有列表 turns。请补上，格式见 docs/cli.md。"
        )
    facts = cast(dict[str, Any], document)
    channels = _channels(facts.get("channels", ["agent", "customer"]), name)
    turns = [
        _turn(item, channels, f"{name} 的 turns[{i}]") for i, item in enumerate(facts["turns"])
    ]
    turns.sort(key=lambda turn: (turn.start_ms, turn.channel))
    last_ms = max((turn.end_ms for turn in turns), default=0)
    return GroundTruth(
        name=str(facts.get("id") or name),
        domain=str(facts.get("domain") or ""),
        channels=channels,
        duration_ms=max(int(facts.get("duration_ms") or 0), last_ms),
        sample_rate_hz=int(facts.get("sample_rate_hz") or 0),
        turns=tuple(turns),
        facts=facts,
    )


def reference_transcript(truth: GroundTruth) -> Transcript:
    """The transcript of a perfect ear: one utterance per turn, utterance i being turn i."""
    return Transcript(
        audio=AudioFacts(
            duration_ms=truth.duration_ms,
            sample_rate_hz=truth.sample_rate_hz,
            channels=len(truth.channels),
            codec="",
            container="",
        ),
        engine=EngineInfo(engine=REFERENCE_ENGINE),
        utterances=tuple(
            Utterance(
                index=index,
                channel=turn.channel,
                role=turn.role,
                start_ms=turn.start_ms,
                end_ms=turn.end_ms,
                text=turn.text,
                normalised=normalise_numbers(turn.text).text,
            )
            for index, turn in enumerate(truth.turns)
        ),
    )


def _channels(value: object, name: str) -> tuple[Role, ...]:
    if not isinstance(value, list) or not value or any(role not in ROLES for role in value):
        raise AppError(
            "bad-document",
            f"{name}：channels 应列出每个声道的角色（{'、'.join(ROLES)}）。请改正。",
        )
    return tuple(value)


def _turn(item: object, channels: tuple[Role, ...], where: str) -> LabelledTurn:
    if not isinstance(item, dict):
        raise AppError("bad-document", f"{where} 不是对象。请改正。")
    role, text = item.get("role"), item.get("text")
    start, end = item.get("start_ms"), item.get("end_ms")
    if role not in ROLES or not isinstance(text, str):
        raise AppError(
            "bad-document", f"{where} 应有 role（{'、'.join(ROLES)}）和文字 text。请改正。"
        )
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end:
        raise AppError("bad-document", f"{where} 应有整数 0 ≤ start_ms ≤ end_ms。请改正。")
    return LabelledTurn(
        role=role,
        channel=channels.index(role) if role in channels else 0,
        text=text,
        start_ms=start,
        end_ms=end,
        events=_labels(item.get("events"), f"{where}.events"),
        violations=_labels(item.get("qa"), f"{where}.qa"),
    )


def _labels(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise AppError("bad-document", f"{where} 应是文字的列表。请改正。")
    return tuple(dict.fromkeys(value))
