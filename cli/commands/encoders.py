"""`tingjian encoders`: which sentence encoder serves the team's calls best."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.batches import end_report
from cli.console import JsonFlag, decimal, out, steps
from cli.evaluation.encoders import NO_ENCODER, compare_encoders, encoders_json
from cli.evaluation.run import find_labelled
from cli.options import load_settings
from cli.packs import tree_named, tree_of_domain
from core.settings import NlpSettings, Settings
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import BUILT_IN, load_encoder

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="语义编码器：用标注通话比较准确率与速度。"
)


@app.callback()
def encoders() -> None:
    """Keep `compare` a command of its own name, though it is the only one."""


@app.command("compare", help="对照标注文字，比较编码器：例句检索、事件 F1、每秒编码句数。")
def compare(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="放有标注 JSON 的目录。")],
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="要比较的编码器，可多次给出：use，或 Hugging Face 名称、目录。"
            "总是同时给出 use 与不用编码器（none）的结果。",
        ),
    ] = None,
    tree: Annotated[
        str | None, typer.Option("--tree", help="事件树；默认按每通的 domain。")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `encoders compare`."""
    settings = load_settings()
    chosen = tree_named(tree) if tree else None
    calls, failed = find_labelled(directory, with_audio=False)
    names = dict.fromkeys((NO_ENCODER, BUILT_IN, *(encoder or ())))
    load = {name: partial(_load, settings, name) for name in names}
    with steps("比较编码器", len(load)) as progress:
        results = compare_encoders(
            calls, load, lambda domain: chosen or tree_of_domain(domain), progress
        )
    document = encoders_json(results)
    end_report(document, failed, as_json, _print)


def _load(settings: Settings, name: str) -> SentenceEncoder | None:
    if name == NO_ENCODER:
        return None
    return load_encoder(NlpSettings(encoder=name), settings.data_dir, offline=settings.offline)


def _print(document: Mapping[str, Any]) -> None:
    table = Table(
        "编码器", "维数", "句/秒", "例句检索 MAP", "只用例句 F1", "整棵树 F1", "整棵树 宏平均 F1"
    )
    for item in document["encoders"]:
        table.add_row(
            item["encoder"] or item["name"],
            str(item["dim"] or "—"),
            decimal(item["sentences_per_s"], 0),
            decimal(item["ranking_map"]),
            decimal(item["examples_only"]["f1"]),
            decimal(item["whole_tree"]["f1"]),
            decimal(item["whole_tree"]["macro_f1"]),
        )
    out().print(table)
