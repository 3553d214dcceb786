"""A chunk of a back-test: each call analysed as things are, and with the version under test."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from events.judgement import Judgements
from models.backtests import ComparedCall, save_comparisons
from models.reviews.accuracy import accuracies_in_use
from models.tables import BulkRun, Call
from nlp.vectors import Shelf, using
from pipeline.analysis import CallAnalyzer
from pipeline.analyzing import call_metadata
from pipeline.bulk.comparing import compare
from pipeline.bulk.failures import Failures
from pipeline.bulk.loading import InForce, StoredCall, load_calls, with_candidate
from pipeline.judging.asking import judgements_of_calls
from pipeline.resources import Resources
from qa_rules.scoring.accuracy import RuleAccuracies


@dataclass(frozen=True, slots=True)
class _Comparable:
    """A stored call with the two analyzers that it is read with, and what is judged of it."""

    stored: StoredCall
    before: CallAnalyzer
    after: CallAnalyzer
    judgements: Judgements
    accuracies: RuleAccuracies


@dataclass(frozen=True, slots=True)
class ComparedChunk:
    """What a chunk of a back-test found, ready to be stored."""

    compared: tuple[ComparedCall, ...]
    calls: dict[uuid.UUID, Call]

    async def save(self, session: AsyncSession, run: BulkRun) -> None:
        """Store it with the run."""
        await save_comparisons(session, run.id, self.compared, self.calls)


async def backtest_chunk(
    resources: Resources, run: BulkRun, call_ids: Sequence[uuid.UUID], failures: Failures
) -> ComparedChunk:
    """Both analyses of every call, by the same code: stored results are not looked at.

    Raises:
        AppError: `bad-tree`, `bad-rules` when the version does not compile.
        StoppedError: the process has to stop.
    """
    items = await _comparable(resources, run, call_ids)
    compared = await asyncio.to_thread(_compare_all, resources, run, items, failures)
    return ComparedChunk(tuple(compared), {item.stored.call.id: item.stored.call for item in items})


async def _comparable(
    resources: Resources, run: BulkRun, call_ids: Sequence[uuid.UUID]
) -> list[_Comparable]:
    analyzers, in_force = resources.analyzers, InForce()
    encoder = await asyncio.to_thread(lambda: analyzers.encoder_id)
    async with resources.database.session() as session:
        in_use = await accuracies_in_use(session)
        calls = await load_calls(session, call_ids, encoder)
        used: list[tuple[CallAnalyzer, CallAnalyzer]] = []
        for stored in calls:
            pair = await in_force.of(session, stored.call.domain)
            head = await in_force.head(session, pair[0])
            before = await asyncio.to_thread(analyzers.get, *pair, head)
            candidate = with_candidate(run, pair)
            head = await in_force.head(session, candidate[0])
            used.append((before, await asyncio.to_thread(analyzers.get, *candidate, head)))
        judgements = await judgements_of_calls(
            session,
            resources.settings.judge,
            {
                stored.call.id: (
                    stored.transcript,
                    tuple(dict.fromkeys((*before.questions, *after.questions))),
                )
                for stored, (before, after) in zip(calls, used, strict=True)
            },
        )
    return [
        _Comparable(stored, *both, judgements[stored.call.id], in_use.of(stored.call.team))
        for stored, both in zip(calls, used, strict=True)
    ]


def _compare_all(
    resources: Resources, run: BulkRun, items: Sequence[_Comparable], failures: Failures
) -> list[ComparedCall]:
    compared = []
    for item in items:
        with failures.of_call(item.stored.call.id, resources.stopping):
            compared.append(_compare(run, item))
    return compared


def _compare(run: BulkRun, item: _Comparable) -> ComparedCall:
    transcript, metadata = item.stored.transcript, call_metadata(item.stored.call)
    with using(Shelf(item.stored.vectors)):
        reading, judged = item.before.read(transcript), item.judgements
        hits = item.before.match(transcript, judged, reading)
        before = item.before.judge(transcript, hits, metadata, item.accuracies, judged, reading)
        if run.document_kind == "tree":
            hits = item.after.match(transcript, judged, reading)
        after = item.after.judge(transcript, hits, metadata, item.accuracies, judged, reading)
    return compare(item.stored.call.id, transcript, before, after)
