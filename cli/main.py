"""Entry point of the `tingjian` command: the composition root of the product."""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.console import print_error
from cli.exits import exit_code
from core.errors import AppError

_HELP = "听鉴：自托管的电销通话智能。退出码：0 成功，1 有失败项，2 输入有误，3 环境缺失。"

# In the order of the help: the service, then what needs none, then checks.
COMMANDS = {
    "up": "up",
    "demo": "demo",
    "serve": "serve",
    "worker": "serve",
    "migrate": "serve",
    "users": "users",
    "upload": "upload",
    "transcribe": "transcribe",
    "analyze": "analyze",
    "evaluate": "evaluate",
    "vocab": "vocab",
    "encoders": "encoders",
    "weights": "weights",
    "replay": "replay",
    "rules": "rules",
    "tree": "tree",
}
"""Commands, and the module of `cli.commands` whose `app` has each."""


class _Commands(TyperGroup):
    """The root group.

    Only the module of the chosen command is imported: some need the recogniser, some the
    database, and most need neither. An expected failure becomes one line and an exit code.
    """

    def list_commands(self, _ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """All names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, _ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        """The command of that name, None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"cli.commands.{COMMANDS[cmd_name]}")
        command: Any = typer.main.get_command(module.app)
        inside = getattr(command, "commands", {})
        command = inside.get(cmd_name, command)
        command.name = cmd_name
        found: TyperCommand | TyperGroup = command
        return found

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except AppError as error:
            print_error(error)
            raise typer.Exit(exit_code(error)) from error


app = typer.Typer(
    name="tingjian",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("tingjian"))
        raise typer.Exit


@app.callback(help=_HELP)
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="版本号。")
    ] = False,
) -> None:
    """Hold the options of `tingjian` itself."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
