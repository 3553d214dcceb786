"""`tingjian upload`: recordings to a running service, with the result of each."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import ServiceClient
from cli.console import JsonFlag, Steps, err, error_json, out, print_json, steps
from cli.exits import Exit
from cli.uploads import Item, plan
from core.errors import AppError

_POLL_S = 1.0
_STATUS = {
    "accepted": "已接收",
    "duplicate": "已存在",
    "rejected": "被拒绝",
    "valid": "可上传",
}
_UNUSABLE = ("server-", "unauthenticated", "forbidden", "database-", "storage-")


app = typer.Typer(add_completion=False)


@app.command(
    "upload", help="把录音上传到运行中的服务。逐个给出结果；有被拒绝或处理失败的，退出码为 1。"
)
def upload(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="录音文件或目录。")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="CSV 或 JSONL 清单，file 列写录音文件名。")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", envvar="TINGJIAN_URL", help="服务地址。")
    ] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str | None, typer.Option("--api-key", envvar="TINGJIAN_API_KEY", help="API 密钥 tjk_…。")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="行业（edu、ins…），用于没有写明的录音。")
    ] = None,
    channels: Annotated[
        str | None, typer.Option("--channels", help="声道的角色，如 agent,customer。")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="等到全部处理完。")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不保存。")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run `upload`."""
    if not api_key:
        raise AppError(
            "no-api-key",
            "需要 API 密钥：在网页的“设置”（/settings）里建一个，用 --api-key 或 "
            "TINGJIAN_API_KEY 给出。",
        )
    common = {k: v for k, v in (("domain", domain), ("channels", channels)) if v}
    items = plan(paths or [], manifest, common)
    with ServiceClient(url, api_key) as client:
        with steps("上传", len(items)) as progress:
            results = [_send(client, item, dry_run, progress) for item in items]
        if wait and not dry_run:
            wait_for(client, results)
    _conclude(results, as_json)


def _send(client: ServiceClient, item: Item, dry_run: bool, progress: Steps) -> dict[str, Any]:
    progress.start(item.name)
    try:
        if item.error is not None:
            raise item.error
        result = client.upload(item.files, item.metadata, dry_run=dry_run)
        result = {**result, "file": item.name, "row": item.row}
    except AppError as error:
        if error.code.startswith(_UNUSABLE):
            raise
        result = {
            "file": item.name,
            "row": item.row,
            "status": "rejected",
            "call_id": None,
            "error": error_json(error),
        }
    progress.finish(item.name)
    return result


def wait_for(client: ServiceClient, results: list[dict[str, Any]]) -> None:
    """Poll until every call of `results` is done or failed; adds `state`, `score`, `error`."""
    waiting = {r["call_id"]: r for r in results if r["call_id"] is not None}
    with steps("处理", len(waiting)) as progress:
        while waiting:
            for call_id, result in list(waiting.items()):
                call = client.get(f"/calls/{call_id}")
                result["state"] = call["state"]
                if call["state"] not in ("done", "failed"):
                    continue
                del waiting[call_id]
                result["score"] = call["score"]["value"] if call["score"] else None
                result["error"] = call["error"]
                progress.finish(result["file"])
            if waiting:
                time.sleep(_POLL_S)


def _conclude(results: list[dict[str, Any]], as_json: bool) -> None:
    counts = {
        name: sum(result["status"] == status for result in results)
        for name, status in (
            ("accepted", "accepted"),
            ("duplicates", "duplicate"),
            ("rejected", "rejected"),
            ("valid", "valid"),
        )
    }
    failed = sum(result.get("state") == "failed" for result in results)
    if as_json:
        print_json({"results": results, **counts, "failed": failed})
    else:
        for result in results:
            out().print(_told(result), markup=False)
        err().print(
            f"接收 {counts['accepted']}，已存在 {counts['duplicates']}，"
            f"被拒绝 {counts['rejected']}，处理失败 {failed}。"
        )
    if counts["rejected"] or failed:
        raise typer.Exit(Exit.FAILED)


def _told(result: dict[str, Any]) -> str:
    line = f"{result['file']}：{_STATUS[result['status']]}"
    if result["call_id"]:
        line += f" {result['call_id']}"
    if result.get("state") == "done":
        score = result["score"]
        line += "，处理完成" + ("" if score is None else f"，得分 {score:g}")
    if result["error"]:
        prefix = "处理失败：" if result.get("state") == "failed" else ""
        line += f"，{prefix}{result['error']['message']}"
    return line
