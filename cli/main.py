"""Entry point of the `tingjian` command: the composition root of the product."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.commands import (
    analyze,
    demo,
    evaluate,
    rules,
    serve,
    transcribe,
    tree,
    up,
    upload,
    users,
    weights,
)
from cli.console import print_error
from cli.exits import exit_code
from core.errors import AppError

_HELP = "听鉴：自托管的电销通话智能。退出码：0 成功，1 有失败项，2 输入有误，3 环境缺失。"


class _Commands(TyperGroup):
    """The root group: an expected failure becomes one line and an exit code."""

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


for _group in (up, serve, upload, transcribe, analyze, evaluate, demo):
    _group.register(app)
app.add_typer(weights.app, name="weights")
app.add_typer(rules.app, name="rules")
app.add_typer(tree.app, name="tree")
app.add_typer(users.app, name="users")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
