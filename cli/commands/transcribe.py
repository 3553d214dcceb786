"""`tingjian transcribe`: recordings as text, without a server."""

import enum
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from asr.transcript import Transcript
from cli.calls import find_calls
from cli.console import JsonFlag, err, error_json, print_json, steps
from cli.ears import channel_roles, transcriber
from cli.exits import Exit
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
    results: list[dict[str, Any]] = []
    with steps("转写", len(recordings)) as progress:
        for path in recordings:
            progress.start(path.name)
            try:
                transcript = ears.transcribe(
                    [path],
                    roles,
                    progress=lambda share, n=path.name: progress.share(n, share),  # type: ignore[misc]
                )
                target = output / names[path] if output else None
                if target is not None:
                    write_text(target, _written(transcript, form))
                elif not as_json:
                    typer.echo(_headed(transcript, form, path, len(recordings)))
                results.append(_done(path, target, transcript))
            except AppError as error:
                progress.note(f"失败 {path}：[{error.code}] {error.message}")
                results.append({"file": str(path), "status": "failed", "error": error_json(error)})
            progress.finish(path.name)
    failed = sum(result["status"] == "failed" for result in results)
    if as_json:
        print_json({"calls": results, "done": len(results) - failed, "failed": failed})
    elif failed:
        err().print(f"{len(results) - failed} 个完成，{failed} 个失败。")
    if failed:
        raise typer.Exit(Exit.FAILED)


def _done(path: Path, target: Path | None, transcript: Transcript) -> dict[str, Any]:
    result: dict[str, Any] = {"file": str(path), "status": "done"}
    if target is not None:
        return {**result, "out": str(target)}
    return {**result, "transcript": to_json(transcript)}


def _written(transcript: Transcript, form: Format) -> str:
    if form is Format.SRT:
        return as_srt(transcript)
    if form is Format.TEXT:
        return as_text(transcript)
    return json.dumps(to_json(transcript), ensure_ascii=False, indent=2) + "\n"


def _headed(transcript: Transcript, form: Format, path: Path, files: int) -> str:
    text = _written(transcript, form).rstrip("\n")
    return f"# {path}\n{text}\n" if files > 1 and form is Format.TEXT else text
