"""`tingjian analyze`: the whole pipeline without a server, one JSON file for each call."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asr.transcript import Role, Transcript
from cli.batches import Result, Share, each_file, end_files
from cli.calls import WrittenCall, find_calls, read_written_call
from cli.console import JsonFlag, err, out
from cli.ears import channel_roles, transcriber
from cli.options import load_settings
from cli.outputs import free_names, write_text
from cli.packs import Analyzers
from core.errors import AppError
from core.ids import sha256_file

if TYPE_CHECKING:
    from pipeline.analysis import CallAnalysis

KEYS = ("call", "transcript", "events", "sop", "findings", "score", "metrics", "versions")


app = typer.Typer(add_completion=False)


@app.command(
    "analyze",
    help="不用服务器，跑完整条流水线：每通通话写一个 <name>.json。坏文件逐个报告，其余照做。",
)
def analyze(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="录音、转写 JSON、标注 JSON，或放有它们的目录。"),
    ],
    tree: Annotated[
        str | None, typer.Option("--tree", help="事件树：包名、行业或 YAML 文件；默认按行业。")
    ] = None,
    rules: Annotated[
        str | None, typer.Option("--rules", help="规则集：包名、行业或 YAML 文件；默认按行业。")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="行业（edu、ins…）；默认取文件里写的，否则通用。")
    ] = None,
    output: Annotated[Path, typer.Option("--out", help="结果写到这个目录。")] = Path(),
    channels: Annotated[
        str | None, typer.Option("--channels", help="声道的角色，如 agent,customer。")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run `analyze`."""
    from pipeline.analysis import analysis_document
    from pipeline.wording import corrected

    settings = load_settings()
    roles = channel_roles(channels, settings)
    files = find_calls(paths)
    names = free_names(files, ".json")
    analyzers = Analyzers(settings, tree, rules)
    ears = transcriber(settings)
    if any(path.suffix.lower() != ".json" for path in files):
        _ = ears.engine_info  # A machine without weights is one error, not one for each file.

    def hear(path: Path, progress: Share) -> Transcript:
        return ears.transcribe([path], roles, progress=progress)

    def analysed(path: Path, share: Share) -> Result:
        given = _given(path, hear, share)
        chosen = domain or given.domain
        analyzer = analyzers.for_domain(chosen)
        heard = corrected(given.transcript, analyzer.tree, None)
        known = {**given.metadata, **({"domain": chosen} if chosen else {})}
        found = analyzer.analyze(heard, known)
        facts = _call_facts(path, heard, chosen, given.metadata)
        document = analysis_document(facts, heard, found)
        target = output / names[path]
        _refuse_to_overwrite(target)
        write_text(target, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        return _summary(target, found)

    results = each_file("分析", files, analysed)
    end_files(results, as_json, lambda done, failed: _show(results, done, failed))


def _given(
    path: Path,
    hear: Callable[[Path, Share], Transcript],
    progress: Share,
) -> WrittenCall:
    if path.suffix.lower() == ".json":
        return read_written_call(path)
    return WrittenCall(hear(path, progress), "")


def _call_facts(
    path: Path, transcript: Transcript, domain: str, metadata: Mapping[str, object]
) -> dict[str, Any]:
    roles: dict[int, Role] = {u.channel: u.role for u in transcript.utterances}
    roles.update({speech.channel: speech.role for speech in transcript.speech})
    return {
        "name": path.stem,
        "file": path.name,
        "sha256": sha256_file(path),
        "domain": domain or None,
        "duration_ms": transcript.audio.duration_ms,
        "channels": [roles.get(channel, "unknown") for channel in range(transcript.audio.channels)],
        **({"metadata": dict(metadata)} if metadata else {}),
    }


def _refuse_to_overwrite(target: Path) -> None:
    """An earlier result may be replaced; anything else at that name is somebody's file."""
    if not target.exists():
        return
    try:
        document = json.loads(target.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict) or not set(KEYS) <= set(document):
        raise AppError(
            "would-overwrite",
            f"{target} 已存在，而且不是分析结果。请用 --out 指定别的目录。",
        )


def _summary(target: Path, found: "CallAnalysis") -> Result:
    return {
        "out": str(target),
        "score": found.score.value,
        "events": len(found.events),
        "hits": [f.rule_name for f in found.findings if f.outcome == "hit"],
        "sop_coverage": found.sop.coverage,
    }


def _show(results: list[Result], done: int, failed: int) -> None:
    for result in results:
        if result["status"] == "done":
            out().print(_told(result), markup=False)
    err().print(f"{done} 通完成，{failed} 个失败。")


def _told(result: Result) -> str:
    coverage = result["sop_coverage"]
    sop = "" if coverage is None else f"，SOP {coverage:.0%}"
    hits = f"，命中 {'、'.join(result['hits'])}" if result["hits"] else ""
    return f"{result['out']}：得分 {result['score']:g}，事件 {result['events']} 个{sop}{hits}"
