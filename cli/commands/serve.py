"""`tingjian serve`, `worker` and `migrate`: the separate processes of a deployment."""

import asyncio
import signal
import socket
from typing import Annotated

import typer

from cli.console import JsonFlag, err, out, print_json
from cli.listening import bind, url_of
from cli.options import DataDir, Host, Port, load_settings
from cli.preparation import Prepared, prepare, sign_in_lines
from cli.supervision import STOP_SIGNALS, follow_lifeline
from core.errors import AppError
from core.settings import Settings

app = typer.Typer(add_completion=False)


@app.command("serve", help="只启动 API 与网页。数据库须已由 tingjian migrate 准备好。")
def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    fd: Annotated[int | None, typer.Option("--fd", hidden=True)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `serve`."""
    settings = load_settings(data_dir, host, port)
    follow_lifeline()
    if fd is None:
        listener = bind(settings.api.host, settings.api.port, "tingjian serve --port 8001")
    else:
        listener = socket.socket(fileno=fd)
    if as_json:
        print_json({"url": url_of(listener)})
    elif fd is None:
        err().print(f"监听 {url_of(listener)}", markup=False)
    _leave_on_signals()
    asyncio.run(_serve(settings, listener))


def _leave_on_signals() -> None:
    """Make SIGTERM and SIGINT unwind the program instead of killing it.

    The HTTP server shuts down by itself on a signal and then raises it once more; the default
    action would end the process before it lets go of the database.
    """

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    for number in STOP_SIGNALS:
        signal.signal(number, leave)


async def _serve(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from api.app import create_app
    from models.database import open_database
    from pipeline.storage import open_store

    database = await asyncio.to_thread(open_database, settings)
    try:
        app = create_app(settings, database, open_store(settings))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=settings.log_level == "debug",
            lifespan="on",
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        await server.serve(sockets=[listener])
        if not server.started:
            raise AppError("server-not-ready", "服务没能启动。原因见上面的日志；改正后重新启动。")
    finally:
        await database.close()


@app.command("worker", help="启动一个任务进程：转写、分析、投递 webhook、维护。")
def worker(
    queue: Annotated[
        list[str] | None, typer.Option("--queue", help="只做这个队列的任务；可多次给出。")
    ] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="没有待办任务时退出。")] = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `worker`."""
    from pipeline.jobs import QUEUES
    from pipeline.worker import run_worker

    settings = load_settings(data_dir)
    follow_lifeline()
    if as_json:
        print_json({"queues": queue or list(QUEUES)})
    asyncio.run(run_worker(settings, queue, until_idle=until_idle))


@app.command(
    "migrate",
    help="把数据库结构升级到本版本，发布自带的事件树与规则，新库建立管理员。可重复执行。",
)
def migrate(data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `migrate`."""
    settings = load_settings(data_dir)
    done = asyncio.run(_migrate(settings))
    made = done.made
    if as_json:
        print_json(
            {
                "applied": list(done.applied),
                "published": list(made.published),
                "username": made.admin_username,
                "password": made.admin_password,
            }
        )
        return
    out().print(f"数据库已是最新（本次执行 {len(done.applied)} 步）。")
    if made.published:
        out().print(f"新发布：{'、'.join(made.published)}", markup=False)
    if made.admin_made:
        for line in sign_in_lines(made):
            out().print(line, markup=False)


async def _migrate(settings: Settings) -> Prepared:
    from models.database import open_database

    database = await asyncio.to_thread(open_database, settings)
    try:
        return await prepare(settings, database)
    finally:
        await database.close()
