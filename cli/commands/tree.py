"""`tingjian tree`: check, show and compare key-event trees; as spreadsheets and back."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree as Drawing

from cli.changes import show_changes
from cli.console import JsonFlag, out, print_json
from cli.exits import Exit
from cli.learning import learn_now
from cli.linting import Linted, read_document, show_linted, unreadable
from cli.node_figures import figure_issues, measured, told
from cli.options import DataDir, load_settings
from cli.packs import tree_named
from core.errors import AppError
from core.serial import to_json
from core.settings import Settings
from events import document as trees
from events.diff import diff_trees
from events.dumping import dump_tree
from events.lint import lint_text
from events.spreadsheet import tree_from_spreadsheet, tree_to_spreadsheet
from events.tree import EventNode

app = typer.Typer(
    help="关键事件树：检查、查看、比较、导出与导入表格。",
    no_args_is_help=True,
    add_completion=False,
)

Names = Annotated[
    list[str] | None, typer.Argument(help="YAML 文件、包名或行业；不给则检查全部自带的包。")
]


Figures = Annotated[
    bool,
    typer.Option("--figures", help="还测算各节点的阈值、预期精确率与召回率（要加载编码器）。"),
]


@app.command("lint", help="检查事件树，逐条给出文件与行号；有错误时退出码为 1。")
def lint(
    names: Names = None,
    figures: Figures = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `tree lint`."""
    settings = load_settings(data_dir) if figures else None
    show_linted([_lint(name, settings) for name in names or trees.pack_names()], as_json)


def _lint(name: str, settings: Settings | None) -> Linted:
    try:
        document = read_document(name, "events", "bad-tree", lambda n: trees.load_pack(n).name)
    except AppError as error:
        if error.code != "bad-tree":
            raise
        return unreadable(error, name)
    issues = tuple(lint_text(document.text, document.source))
    if settings is not None and not any(issue.severity == "error" for issue in issues):
        tree = trees.parse_tree(document.text, document.source)
        issues += figure_issues(measured(tree, settings), document.source)
    return Linted(document.source, issues)


@app.command("show", help="显示事件树的节点、SOP 步骤与识别方式。")
def show(
    name: Annotated[str, typer.Argument(help="YAML 文件、包名或行业。")],
    figures: Figures = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `tree show`."""
    tree = tree_named(name)
    found = measured(tree, load_settings(data_dir)) if figures else ()
    if as_json:
        document = to_json(tree)
        print_json({**document, "figures": to_json(found)} if figures else document)
        return
    drawing = Drawing(escape(f"{tree.ref}（{tree.domain}）{tree.description}"))
    by_path = {item.node: told(item) for item in found}
    for node in tree.nodes:
        _draw(drawing, node, by_path)
    out().print(drawing)


@app.command("learn", help="从更正学习一棵树：拟合、回测；有改善就等待启用，否则说明原因。")
def learn(
    name: Annotated[str, typer.Argument(help="事件树的名称（服务里的）。")],
    accept: Annotated[bool, typer.Option("--accept", help="通过回测就直接启用。")] = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `tree learn`."""
    settings = load_settings(data_dir)
    row = asyncio.run(learn_now(settings, name, accept=accept))
    if as_json:
        print_json(row)
    else:
        out().print(f"{row['tree']}#{row['number']} {row['state']}：{row['reason']}", markup=False)
    if row["state"] == "failed":
        raise typer.Exit(Exit.FAILED)


def _draw(parent: Drawing, node: EventNode, figures: Mapping[str, str]) -> None:
    marks: list[str] = [node.role]
    if node.sop:
        marks += ["SOP", *(["必做"] if node.required else []), f"权重 {node.weight:g}"]
    matchers = "、".join(
        f"{name} {len(values)}"
        for name, values in (
            ("关键词", node.match.keywords),
            ("正则", node.match.regex),
            ("例句", node.match.examples),
            ("反例", node.match.counter_examples),
        )
        if values
    )
    branch = parent.add(escape(f"{node.name}（{'，'.join(marks)}）{matchers}"))
    if node.path in figures:
        branch.add(escape(figures[node.path]))
    for child in node.children:
        _draw(branch, child, figures)


@app.command("diff", help="比较两棵事件树：新增、删除与修改的节点，逐字段列出。")
def diff(
    old: Annotated[str, typer.Argument(help="旧的：YAML 文件、包名或行业。")],
    new: Annotated[str, typer.Argument(help="新的：YAML 文件、包名或行业。")],
    as_json: JsonFlag = False,
) -> None:
    """Run `tree diff`."""
    show_changes(diff_trees(tree_named(old), tree_named(new)), as_json)


@app.command("export", help="把事件树写成 xlsx 表格（每个节点一行）或 YAML，按文件名的结尾。")
def export(
    name: Annotated[str, typer.Argument(help="YAML 文件、包名或行业。")],
    file: Annotated[Path, typer.Argument(help="要写的文件：.xlsx 或 .yaml。")],
) -> None:
    """Run `tree export`."""
    tree = tree_named(name)
    if file.suffix.lower() == ".xlsx":
        content = tree_to_spreadsheet(tree)
    elif file.suffix.lower() in (".yaml", ".yml"):
        content = dump_tree(tree).encode()
    else:
        raise AppError("bad-file-name", f"{file} 应以 .xlsx 或 .yaml 结尾，请改文件名。")
    _write(file, content)
    out().print(f"已写入 {file}", markup=False)


@app.command("import", help="把 xlsx 表格变成 YAML；读不懂的行逐条给出行号与改法。")
def import_(
    sheet: Annotated[Path, typer.Argument(help="xlsx 表格。")],
    file: Annotated[Path | None, typer.Argument(help="要写的 YAML 文件；不给则打印。")] = None,
) -> None:
    """Run `tree import`."""
    try:
        content = sheet.read_bytes()
    except OSError as error:
        raise AppError("not-found", f"读不了文件 {sheet}（{error}）。请检查路径。") from error
    text = dump_tree(tree_from_spreadsheet(content))
    if file is None:
        typer.echo(text, nl=False)
        return
    _write(file, text.encode())
    out().print(f"已写入 {file}", markup=False)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise AppError("not-writable", f"写不了文件 {file}（{error}）。请换个位置。") from error
