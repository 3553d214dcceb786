"""`tingjian users`: accounts, from the machine that holds the database."""

import asyncio
import secrets
from typing import Annotated

import typer

from cli.console import JsonFlag, out, print_json
from cli.options import DataDir, load_settings
from core.errors import AppError
from core.settings import Settings

app = typer.Typer(help="账号。", no_args_is_help=True, add_completion=False)

_SHORTEST = 10


@app.callback()
def users() -> None:
    """Keep `users` a group while it has one command."""


@app.command("reset-password", help="重设一个用户的密码，并结束其所有登录。")
def reset_password(
    username: Annotated[str, typer.Argument(help="用户名。")] = "admin",
    ask: Annotated[
        bool, typer.Option("--ask", help="自己输入新密码；不加则生成一个并显示。")
    ] = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `users reset-password`."""
    settings = load_settings(data_dir)
    if ask:
        password = typer.prompt("新密码", hide_input=True, confirmation_prompt=True)
        if len(password) < _SHORTEST:
            raise AppError("weak-password", f"密码太短。请至少输入 {_SHORTEST} 个字符。")
    else:
        password = secrets.token_urlsafe(12)
    asyncio.run(_reset(settings, username, password))
    shown = None if ask else password
    if as_json:
        print_json({"username": username, "password": shown})
    else:
        told = "" if shown is None else f"新密码：{shown}（只显示这一次）"
        out().print(f"已重设 {username} 的密码。{told}", markup=False)


async def _reset(settings: Settings, username: str, password: str) -> None:
    from models.access import find_user, set_password
    from models.database import open_database

    database = await asyncio.to_thread(open_database, settings)
    try:
        async with database.session() as session:
            user = await find_user(session, username)
            if user is None:
                raise AppError("not-found", f"没有用户 {username}。请检查用户名。")
            await set_password(session, user, password)
            await session.commit()
    finally:
        await database.close()
