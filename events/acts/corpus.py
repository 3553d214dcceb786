"""Labelled telesales dialogues: the training corpus of the act model.

A file holds dialogues one after another, each a header line
`## a-01 | 职业教育 | style of both sides | outcome` and one line for each turn,
`坐: text #label #label !violation` (坐 = agent, 客 = customer). `corpus/GUIDELINE.md` says what the
labels mean.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from asr.transcript import Role
from core.errors import AppError
from events.acts.labels import LEAF_TO_ACT, VIOLATIONS, labels_of

OUTCOMES = ("won", "follow_up", "lost", "dnc", "complaint")
_SIDES: dict[str, Role] = {"坐": "agent", "客": "customer"}
_TURN = re.compile(r"([坐客])[:：]\s*(.+?)((?:\s+[#!]\S+)*)\s*")


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """One turn with its labels: full act paths, and names of violations."""

    role: Role
    text: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One call. `author` is the part of `name` before the dash; `style` describes both sides."""

    name: str
    industry: str
    style: str
    outcome: str
    turns: tuple[LabelledTurn, ...]

    @property
    def author(self) -> str:
        """Who wrote it; the corpus is split by author to measure generalisation."""
        return self.name.rsplit("-", 1)[0]


def parse_dialogues(text: str, source: str) -> tuple[Dialogue, ...]:
    """The dialogues of one corpus file.

    Raises:
        AppError: `bad-corpus` with file and line of the first mistake.
    """
    found: list[Dialogue] = []
    header: tuple[str, str, str, str] | None = None
    turns: list[LabelledTurn] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.startswith("## "):
            if header is not None:
                found.append(Dialogue(*header, tuple(turns)))
            header, turns = _header(line, source, number), []
        elif header is None:
            raise _mistake(source, number, "第一段对话缺少以 ## 开头的标题行")
        else:
            turns.append(_turn(line, source, number))
    if header is not None:
        found.append(Dialogue(*header, tuple(turns)))
    return tuple(found)


def load_corpus(folder: Path) -> tuple[Dialogue, ...]:
    """The dialogues of all `*.txt` files of a folder, sorted by file name.

    Raises:
        AppError: `bad-corpus` with file and line, or when two dialogues share a name.
    """
    found: dict[str, Dialogue] = {}
    for path in sorted(folder.glob("*.txt")):
        for dialogue in parse_dialogues(path.read_text(encoding="utf-8"), path.name):
            if dialogue.name in found:
                raise AppError("bad-corpus", f"{path.name}：对话 {dialogue.name} 重名，请改名。")
            found[dialogue.name] = dialogue
    return tuple(found.values())


def _header(line: str, source: str, number: int) -> tuple[str, str, str, str]:
    parts = [part.strip() for part in line[3:].split("|")]
    if len(parts) != 4 or not all(parts):
        raise _mistake(source, number, "标题行应为“## 编号 | 行业 | 风格 | 结果”")
    if parts[3] not in OUTCOMES:
        raise _mistake(source, number, f"结果 {parts[3]} 应是 {'、'.join(OUTCOMES)} 之一")
    return parts[0], parts[1], parts[2], parts[3]


def _turn(line: str, source: str, number: int) -> LabelledTurn:
    match = _TURN.fullmatch(line)
    if match is None:
        raise _mistake(source, number, "应以“坐:”或“客:”开头，后面是这一轮的话")
    role, text, marks = _SIDES[match[1]], match[2], match[3].split()
    if "#" in text or "!" in text:
        raise _mistake(source, number, "标签前要有空格，话里不能有半角的 # 和 !")
    labels = set()
    for mark in marks:
        label = LEAF_TO_ACT.get(mark[1:]) if mark[0] == "#" else mark[1:]
        if label not in labels_of(role) or (mark[0] == "!") != (label in VIOLATIONS):
            raise _mistake(source, number, f"这一方没有标签 {mark}")
        labels.add(label)
    return LabelledTurn(role, text, frozenset(label for label in labels if label))


def _mistake(source: str, line: int, message: str) -> AppError:
    return AppError(
        "bad-corpus",
        f"{source}:{line}: {message}。请改正这一行。",
        detail={"file": source, "line": line},
    )
