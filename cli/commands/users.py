"""`tingjian users`: accounts, from the machine that holds the database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from cli.console import JsonFlag, out, print_json
from cli.options import DataDir, load_settings
from core.errors import AppError
from core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.tables import User

app = typer.Typer(help="账号。", no_args_is_help=True, add_completion=False)

T = TypeVar("T")
Role = Literal["admin", "manager", "reviewer", "agent"]
Username = Annotated[str, typer.Argument(metavar="NAME", help="用户名。")]
Ask = Annotated[bool, typer.Option("--ask", help="自己输入密码；不加则生成一个并显示。")]


@app.command("add", help="添加一个用户。不加 --ask 时生成密码并显示一次。")
def add(
    username: Username,
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="admin 全部；manager 自己团队的通话；reviewer 全部通话；agent 只读自己的通话。",
        ),
    ],
    team: Annotated[
        list[str] | None, typer.Option("--team", help="所属团队，用于 manager；可多次给出。")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", help="对应通话里的坐席名，用于 agent。")
    ] = None,
    display_name: Annotated[
        str, typer.Option("--display-name", help="显示的名字；默认为用户名。")
    ] = "",
    ask: Ask = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `users add`."""
    settings = load_settings(data_dir)
    password, shown = _password(ask)

    async def work(session: "AsyncSession") -> dict[str, Any]:
        from models.access import add_user

        row = await add_user(
            session,
            username=username,
            password=password,
            role=role,
            display_name=display_name,
            teams=team or (),
            agent=agent,
        )
        return _facts(row)

    made = _in_database(settings, work)
    if as_json:
        print_json({**made, "password": shown})
    else:
        out().print(f"已添加 {username}（{role}）。{_told(shown)}", markup=False)


@app.command("list", help="列出全部用户。")
def list_(data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `users list`."""

    async def work(session: "AsyncSession") -> list[dict[str, Any]]:
        from models.access import list_users

        return [_facts(row) for row in await list_users(session)]

    found = _in_database(load_settings(data_dir), work)
    if as_json:
        print_json({"users": found})
        return
    for user in found:
        parts = [user["username"], user["role"], user["display_name"], *user["teams"]]
        parts += [user["agent"] or "", "已停用" if user["disabled"] else ""]
        out().print("  ".join(part for part in parts if part), markup=False)


@app.command("disable", help="停用一个用户：结束其所有登录，其 API 密钥失效。")
def disable(username: Username, data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `users disable`."""
    _switch(username, data_dir, as_json, disabled=True)


@app.command("enable", help="恢复一个停用的用户，其 API 密钥重新有效。")
def enable(username: Username, data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `users enable`."""
    _switch(username, data_dir, as_json, disabled=False)


@app.command("reset-password", help="重设一个用户的密码，并结束其所有登录。")
def reset_password(
    username: Annotated[str, typer.Argument(help="用户名。")] = "admin",
    ask: Ask = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `users reset-password`."""
    settings = load_settings(data_dir)
    password, shown = _password(ask)

    async def work(session: "AsyncSession") -> None:
        from models.access import set_password

        await set_password(session, await _user(session, username), password)

    _in_database(settings, work)
    if as_json:
        print_json({"username": username, "password": shown})
    else:
        out().print(f"已重设 {username} 的密码。{_told(shown)}", markup=False)


def _switch(username: str, data_dir: DataDir, as_json: bool, *, disabled: bool) -> None:
    async def work(session: "AsyncSession") -> dict[str, Any]:
        from models.access import change_user

        row = await _user(session, username)
        await change_user(session, row, disabled=disabled)
        return _facts(row)

    changed = _in_database(load_settings(data_dir), work)
    if as_json:
        print_json(changed)
    else:
        out().print(f"{'已停用' if disabled else '已启用'} {username}。", markup=False)


def _password(ask: bool) -> tuple[str, str | None]:
    """The password to set, and what of it to show: only a generated one."""
    from models.passwords import new_password, require_strong

    if not ask:
        generated = new_password()
        return generated, generated
    password: str = typer.prompt("新密码", hide_input=True, confirmation_prompt=True)
    require_strong(password)
    return password, None


def _told(shown: str | None) -> str:
    return "" if shown is None else f"密码：{shown}（只显示这一次）"


def _facts(row: "User") -> dict[str, Any]:
    return {
        "username": row.username,
        "display_name": row.display_name,
        "role": row.role,
        "teams": [str(team) for team in row.teams],
        "agent": row.agent,
        "disabled": row.disabled,
    }


async def _user(session: "AsyncSession", username: str) -> "User":
    from models.access import find_user

    user = await find_user(session, username)
    if user is None:
        raise AppError("not-found", f"没有用户 {username}。请用 tingjian users list 查看。")
    return user


def _in_database(settings: Settings, work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
    """What `work` gives, done in one transaction."""

    async def run() -> T:
        from models.database import open_database

        database = await asyncio.to_thread(open_database, settings)
        try:
            async with database.session() as session:
                result = await work(session)
                await session.commit()
                return result
        finally:
            await database.close()

    return asyncio.run(run())
