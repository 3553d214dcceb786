"""`tingjian vocab`: what correction towards a vocabulary does to labelled calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from asr.transcript import ROLE_NAMES
from cli.batches import end_report
from cli.console import JsonFlag, decimal, out, steps
from cli.evaluation.hearing import told_hearing
from cli.evaluation.run import find_labelled
from cli.evaluation.vocabulary import (
    VERDICTS,
    measure_vocabulary,
    read_terms,
    vocabulary_json,
)
from cli.options import load_settings
from cli.subtitles import clock
from nlp.tokenizer import domain_words

_VERDICT_NAMES = {"fixed": "改对", "harmed": "改坏", "neutral": "前后都不对"}

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="热词表：用标注通话检验按读音纠正的效果。"
)


@app.callback()
def vocab() -> None:
    """Keep `report` a command of its own name, though it is the only one."""


@app.command("report", help="对照标注，给出纠正前后的字错率，和每处替换改对还是改坏。")
def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="放有录音与标注 JSON 的目录。")],
    terms: Annotated[
        Path | None, typer.Option("--terms", help="词表文件，每行一个词，# 之后是注释。")
    ] = None,
    with_hotwords: Annotated[
        bool,
        typer.Option("--hotwords", help="每通再识别一遍，事先告诉识别引擎公司与坐席的名字。"),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run `vocab report`."""
    settings = load_settings()
    words = [*domain_words(), *(read_terms(terms) if terms else ())]
    calls, failed = find_labelled(directory, with_audio=True)
    with steps("检验词表", len(calls)) as progress:
        result = measure_vocabulary(
            calls, words, told_hearing(settings), progress, failed, with_hotwords=with_hotwords
        )
    document = vocabulary_json(result)
    end_report(document, result.failed, as_json, _print_report)


def _print_report(document: Mapping[str, Any]) -> None:
    console = out()
    used, ignored = document["terms"]["used"], document["terms"]["ignored"]
    console.print(f"{document['calls']} 通，词表 {used} 个词")
    if ignored:
        console.print(f"没有用上（只支持 2 到 12 个汉字的词）：{'、'.join(ignored)}", markup=False)
    cer = Table("字错率", "全部", "坐席", "客户")
    for key, name in (("before", "纠正前"), ("after", "纠正后"), ("hotwords", "提示热词")):
        rates = document["cer"][key]
        if rates is None:
            continue
        cer.add_row(name, *(decimal(rates[role]) for role in ("all", "agent", "customer")))
    console.print(cer)
    counts = "，".join(f"{_VERDICT_NAMES[v]} {document['verdicts'][v]} 处" for v in VERDICTS)
    false = document["on_reference"]["false"]
    console.print(
        f"{counts}；标注文字 {document['on_reference']['characters']} 字中误改 {len(false)} 处"
    )
    words = document["campaign_words"]
    if words["with_hotwords"] is not None:
        console.print(
            f"公司与坐席的名字说了 {words['said']} 次：识别出 {words['recognised']} 次，"
            f"提示热词后 {words['with_hotwords']} 次"
        )
    if document["replacements"]:
        console.print(_log(document["replacements"]))
    if document["harmful"]:
        console.print("在这些通话上弊大于利：请不要用这份词表，或去掉改坏的词再试。")


def _log(replacements: list[dict[str, Any]]) -> Table:
    table = Table("通话", "时间", "谁", "原文", "改成", "结果")
    for made in replacements:
        table.add_row(
            escape(made["call"]),
            clock(made["start_ms"]),
            ROLE_NAMES[made["role"]],
            escape(made["before"]),
            escape(made["after"]),
            _VERDICT_NAMES[made["verdict"]],
        )
    return table
