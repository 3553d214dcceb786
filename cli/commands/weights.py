"""`tingjian weights`: which recognition weights are here, get them, check them."""

from typing import Annotated

import typer
from rich.table import Table

from asr.weights import ResolvedWeights, WeightsRegistry
from cli.console import JsonFlag, err, out, print_json
from cli.options import DataDir, load_settings
from core.serial import to_json

app = typer.Typer(help="识别权重：查看、获取、校验。", no_args_is_help=True, add_completion=False)

Name = Annotated[str | None, typer.Argument(help="权重名；默认取设置 TINGJIAN_ASR__WEIGHTS。")]


@app.command("list", help="列出已知的权重，以及哪些在本机。")
def list_weights(data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `weights list`."""
    settings = load_settings(data_dir)
    entries = WeightsRegistry(settings.data_dir, settings.offline).list()
    if as_json:
        print_json({"weights": [to_json(entry) for entry in entries], "used": settings.asr.weights})
        return
    table = Table("名称", "本机", "来源", "说明")
    for entry in entries:
        used = " *" if entry.name == settings.asr.weights else ""
        table.add_row(
            entry.name + used, "有" if entry.available else "无", entry.source or "", entry.note
        )
    out().print(table)
    out().print("* 当前设置使用")


@app.command("pull", help="把权重放进数据目录（从已安装的包组装，或从网络下载）。")
def pull(name: Name = None, data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `weights pull`."""
    settings = load_settings(data_dir)
    wanted = name or settings.asr.weights
    err().print(f"正在准备权重 {wanted}……", markup=False)
    _show(WeightsRegistry(settings.data_dir, settings.offline).pull(wanted), as_json)


@app.command("verify", help="重新计算权重文件的 SHA-256 并与应有值比较。")
def verify(name: Name = None, data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Run `weights verify`."""
    settings = load_settings(data_dir)
    registry = WeightsRegistry(settings.data_dir, settings.offline)
    _show(registry.verify(name or settings.asr.weights), as_json)


def _show(weights: ResolvedWeights, as_json: bool) -> None:
    if as_json:
        print_json(to_json(weights))
    else:
        out().print(f"{weights.name}：就绪（{weights.directory}，SHA-256 {weights.sha256}）")
