"""Replay: a stored analysis made again from its transcript with the versions that it names."""

import asyncio
import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.errors import AppError
from core.serial import from_json, to_json
from events.hits import EventHit
from models.calls import get_call
from models.judgements import list_judgements
from models.results import load_analysis, load_transcript
from models.reviews.accuracy import accuracy_named
from models.tables import TreeHead
from models.vectors import load_vectors
from models.versions import DocumentKind, Version, get_version
from nlp.vectors import Shelf, using
from pipeline.analysis import CallAnalysis, CallAnalyzer
from pipeline.analyzers import Analyzers
from pipeline.analyzing import call_metadata
from qa_rules.findings import Finding, Score

# Sentence vectors are stored in half precision; what they add to a score is far below this.
_TOLERANCE = 1e-3
_REFERENCE = re.compile(r"(.+)@(\d+)")
_HEAD = re.compile(r"(.+)#(\d+)")
_CHECKED = {
    "encoder": "句向量模型",
    "act_model": "内置事件模型",
    "tree_sha256": "关键事件树（含它沿用的包）",
    "ruleset_sha256": "规则集（含它沿用的包）",
}


class Results(Protocol):
    """What an analysis found, stored or fresh."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding for each rule."""

    @property
    def score(self) -> Score:
        """The score with its lines."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the replay says something else: `at` is like `发现 over-promise.outcome`."""

    at: str
    stored: str
    replayed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A replayed call: the versions that made it, and every difference; none means the same.

    `unchecked` names versions that the stored result does not tell, as older releases left out.
    """

    call: str
    versions: Mapping[str, Any]
    findings: int
    score: float
    differences: tuple[Difference, ...]
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenAnalysis:
    """The parts of an analysis document that a replay looks at."""

    transcript: Transcript
    events: tuple[EventHit, ...]
    findings: tuple[Finding, ...]
    score: Score
    versions: Mapping[str, Any]


def read_analysis(document: Mapping[str, Any], source: str) -> WrittenAnalysis:
    """What a file of `tingjian analyze` says.

    Raises:
        AppError: `bad-document` naming the place.
    """
    keys = ("transcript", "events", "findings", "score", "versions")
    if missing := [key for key in keys if key not in document]:
        raise AppError(
            "bad-document",
            f"{source} 不是分析结果，缺少 {'、'.join(missing)}。请给出 tingjian analyze 写的文件。",
        )
    return from_json(WrittenAnalysis, {key: document[key] for key in keys}, f"分析结果 {source} ")


def replay_written(
    name: str, stored: WrittenAnalysis, analyzer: CallAnalyzer, metadata: Mapping[str, object]
) -> Replay:
    """The replay of an analysis file with the documents of `analyzer`.

    Raises:
        AppError: `version-unavailable` when the analyzer is not what made the file.
    """
    versions = stored.versions
    if used := [str(versions[key]) for key in ("head", "accuracy") if versions.get(key)]:
        raise AppError(
            "version-unavailable",
            f"结果用到了数据库里的 {'、'.join(used)}。请用通话编号在服务的机器上重放。",
        )
    fresh = analyzer.analyze(stored.transcript, metadata)
    return _compared(name, stored.events, stored, versions, fresh)


async def replay_call(session: AsyncSession, analyzers: Analyzers, call_id: uuid.UUID) -> Replay:
    """The replay of a stored call with exactly the versions that its result names.

    Raises:
        AppError: `not-found`; `transcript-missing`; `not-analysed`; `version-unavailable`.
    """
    call = await get_call(session, call_id)
    transcript = await load_transcript(session, call_id)
    stored = await load_analysis(session, call_id)
    if transcript is None:
        raise AppError("transcript-missing", "这通通话没有转写结果，无法重放。")
    if stored is None:
        raise AppError("not-analysed", "这通通话还没有分析结果，无法重放。请先分析。")
    tree = await _version(session, "tree", stored.versions)
    ruleset = await _version(session, "ruleset", stored.versions)
    head = await _head(session, str(stored.versions.get("head") or ""))
    try:
        accuracies = await accuracy_named(session, str(stored.versions.get("accuracy") or ""))
    except AppError as error:
        raise _gone("准确率快照", str(stored.versions.get("accuracy"))) from error
    analyzer = await asyncio.to_thread(analyzers.get, tree, ruleset, head)
    judged = {
        item.question: item
        for item in await list_judgements(session, call_id)
        if item.question in analyzer.questions
    }
    known = (await load_vectors(session, [call_id], analyzer.encoder_id)).get(call_id, {})

    def again() -> CallAnalysis:
        with using(Shelf(known)):
            return analyzer.analyze(
                transcript,
                call_metadata(call),
                {
                    question: judged[question]
                    for question in analyzer.questions
                    if question in judged
                },
                accuracies,
            )

    fresh = await asyncio.to_thread(again)
    return _compared(str(call_id), stored.hits, stored, stored.versions, fresh)


async def _version(
    session: AsyncSession, kind: DocumentKind, versions: Mapping[str, Any]
) -> Version:
    reference = str(versions.get(kind, ""))
    found = _REFERENCE.fullmatch(reference)
    what = "关键事件树" if kind == "tree" else "规则集"
    if found is None:
        raise _gone(what, reference)
    try:
        return await get_version(session, kind, found[1], int(found[2]))
    except AppError as error:
        raise _gone(what, reference) from error


async def _head(session: AsyncSession, reference: str) -> TreeHead | None:
    if not reference:
        return None
    found = _HEAD.fullmatch(reference)
    row: TreeHead | None = None
    if found is not None:
        row = await session.scalar(
            select(TreeHead).where(TreeHead.tree == found[1], TreeHead.number == int(found[2]))
        )
    if row is None or row.payload is None:
        raise _gone("学习结果", reference)
    return row


def _gone(what: str, reference: str, now: str = "") -> AppError:
    instead = f"，现在的是 {now}" if now else ""
    return AppError(
        "version-unavailable",
        f"当时的{what} {reference or '（未记录）'} 已经没有了{instead}。"
        "无法原样重放；请装回当时的版本，或重新分析这通通话。",
        detail={"what": what, "wanted": reference, "now": now},
    )


def _compared(
    name: str,
    events: Sequence[EventHit],
    stored: Results,
    versions: Mapping[str, Any],
    fresh: CallAnalysis,
) -> Replay:
    now = asdict(fresh.versions)
    for key, what in _CHECKED.items():
        if versions.get(key) and versions[key] != now[key]:
            raise _gone(what, str(versions[key])[:16], str(now[key])[:16])
    differences = [
        *_events(events, fresh.events),
        *_findings(stored.findings, fresh.findings),
        *_unlike("得分", to_json(stored.score), to_json(fresh.score)),
    ]
    return Replay(
        call=name,
        versions={key: versions.get(key, "") for key in now},
        findings=len(fresh.findings),
        score=fresh.score.value,
        differences=tuple(differences),
        unchecked=tuple(what for key, what in _CHECKED.items() if not versions.get(key)),
    )


def _events(stored: Sequence[EventHit], fresh: Sequence[EventHit]) -> Iterator[Difference]:
    yield from _keyed(
        "事件",
        {f"{hit.node}（第 {_place(hit)} 句）": to_json(hit) for hit in stored},
        {f"{hit.node}（第 {_place(hit)} 句）": to_json(hit) for hit in fresh},
    )


def _place(hit: EventHit) -> str:
    return "?" if hit.utterance is None else str(hit.utterance + 1)


def _findings(stored: Sequence[Finding], fresh: Sequence[Finding]) -> Iterator[Difference]:
    yield from _keyed(
        "发现",
        {finding.rule: to_json(finding) for finding in stored},
        {finding.rule: to_json(finding) for finding in fresh},
    )


def _keyed(what: str, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[Difference]:
    for key in dict.fromkeys((*stored, *fresh)):
        if key not in fresh:
            yield Difference(f"{what} {key}", "有", "没有")
        elif key not in stored:
            yield Difference(f"{what} {key}", "没有", "有")
        else:
            yield from _unlike(f"{what} {key}", stored[key], fresh[key])


def _unlike(at: str, stored: Any, fresh: Any) -> Iterator[Difference]:
    """Every leaf in which two plain values differ."""
    if isinstance(stored, dict) and isinstance(fresh, dict):
        for key in dict.fromkeys((*stored, *fresh)):
            yield from _unlike(f"{at}.{key}", stored.get(key), fresh.get(key))
    elif isinstance(stored, list) and isinstance(fresh, list):
        if len(stored) != len(fresh):
            yield Difference(at, f"{len(stored)} 项", f"{len(fresh)} 项")
        for place, (one, other) in enumerate(zip(stored, fresh, strict=False)):
            yield from _unlike(f"{at}[{place}]", one, other)
    elif not _same(stored, fresh):
        yield Difference(at, _shown(stored), _shown(fresh))


def _same(one: Any, other: Any) -> bool:
    numbers = isinstance(one, float) and isinstance(other, int | float)
    return math.isclose(one, other, abs_tol=_TOLERANCE) if numbers else bool(one == other)


def _shown(value: Any) -> str:
    return "（无）" if value is None or value == "" else str(value)
