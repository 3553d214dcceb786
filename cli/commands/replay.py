"""`tingjian replay`: make a stored result again with its own versions, and compare."""

import asyncio
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.calls import call_document, metadata_of
from cli.console import JsonFlag, out, print_json
from cli.exits import Exit
from cli.options import DataDir, load_settings
from cli.packs import Analyzers, is_file, rules_versioned, tree_versioned
from core.errors import AppError
from core.settings import Settings

if TYPE_CHECKING:
    from pipeline.replaying import Replay

app = typer.Typer(add_completion=False)


@app.command(
    "replay",
    help="用当时的版本重算一通通话的发现与得分，和存下的结果逐项比较；不同时退出码为 1。",
)
def replay(
    call: Annotated[
        str, typer.Argument(metavar="CALL", help="通话编号，或 tingjian analyze 写的 JSON 文件。")
    ],
    tree: Annotated[
        str | None,
        typer.Option("--tree", help="当时的事件树文件；默认找自带包里的同名同版本（只用于文件）。"),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option("--rules", help="当时的规则集文件，用法同 --tree。"),
    ] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `replay`."""
    settings = load_settings(data_dir)
    if call.endswith(".json") or Path(call).is_file():
        found = _from_file(settings, Path(call), tree, rules)
    elif tree or rules:
        raise AppError("bad-options", "--tree 与 --rules 只用于分析结果文件，请删去。")
    else:
        found = _from_database(settings, _call_id(call))
    _show(found, as_json)
    if found.differences:
        raise typer.Exit(Exit.FAILED)


def _call_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise AppError(
            "bad-options", f"{text} 既不是通话编号，也不是 JSON 文件。请检查。"
        ) from None


def _from_file(settings: Settings, path: Path, tree: str | None, rules: str | None) -> "Replay":
    from pipeline.replaying import read_analysis, replay_written

    document = call_document(path)
    stored = read_analysis(document, str(path))
    for given in (tree, rules):
        if given and not is_file(given):
            raise AppError("bad-options", f"没有文件 {given}。请给出 YAML 文件。")
    analyzer = Analyzers.of(
        settings,
        tree_versioned(str(stored.versions.get("tree", "")), tree),
        rules_versioned(str(stored.versions.get("ruleset", "")), rules),
    )
    domain = document.get("call", {}).get("domain")
    known = {**metadata_of(document, path), **({"domain": domain} if domain else {})}
    return replay_written(path.stem, stored, analyzer, known)


def _from_database(settings: Settings, call_id: uuid.UUID) -> "Replay":
    async def run() -> "Replay":
        from models.database import open_database
        from pipeline.analyzers import Analyzers as StoredAnalyzers
        from pipeline.replaying import replay_call

        database = await asyncio.to_thread(open_database, settings)
        try:
            async with database.session() as session:
                return await replay_call(session, StoredAnalyzers(settings), call_id)
        finally:
            await database.close()

    return asyncio.run(run())


def _show(found: "Replay", as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {"same": not found.differences, **asdict(found)}
        print_json(document)
        return
    console = out()
    for difference in found.differences:
        console.print(
            f"{difference.at}：存下的是 {difference.stored}，重放得到 {difference.replayed}",
            markup=False,
            soft_wrap=True,
        )
    verdict = f"{len(found.differences)} 处不同" if found.differences else "完全相同"
    made_with = f"{found.versions['tree']}、{found.versions['ruleset']}"
    console.print(
        f"{found.call}：{verdict}（{found.findings} 条规则，得分 {found.score:g}；{made_with}）",
        markup=False,
        soft_wrap=True,
    )
    if found.unchecked:
        console.print(f"结果里没有记录、因而没有核对：{'、'.join(found.unchecked)}", markup=False)
