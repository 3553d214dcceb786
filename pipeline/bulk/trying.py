"""A trial: a version tried on some sentences or one call, with all that explains the outcome."""

import asyncio
import logging
import uuid
from collections import defaultdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript, Utterance
from core.errors import AppError
from core.serial import from_json, to_json
from events.hits import EventHit
from events.nearness import Nearness
from models.bulk_runs import document_kind, fail_run, finish_run, get_run
from models.calls import get_call
from models.results import load_transcript
from models.tables import BulkRun, Call
from models.versions import get_version
from pipeline.analysis import CallAnalysis, CallAnalyzer
from pipeline.analyzing import call_metadata
from pipeline.attempts import StoppedError
from pipeline.bulk.loading import InForce, with_candidate
from pipeline.bulk.requests import TrialRequest
from pipeline.judging.asking import stored_judgements
from pipeline.resources import Resources
from qa_rules.examples import dialogue
from qa_rules.model import Example, ExampleLine

NEAREST = 5
_HIT_FIELDS = ("node", "layer", "form", "score", "text", "char_start", "char_end")
logger = logging.getLogger(__name__)


async def run_trial(resources: Resources, run_id: uuid.UUID) -> None:
    """Run a queued trial and store its result, or why there is none."""
    async with resources.database.session() as session:
        run = await get_run(session, run_id)
        if run.state != "queued":
            return
        try:
            result = await _result(resources, session, run)
        except (StoppedError, asyncio.CancelledError):
            raise
        except AppError as error:
            await fail_run(session, run_id, error)
        except Exception as error:
            logger.exception("trial failed", extra={"run": str(run_id)})
            message = f"试验时发生内部错误（{type(error).__name__}）。请查看工作进程日志。"
            await fail_run(session, run_id, AppError("internal-error", message))
        else:
            await finish_run(session, run, result)
        await session.commit()


async def _result(resources: Resources, session: AsyncSession, run: BulkRun) -> dict[str, Any]:
    request = from_json(TrialRequest, run.request, "已存试验")
    transcript, call = await _material(session, request)
    version = await get_version(session, document_kind(run), run.name, run.version)
    in_force = InForce()
    pair = await in_force.of(session, call.domain if call else version.domain)
    candidate = with_candidate(run, pair)
    head = await in_force.head(session, candidate[0])
    analyzer = await asyncio.to_thread(resources.analyzers.get, *candidate, head)
    metadata = call_metadata(call) if call else {}
    # A trial asks a language model nothing: what it has said of the call by now counts.
    judge, asked = resources.settings.judge, analyzer.questions
    judgements = await stored_judgements(session, judge, call.id, transcript, asked) if call else {}

    def work() -> dict[str, Any]:
        return _told(analyzer, transcript, analyzer.analyze(transcript, metadata, judgements))

    return await asyncio.to_thread(work)


async def _material(session: AsyncSession, request: TrialRequest) -> tuple[Transcript, Call | None]:
    if request.call_id is None:
        lines = tuple(ExampleLine(line.role, line.text) for line in request.lines)
        return dialogue(Example(lines)), None
    call = await get_call(session, request.call_id)
    transcript = await load_transcript(session, call.id)
    if transcript is None:
        raise AppError("not-transcribed", "这通通话还没有转写结果。请等转写完成后再试。")
    return transcript, call


def _told(analyzer: CallAnalyzer, transcript: Transcript, analysis: CallAnalysis) -> dict[str, Any]:
    """Line by line what fires and what nearly does; then the findings and the score."""
    near: dict[int, list[Nearness]] = defaultdict(list)
    for entry in analyzer.nearness(transcript):
        near[entry.utterance].append(entry)
    hits: dict[int | None, list[EventHit]] = defaultdict(list)
    for hit in analysis.events:
        hits[hit.utterance].append(hit)
    return {
        "tree": analysis.versions.tree,
        "ruleset": analysis.versions.ruleset,
        "lines": [
            _line(utterance, hits[utterance.index], near[utterance.index])
            for utterance in transcript.utterances
        ],
        "findings": [to_json(f) for f in analysis.findings if f.outcome != "not_applicable"],
        "score": to_json(analysis.score),
    }


def _line(utterance: Utterance, hits: list[EventHit], near: list[Nearness]) -> dict[str, Any]:
    return {
        "utterance": utterance.index,
        "role": utterance.role,
        "start_ms": utterance.start_ms,
        "text": utterance.text,
        "hits": [{name: getattr(hit, name) for name in _HIT_FIELDS} for hit in hits],
        "near": _nearest(near, {hit.node for hit in hits}),
    }


def _nearest(entries: list[Nearness], hit: set[str]) -> list[dict[str, Any]]:
    """The nodes that come nearest, with the thresholds of those that fired."""
    shown = [entry for entry in entries if entry.node in hit]
    shown += [entry for entry in entries if entry.node not in hit][:NEAREST]
    return [
        {
            "node": entry.node,
            "layer": entry.layer,
            "score": entry.score,
            "threshold": entry.threshold,
            "distance": entry.distance,
            "hit": entry.node in hit,
        }
        for entry in shown
    ]
