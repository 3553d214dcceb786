"""Stage `analyze`: a stored transcript to events, SOP states, findings, score and metrics."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from asr.transcript import Transcript
from core.errors import AppError
from core.serial import to_json
from events.judgement import Judgements
from models.calls import METADATA_COLUMNS, hold_stage
from models.heads import head_in_force
from models.results import StoredAnalysis, load_transcript, save_analyses, save_transcripts
from models.reviews.accuracy import accuracies_in_use
from models.reviews.reviews import reviewed_calls
from models.tables import Call
from models.vectors import Vectors, load_vectors, save_vectors_of_calls
from models.versions import Version, published_for
from nlp.vectors import Shelf, using
from pipeline.analysis import CallAnalyzer
from pipeline.attempts import SupersededError
from pipeline.jobs import defer_judging
from pipeline.judging.asking import stored_judgements
from pipeline.resources import Resources
from pipeline.reviews.reanalysis import carry_over
from pipeline.webhooks import CALL_COMPLETED, announce, completed_data
from pipeline.wording import corrected
from qa_rules.scoring.accuracy import RuleAccuracies


@dataclass(frozen=True, slots=True)
class Analysed:
    """The analysis of a call, and the sentence vectors that it took from `encoder`.

    `vectors` is empty when all of them had been stored. `transcript` is what was analysed when
    it differs from the stored one, which it is to replace; else None.
    """

    analysis: StoredAnalysis
    transcript: Transcript | None
    encoder: str
    vectors: Vectors


def analyse_stored(
    analyzer: CallAnalyzer,
    transcript: Transcript,
    call: Call,
    judgements: Judgements,
    known: Vectors,
    accuracies: RuleAccuracies,
) -> Analysed:
    """Analyse a stored transcript with the vectors that are stored with it.

    Its text is first corrected towards the vocabulary of the tree and the call's campaign, and
    its roles are held against what each side says.
    """
    wording = corrected(transcript, analyzer.tree, call.campaign)
    with using(Shelf(known)) as shelf:
        reading = analyzer.read(wording)
        wording = analyzer.with_roles_checked(wording, reading)
        found = analyzer.analyze(wording, call_metadata(call), judgements, accuracies, reading)
    fresh = shelf.used if shelf.used.keys() - known.keys() else {}
    changed = wording if wording is not transcript else None
    return Analysed(found.stored(), changed, analyzer.encoder_id, fresh)


@dataclass(frozen=True, slots=True)
class NewResult:
    """A call that the session holds, its new analysis, and the versions that made it."""

    call: Call
    analysed: Analysed
    versions: tuple[Version, Version]


async def store_results(session: AsyncSession, results: Sequence[NewResult]) -> None:
    """Replace the results of calls, each listed once, and what lists show of them.

    All vectors are of one encoder. Human verdicts that still fit the new findings stay with them.
    """
    if not results:
        return
    worded = {r.call.id: t for r in results if (t := r.analysed.transcript) is not None}
    if worded:
        await save_transcripts(session, worded)
    await save_analyses(session, {r.call.id: r.analysed.analysis for r in results})
    vectors = {r.call.id: r.analysed.vectors for r in results}
    await save_vectors_of_calls(session, results[0].analysed.encoder, vectors)
    finished_at = (await session.execute(func.now().select())).scalar_one()
    for result in results:
        _show_in_lists(result, finished_at)
    reviewed = await reviewed_calls(session, [r.call.id for r in results])
    for result in results:
        if result.call.id in reviewed:
            await carry_over(session, result.call, result.analysed.analysis)


def _show_in_lists(result: NewResult, finished_at: dt.datetime) -> None:
    call, analysed = result.call, result.analysed
    if analysed.transcript is not None:
        call.audio = to_json(analysed.transcript.audio)
    score = analysed.analysis.score
    call.score, call.passed, call.vetoed = score.value, score.passed, score.vetoed
    call.tree_version_id, call.ruleset_version_id = (version.id for version in result.versions)
    call.finished_at = finished_at


async def analyze_call(resources: Resources, call: Call, token: uuid.UUID) -> None:
    """Analyse with the versions published for the call's domain; store all in one transaction.

    That transaction also ends the call and queues the webhooks, so that receivers hear of a
    result exactly when it exists. Questions for a language model that have no answer yet are
    put to it by a job of their own, which ends in another analysis.

    Raises:
        AppError: `transcript-missing`, `no-published-version`, `bad-tree`, `bad-rules`.
        SupersededError: another try holds the call by now.
    """
    async with resources.database.session() as session:
        transcript = await load_transcript(session, call.id)
        tree = await published_for(session, "tree", call.domain)
        ruleset = await published_for(session, "ruleset", call.domain)
        head = await head_in_force(session, tree.name) if tree is not None else None
    if transcript is None:
        raise AppError("transcript-missing", "这通通话还没有转写结果，无法分析。请重新转写。")
    if tree is None or ruleset is None:
        raise AppError(
            "no-published-version",
            "没有已发布的事件树或质检规则集。请运行 tingjian up 或先发布一个版本。",
        )
    versions = tree, ruleset
    analyzer = await asyncio.to_thread(resources.analyzers.get, *versions, head)
    async with resources.database.session() as session:
        judgements = await stored_judgements(
            session, resources.settings.judge, call.id, transcript, analyzer.questions
        )
        known = (await load_vectors(session, [call.id], analyzer.encoder_id)).get(call.id, {})
        accuracies = (await accuracies_in_use(session)).of(call.team)
    analysed = await asyncio.to_thread(
        analyse_stored, analyzer, transcript, call, judgements, known, accuracies
    )
    is_open = len(judgements) < len(analyzer.questions)
    await _save(resources, call.id, token, analysed, versions, is_open=is_open)


def call_metadata(call: Call) -> Mapping[str, object]:
    """What rules may know of a call: its columns, and its free fields by their own names.

    A free field never hides a column.
    """
    columns: dict[str, object] = {
        name: getattr(call, name) for name in METADATA_COLUMNS if name != "fields"
    }
    columns["started_at"] = call.started_at.isoformat() if call.started_at else None
    columns["source"] = call.source
    columns["external_id"] = call.external_id
    return {**call.fields, **columns}


async def _save(
    resources: Resources,
    call_id: uuid.UUID,
    token: uuid.UUID,
    analysed: Analysed,
    versions: tuple[Version, Version],
    *,
    is_open: bool,
) -> None:
    async with resources.database.session() as session:
        call = await hold_stage(session, call_id, "analyze", token)
        if call is None:
            raise SupersededError
        await store_results(session, [NewResult(call, analysed, versions)])
        call.state = "done"
        call.stage_token = None
        call.error_code = call.error_message = call.failed_stage = None
        data = completed_data(call, analysed.analysis, resources.settings.api.public_url)
        await announce(session, CALL_COMPLETED, data, call_id)
        if is_open and resources.settings.judge.base_url:
            await defer_judging(session, call_id)
        await session.commit()
