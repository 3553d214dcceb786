"""`tingjian transcribe`: recordings as text, without a server."""

import enum
import json
from pathlib import Path
from typing import Annotated

import typer

from asr.transcript import Transcript
from cli.batches import Result, Share, each_file, end_files
from cli.calls import find_calls
from cli.console import JsonFlag, err
from cli.ears import channel_roles, transcriber
from cli.options import load_settings
from cli.outputs import free_names, write_text
from cli.subtitles import as_srt, as_text
from core.errors import AppError
from core.serial import to_json


class Format(enum.StrEnum):
    """How a transcript is written."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"


_SUFFIX = {Format.JSON: ".transcript.json", Format.TEXT: ".txt", Format.SRT: ".srt"}


app = typer.Typer(add_completion=False)


@app.command(
    "transcribe",
    help="把录音转写成文字（谁、何时、说了什么）。坏文件逐个报告，其余照做，退出码为 1。",
)
def transcribe(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="录音文件或目录。")],
    channels: Annotated[
        str | None, typer.Option("--channels", help="声道的角色，如 agent,customer。")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", help="写到这个目录；不给则写到标准输出。")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="格式。")] = Format.TEXT,
    as_json: JsonFlag = False,
) -> None:
    """Run `transcribe`."""
    settings = load_settings()
    roles = channel_roles(channels, settings)
    recordings = [path for path in find_calls(paths) if path.suffix.lower() != ".json"]
    if not recordings:
        raise AppError("not-found", "给出的路径里没有录音。请给出录音文件或放有录音的目录。")
    names = free_names(recordings, _SUFFIX[form])
    ears = transcriber(settings)
    _ = ears.engine_info  # A machine without weights is one error, not one for each file.

    def transcribed(path: Path, share: Share) -> Result:
        transcript = ears.transcribe([path], roles, progress=share)
        if output is not None:
            write_text(target := output / names[path], _written(transcript, form))
            return {"out": str(target)}
        if not as_json:
            typer.echo(_headed(transcript, form, path, len(recordings)))
        return {"transcript": to_json(transcript)}

    end_files(each_file("转写", recordings, transcribed), as_json, _show)


def _show(done: int, failed: int) -> None:
    if failed:
        err().print(f"{done} 个完成，{failed} 个失败。")


def _written(transcript: Transcript, form: Format) -> str:
    if form is Format.SRT:
        return as_srt(transcript)
    if form is Format.TEXT:
        return as_text(transcript)
    return json.dumps(to_json(transcript), ensure_ascii=False, indent=2) + "\n"


def _headed(transcript: Transcript, form: Format, path: Path, files: int) -> str:
    text = _written(transcript, form).rstrip("\n")
    return f"# {path}\n{text}\n" if files > 1 and form is Format.TEXT else text
