"""`tingjian tree`: check a key-event tree, and show it."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree as Drawing

from cli.console import JsonFlag, out, print_json
from cli.linting import Linted, read_document, show_linted
from cli.packs import tree_named
from core.serial import to_json
from events import document as trees
from events.lint import lint_text
from events.tree import EventNode

app = typer.Typer(help="关键事件树：检查、查看。", no_args_is_help=True, add_completion=False)

Names = Annotated[
    list[str] | None, typer.Argument(help="YAML 文件、包名或行业；不给则检查全部自带的包。")
]


@app.command("lint", help="检查事件树，逐条给出文件与行号；有错误时退出码为 1。")
def lint(names: Names = None, as_json: JsonFlag = False) -> None:
    """Run `tree lint`."""
    show_linted([_lint(name) for name in names or trees.pack_names()], as_json)


def _lint(name: str) -> Linted:
    document = read_document(name, "events", lambda wanted: trees.load_pack(wanted).name)
    return Linted(document.source, tuple(lint_text(document.text, document.source)))


@app.command("show", help="显示事件树的节点、SOP 步骤与识别方式。")
def show(
    name: Annotated[str, typer.Argument(help="YAML 文件、包名或行业。")], as_json: JsonFlag = False
) -> None:
    """Run `tree show`."""
    tree = tree_named(name)
    if as_json:
        print_json(to_json(tree))
        return
    drawing = Drawing(escape(f"{tree.ref}（{tree.domain}）{tree.description}"))
    for node in tree.nodes:
        _draw(drawing, node)
    out().print(drawing)


def _draw(parent: Drawing, node: EventNode) -> None:
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
    for child in node.children:
        _draw(branch, child)
