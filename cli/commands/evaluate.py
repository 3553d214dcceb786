"""`tingjian evaluate`: figures of a directory of labelled calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.batches import end_report
from cli.console import JsonFlag, decimal, out, steps
from cli.evaluation.hearing import hearing, mixed_hearing, require_diarization
from cli.evaluation.report import report_json
from cli.evaluation.run import evaluate_calls, find_labelled
from cli.options import load_settings
from cli.packs import Analyzers
from core.errors import AppError

app = typer.Typer(add_completion=False)


@app.command(
    "evaluate", help="对照标注评测：字错率、事件与质检的精确率和召回率、SOP 状态准确率、速度。"
)
def evaluate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="放有录音与标注 JSON 的目录。")],
    text_only: Annotated[
        bool, typer.Option("--text-only", help="只评测标注文字，不识别录音。")
    ] = False,
    tree: Annotated[
        str | None, typer.Option("--tree", help="事件树；默认按每通的 domain。")
    ] = None,
    rules: Annotated[
        str | None, typer.Option("--rules", help="规则集；默认按每通的 domain。")
    ] = None,
    mono: Annotated[
        bool, typer.Option("--mono", help="把各声道混成一个再识别，评测说话人分离与角色。")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run `evaluate`."""
    if mono and text_only:
        raise AppError("bad-options", "--mono 要识别录音，--text-only 不识别录音。请只用其中一个。")
    settings = load_settings()
    if mono:
        require_diarization()
    calls, failed = find_labelled(directory, with_audio=not text_only)
    analyzers = Analyzers(settings, tree, rules)
    with steps("评测", len(calls)) as progress:
        hears = mixed_hearing if mono else hearing
        transcribe = None if text_only else hears(settings)
        result = evaluate_calls(calls, analyzers, transcribe, progress, failed, is_mono=mono)
    report = report_json(result)
    end_report(report, result.failed, as_json, _print_report)


def _print_report(report: Mapping[str, Any]) -> None:
    console = out()
    line = f"{report['calls']} 通"
    if report["x_realtime"] is not None:
        line += (
            f"，录音 {report['audio_seconds']:.0f} 秒，用时 {report['wall_seconds']:.0f} 秒，"
            f"{report['x_realtime']:.1f} 倍实时"
        )
    console.print(line)
    if report["cer"]["all"] is not None:
        cer = Table("字错率", "全部", "坐席", "客户")
        cer.add_row("CER", *(decimal(report["cer"][key]) for key in ("all", "agent", "customer")))
        console.print(cer)
    if report["mono"] is not None:
        mono = Table("单声道", "DER", "说话人混淆", "角色正确（时长）", "角色正确（句）")
        mono.add_row("混音", *(decimal(value) for value in report["mono"].values()))
        console.print(mono)
    summary = Table("", "精确率", "召回率", "F1", "宏平均 F1", "SOP 状态准确率")
    for kind, name in (("events", "事件"), ("qa", "违规")):
        for text, label in (("reference_text", "标注文字"), ("recognised_text", "识别文字")):
            scores = report[kind][text]
            if scores is None:
                continue
            micro = scores["micro"]
            sop = report["sop"][text]["accuracy"] if kind == "events" else None
            summary.add_row(
                f"{name}（{label}）",
                *(decimal(micro[key]) for key in ("precision", "recall", "f1")),
                decimal(scores["macro_f1"]),
                decimal(sop) if kind == "events" else "",
            )
    console.print(summary)
    best_text = "recognised_text" if report["events"]["recognised_text"] else "reference_text"
    _print_each("事件节点，错得多的在前", report["events"][best_text]["per_node"])
    _print_each("违规规则，错得多的在前", report["qa"][best_text]["per_rule"])


def _print_each(title: str, each: Mapping[str, Mapping[str, Any]]) -> None:
    """Every label that was labelled or recognised; those with the most errors come first."""
    worst = sorted(each.items(), key=lambda item: -(item[1]["fp"] + item[1]["fn"]))
    table = Table(title, "标注", "精确率", "召回率", "F1", "误报", "漏报")
    for name, scores in worst:
        table.add_row(
            name,
            str(scores["support"]),
            *(decimal(scores[key]) for key in ("precision", "recall", "f1")),
            str(scores["fp"]),
            str(scores["fn"]),
        )
    out().print(table)
