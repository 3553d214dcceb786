"""A chunk of a re-analysis: stored calls analysed again with what is in force, and stored anew."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events.judgement import Judgements
from models.reviews.accuracy import accuracies_in_use
from models.tables import BulkRun, Call
from pipeline.analysis import CallAnalyzer
from pipeline.analyzing import Analysed, NewResult, analyse_stored, store_results
from pipeline.bulk.failures import Failures
from pipeline.bulk.loading import InForce, Pair, StoredCall, load_calls
from pipeline.jobs import defer_judging
from pipeline.judging.asking import judgements_of_calls
from pipeline.resources import Resources
from qa_rules.scoring.accuracy import RuleAccuracies


@dataclass(frozen=True, slots=True)
class _Due:
    """A stored call with the analyzer for it, and what is judged of it."""

    stored: StoredCall
    pair: Pair
    analyzer: CallAnalyzer
    judgements: Judgements
    accuracies: RuleAccuracies


@dataclass(frozen=True, slots=True)
class _Result:
    """A new analysis; it counts as long as the call is still the one that was read."""

    call_id: uuid.UUID
    read_at: dt.datetime | None
    analysed: Analysed
    pair: Pair
    ask: bool


@dataclass(frozen=True, slots=True)
class ReanalysedChunk:
    """The new analyses of a chunk, ready to be stored."""

    results: tuple[_Result, ...]

    async def save(self, session: AsyncSession, _run: BulkRun) -> None:
        """Replace the results of every call that nobody else has worked on meanwhile."""
        ids = [result.call_id for result in self.results]
        rows = await session.scalars(
            select(Call)
            .where(Call.id.in_(ids), Call.state == "done")
            .order_by(Call.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        calls = {call.id: call for call in rows}
        # One that was heard or analysed again since has newer results than these.
        current = [
            result
            for result in self.results
            if (call := calls.get(result.call_id)) is not None
            and call.finished_at == result.read_at
        ]
        await store_results(
            session, [NewResult(calls[r.call_id], r.analysed, r.pair) for r in current]
        )
        for result in current:
            if result.ask:
                await defer_judging(session, result.call_id)


async def reanalyse_chunk(
    resources: Resources, _run: BulkRun, call_ids: Sequence[uuid.UUID], failures: Failures
) -> ReanalysedChunk:
    """New analyses of every call, with the versions that are in force for its domain now.

    Raises:
        AppError: `bad-tree`, `bad-rules`, `no-published-version`.
        StoppedError: the process has to stop.
    """
    due = await _due(resources, call_ids)
    results = await asyncio.to_thread(_analyse_all, resources, due, failures)
    return ReanalysedChunk(tuple(results))


async def _due(resources: Resources, call_ids: Sequence[uuid.UUID]) -> list[_Due]:
    analyzers, in_force = resources.analyzers, InForce()
    encoder = await asyncio.to_thread(lambda: analyzers.encoder_id)
    async with resources.database.session() as session:
        in_use = await accuracies_in_use(session)
        calls = await load_calls(session, call_ids, encoder)
        used: list[tuple[Pair, CallAnalyzer]] = []
        for stored in calls:
            pair = await in_force.of(session, stored.call.domain)
            head = await in_force.head(session, pair[0])
            used.append((pair, await asyncio.to_thread(analyzers.get, *pair, head)))
        judgements = await judgements_of_calls(
            session,
            resources.settings.judge,
            {
                stored.call.id: (stored.transcript, analyzer.questions)
                for stored, (_, analyzer) in zip(calls, used, strict=True)
            },
        )
    return [
        _Due(stored, *with_what, judgements[stored.call.id], in_use.of(stored.call.team))
        for stored, with_what in zip(calls, used, strict=True)
    ]


def _analyse_all(resources: Resources, due: Sequence[_Due], failures: Failures) -> list[_Result]:
    results = []
    asks = bool(resources.settings.judge.base_url)
    for item in due:
        call = item.stored.call
        with failures.of_call(call.id, resources.stopping):
            analysed = analyse_stored(
                item.analyzer,
                item.stored.transcript,
                call,
                item.judgements,
                item.stored.vectors,
                item.accuracies,
            )
            ask = asks and len(item.judgements) < len(item.analyzer.questions)
            results.append(_Result(call.id, call.finished_at, analysed, item.pair, ask))
    return results
