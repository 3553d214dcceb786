"""Calls written by hand, labelled with the rules that they break: files, splits, transcripts.

The format is told in `rule_calls/README.md`. Reading is strict: a mistake names file and line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NoReturn

from asr.text import normalise_numbers
from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from core.errors import AppError
from qa_rules.documents.rule_sets import load_pack, pack_names

FOLDER = Path(__file__).parent / "rule_calls"

Split = Literal["dev", "test"]
AUTHORS: dict[Split, str] = {"dev": "abcdeuvwxy", "test": "pqrst"}
"""The letters of the files of each split; an author may have written several."""

NOT_LABELLED = frozenset(
    {
        "agent-dominates",
        "call-too-short",
        "interruption",
        "interrupts-often",
        "long-monologue",
        "long-silence",
        "repeats-pitch",
        "shouting",
        "slow-opening",
        "speaking-too-fast",
    }
)
"""Rules of time, loudness and repetition: what they judge cannot be written down as dialogue."""

CHAR_MS = 200
PAUSE_MS = 400
SHORTEST_CALL_MS = 61_000

_HEADER = re.compile(r"^##\s*(?P<rest>.*)$")
_ID = re.compile(r"^[a-z]{1,3}-\d{2,3}$")
_SPEAKERS: dict[str, Role] = {"坐": "agent", "客": "customer"}
_MOST_TURNS = 80


@dataclass(frozen=True, slots=True)
class RuleCall:
    """One labelled call: `hits` are the rules that it breaks, `unsure` those not to be counted."""

    id: str
    pack: str
    split: Split
    situation: str
    hits: frozenset[str]
    unsure: frozenset[str]
    turns: tuple[tuple[Role, str], ...]

    def transcript(self) -> Transcript:
        """The call as a perfect ear hears it on two channels, at a fixed rate of speech.

        Every character takes 200 ms, every pause 400 ms; a call is at least 61 s long.
        """
        utterances, clock = [], 0
        for index, (role, text) in enumerate(self.turns):
            end = clock + CHAR_MS * len(text)
            channel = 0 if role == "agent" else 1
            heard = normalise_numbers(text).text
            utterances.append(Utterance(index, channel, role, clock, end, text, heard))
            clock = end + PAUSE_MS
        audio = AudioFacts(max(clock, SHORTEST_CALL_MS), 8000, 2, "none", "none")
        return Transcript(audio, EngineInfo("reference"), tuple(utterances))


@lru_cache(maxsize=16)
def labelled_rules(pack: str) -> frozenset[str]:
    """The ids of the rules of a pack that the calls are labelled with."""
    return frozenset(rule.id for rule in load_pack(pack).rules) - NOT_LABELLED


def load_calls(split: Split | None = None, folder: Path = FOLDER) -> tuple[RuleCall, ...]:
    """The calls of a split, or of both, sorted by file name and then as they stand in the file.

    Only with both is an id that occurs in both found out.

    Raises:
        AppError: `bad-document` naming file and line: a name without pack and author, an unknown
            pack or rule, an id used twice, a line that is neither header nor speech.
    """
    found: list[RuleCall] = []
    seen: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        pack, mine = _named(path)
        if split not in (None, mine):
            continue
        for line, call in _read(path, pack, mine):
            where = f"{path.name}:{line}"
            if call.id in seen:
                _refuse(path, line, f"编号 {call.id} 在 {seen[call.id]} 用过了。请换一个")
            seen[call.id] = where
            found.append(call)
    return tuple(found)


def _named(path: Path) -> tuple[str, Split]:
    """The pack and the split that a file name tells."""
    pack, _, author = path.stem.rpartition("-")
    if pack not in pack_names():
        _refuse(path, 1, f"文件名里的规则包“{pack}”不存在。请用：{'、'.join(pack_names())}")
    splits = {letter: split for split, letters in AUTHORS.items() for letter in letters}
    if author not in splits:
        _refuse(path, 1, f"文件名里的作者“{author}”不认识。请用一个字母：{'、'.join(splits)}")
    return pack, splits[author]


def _read(path: Path, pack: str, split: Split) -> Iterator[tuple[int, RuleCall]]:
    """The calls of a file, each with the line of its header."""
    start, head, turns = 0, "", list[tuple[Role, str]]()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        _refuse(path, 1, "不是 UTF-8 编码。请另存为 UTF-8")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if header := _HEADER.match(line):
            if head:
                yield start, _call(path, start, head, pack, split, turns)
            start, head, turns = number, header["rest"], []
        else:
            if not head:
                _refuse(path, number, "第一通电话之前有别的内容。请以“## 编号 | 规则包 | …”开头")
            turns.append(_turn(path, number, line))
    if head:
        yield start, _call(path, start, head, pack, split, turns)


def _turn(path: Path, number: int, line: str) -> tuple[Role, str]:
    speaker, colon, text = line.strip().replace("：", ":", 1).partition(":")
    if speaker not in _SPEAKERS or not colon or not text.strip():
        _refuse(path, number, "这一行不是“坐: …”或“客: …”。请改正")
    return _SPEAKERS[speaker], text.strip()


def _call(
    path: Path,
    line: int,
    head: str,
    pack: str,
    split: Split,
    turns: Sequence[tuple[Role, str]],
) -> RuleCall:
    parts = [part.strip() for part in head.split("|")]
    if len(parts) not in (4, 5) or not parts[3].startswith("hits:"):
        _refuse(
            path, line, "开头应是“## 编号 | 规则包 | 情形 | hits: 规则 …”，可再加“| unsure: 规则 …”"
        )
    if len(parts) == 5 and not parts[4].startswith("unsure:"):
        _refuse(path, line, "第五项应是“unsure: 规则 …”。请改正")
    if not _ID.match(parts[0]):
        _refuse(path, line, f"编号“{parts[0]}”应是作者字母加序号，如 a-01。请改正")
    if parts[1] != pack:
        _refuse(path, line, f"规则包“{parts[1]}”与文件名的“{pack}”不同。请改正")
    if not 2 <= len(turns) <= _MOST_TURNS:
        _refuse(path, line, f"这通有 {len(turns)} 句，应有 2 到 {_MOST_TURNS} 句。请补上或拆开")
    hits = _rules(path, line, pack, parts[3].removeprefix("hits:"))
    unsure = _rules(path, line, pack, parts[4].removeprefix("unsure:") if parts[4:] else "")
    if both := sorted(hits & unsure):
        _refuse(path, line, f"{'、'.join(both)} 既在 hits 又在 unsure。请留一处")
    return RuleCall(parts[0], pack, split, parts[2], hits, unsure, tuple(turns))


def _rules(path: Path, line: int, pack: str, text: str) -> frozenset[str]:
    names = text.split()
    known = labelled_rules(pack)
    for name in names:
        if name in NOT_LABELLED:
            _refuse(path, line, f"规则 {name} 看时间与音量，不标注。请删去")
        if name not in known:
            _refuse(path, line, f"规则包 {pack} 没有规则 {name}。请改正")
    if len(set(names)) < len(names):
        _refuse(path, line, "同一条规则写了两遍。请删去一个")
    return frozenset(names)


def _refuse(path: Path, line: int, what: str) -> NoReturn:
    raise AppError(
        "bad-document", f"{path.name}:{line}: {what}。", detail={"file": path.name, "line": line}
    )
