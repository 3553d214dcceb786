"""`tingjian up`: database, migrations, API with pages, and a worker, in one command."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from asr.gpus import gpus
from cli.console import JsonFlag, err, out, print_json
from cli.listening import bind, url_of
from cli.options import DataDir, Host, Port, load_settings
from cli.preparation import prepare, sign_in_lines
from cli.supervision import Program, Supervisor, stop_requested
from core.errors import AppError
from core.settings import Settings

if TYPE_CHECKING:
    from pipeline.bootstrap import Bootstrapped

_READY_S = 120.0
_POLL_S = 0.25
_STOP_MARGIN_S = 10.0
RESET = "tingjian users reset-password"


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers: its address, and the sign-in that was just made, if any."""

    url: str
    made: "Bootstrapped"
    supervisor: Supervisor
    stopping: threading.Event


app = typer.Typer(add_completion=False)


@app.command("up", help="一条命令启动全部：数据库、升级、API 与网页、任务进程。Ctrl-C 停止。")
def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="不在本机启动任务进程。")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run `up`."""
    settings = load_settings(data_dir, host, port)
    with running(settings, "tingjian up --port 8001", with_worker=not no_worker) as service:
        if as_json:
            print_json(
                {
                    "url": service.url,
                    "username": service.made.admin_username,
                    "password": service.made.admin_password,
                    "data_dir": str(settings.data_dir),
                }
            )
        else:
            print_sign_in(service, settings)
        service.supervisor.run_until(service.stopping)
        err().print("正在停止……")


def print_sign_in(service: Running, settings: Settings) -> None:
    """Where to open the product and how to sign in; a new password is shown this once."""
    option = f" --data-dir {settings.data_dir}" if not settings.database_url else ""
    out().print(f"听鉴已启动：{service.url}", markup=False)
    for line in sign_in_lines(service.made):
        out().print(line, markup=False)
    out().print(f"重设密码：{RESET} {service.made.admin_username}{option}", markup=False)
    out().print("按 Ctrl-C 停止。")


@contextlib.contextmanager
def running(settings: Settings, port_fix: str, *, with_worker: bool = True) -> Iterator[Running]:
    """The whole service, ready to answer, while the context lasts.

    Raises:
        AppError: `port-in-use`; those of the database; `server-not-ready` when the server did
            not become ready in time.
    """
    listener = bind(settings.api.host, settings.api.port, port_fix)
    with contextlib.closing(listener), stop_requested() as stopping, _database(settings) as made:
        workers = worker_programs(settings) if with_worker else ()
        supervisor = Supervisor((_server(listener), *workers), _environment(settings))
        supervisor.start()
        try:
            url = url_of(listener)
            _wait_until_ready(url, supervisor, stopping)
            yield Running(url, made, supervisor, stopping)
        finally:
            supervisor.stop(settings.worker.shutdown_s + _STOP_MARGIN_S)


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator["Bootstrapped"]:
    """The database, migrated, with packs and an administrator; held while the context lasts."""
    from models.database import open_database

    err().print("正在准备数据库……")
    with asyncio.Runner() as runner:
        database = open_database(settings)
        try:
            yield runner.run(prepare(settings, database)).made
        finally:
            runner.run(database.close())


def worker_programs(settings: Settings) -> tuple[Program, ...]:
    """One worker for each GPU, which sees only that one; one worker on a machine without any."""
    found = gpus() if settings.asr.device != "cpu" else ()
    if len(found) < 2:
        return (Program("worker", ("worker",)),)
    return tuple(
        Program(
            f"worker-{number}",
            ("worker",),
            environment=(("CUDA_VISIBLE_DEVICES", gpu.uuid),),
        )
        for number, gpu in enumerate(found)
    )


def _server(listener: socket.socket) -> Program:
    number = listener.fileno()
    return Program("server", ("serve", "--fd", str(number)), (number,))


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of the children: this one, with what the options changed."""
    return {
        **os.environ,
        "TINGJIAN_DATA_DIR": str(settings.data_dir),
        "TINGJIAN_API__HOST": settings.api.host,
        "TINGJIAN_API__PORT": str(settings.api.port),
    }


def _wait_until_ready(url: str, supervisor: Supervisor, stopping: threading.Event) -> None:
    deadline = time.monotonic() + _READY_S
    last = "没有回应"
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        while time.monotonic() < deadline:
            if stopping.wait(_POLL_S):
                raise typer.Exit
            status = supervisor.exited("server")
            if status is not None:
                raise AppError(
                    "server-not-ready",
                    f"API 进程启动后就退出了（状态 {status}）。原因见上面的日志；改正后重新启动。",
                )
            try:
                answer = client.get(f"{url}/api/v1/ready")
            except httpx.HTTPError as error:
                last = type(error).__name__
                continue
            if answer.status_code == 200:
                return
            last = answer.text[:300]
    raise AppError(
        "server-not-ready", f"服务在 {_READY_S:.0f} 秒内没有就绪：{last}。请查看上面的日志。"
    )
