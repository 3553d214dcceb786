"""The tasks behind the job names, bound to one process's resources."""

import uuid

from procrastinate import App, PsycopgConnector

from models.database import Database, libpq_url
from pipeline import jobs
from pipeline.analyzing import analyze_call
from pipeline.attempts import StageRetry, attempt
from pipeline.bulk import stages, trying
from pipeline.delivery import deliver
from pipeline.judging.stage import judge_call
from pipeline.learning import learn_nightly, learn_tree, measure_tree
from pipeline.maintenance import maintain
from pipeline.resources import Resources
from pipeline.transcribing import transcribe_call


def make_connector(database: Database) -> PsycopgConnector:
    """The queue's own connections to the same database."""
    return PsycopgConnector(conninfo=libpq_url(database.url), min_size=1, max_size=8)


def make_app(resources: Resources) -> App:
    """The queue's application with every task; open it before use."""
    app = App(connector=make_connector(resources.database))
    database, retry = resources.database, StageRetry()

    @app.task(name=jobs.TRANSCRIBE_CALL, queue=jobs.TRANSCRIBE_QUEUE, retry=retry)
    async def transcribe(call_id: str) -> None:
        await attempt(resources, uuid.UUID(call_id), "transcribe", transcribe_call)

    @app.task(name=jobs.ANALYZE_CALL, queue=jobs.ANALYZE_QUEUE, retry=retry)
    async def analyze(call_id: str) -> None:
        await attempt(resources, uuid.UUID(call_id), "analyze", analyze_call)

    @app.task(name=jobs.JUDGE_CALL, queue=jobs.JUDGE_QUEUE, retry=retry)
    async def judge(call_id: str, attempt: int) -> None:
        await judge_call(resources, uuid.UUID(call_id), attempt)

    @app.task(name=jobs.DELIVER_WEBHOOK, queue=jobs.DELIVER_QUEUE, retry=retry)
    async def deliver_webhook(message_id: str, attempt: int) -> None:
        await deliver(database, resources.settings.webhook, uuid.UUID(message_id), attempt)

    @app.task(name=jobs.PLAN_RUN, queue=jobs.BULK_QUEUE, retry=retry)
    async def plan_run(run_id: str) -> None:
        await stages.plan(resources, uuid.UUID(run_id))

    @app.task(name=jobs.WORK_CHUNK, queue=jobs.BULK_QUEUE, retry=retry)
    async def work_chunk(run_id: str, position: int) -> None:
        await stages.work_on_chunk(resources, uuid.UUID(run_id), position)

    @app.task(name=jobs.RUN_TRIAL, queue=jobs.ANALYZE_QUEUE, retry=retry)
    async def run_trial(run_id: str) -> None:
        await trying.run_trial(resources, uuid.UUID(run_id))

    @app.task(name=jobs.LEARN_TREE, queue=jobs.BULK_QUEUE, retry=retry)
    async def learn(head_id: str) -> None:
        await learn_tree(resources, uuid.UUID(head_id))

    @app.task(name=jobs.MEASURE_TREE, queue=jobs.ANALYZE_QUEUE, retry=retry)
    async def measure(document_sha256: str, document: str) -> None:
        await measure_tree(resources, document_sha256, document)

    @app.periodic(cron="40 18 * * *")  # 02:40 in China, when nobody waits for an analysis.
    @app.task(
        name=jobs.LEARN_NIGHTLY,
        queue=jobs.MAINTENANCE_QUEUE,
        retry=retry,
        queueing_lock=jobs.LEARN_NIGHTLY,
    )
    async def learn_trees(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
        await learn_nightly(resources)

    @app.periodic(cron="17 * * * *")
    @app.task(
        name=jobs.MAINTAIN, queue=jobs.MAINTENANCE_QUEUE, retry=retry, queueing_lock=jobs.MAINTAIN
    )
    async def maintain_tables(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
        await maintain(app, database, resources.settings.api.public_url)

    return app
