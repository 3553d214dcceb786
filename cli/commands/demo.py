"""`tingjian demo`: the sample calls through the whole product, then the product itself."""

import datetime as dt
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import ServiceClient
from cli.commands.up import RESET, Running, running
from cli.console import err, out
from cli.evaluation.run import LabelledCall, find_labelled
from cli.options import DataDir, Host, Port, load_settings
from cli.preparation import PRESET
from cli.timeline import call_timeline
from core.errors import AppError
from core.settings import Settings

_SIGN_IN_FILE = "demo-sign-in.json"
_POLL_S = 0.5
_STATES = {"received": "排队", "transcribing": "转写中", "analyzing": "分析中"}
_TEAMS = {"edu": ("教育一组", "秋季招生"), "ins": ("保险一组", "百万医疗推广")}
# China has had no other offset since 1991.
_LOCAL = dt.timezone(dt.timedelta(hours=8))


app = typer.Typer(add_completion=False)


@app.command(
    "demo", help="用自带的样例通话演示整个产品：上传、转写、分析，打印一条时间线，然后保持服务。"
)
def demo(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    calls: Annotated[
        Path | None,
        typer.Option("--calls", help="放有录音与标注 JSON 的目录；默认 fixtures/audio。"),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="打印完就停止服务并退出。")] = False,
) -> None:
    """Run `demo`."""
    started = time.monotonic()
    # One line for each request would bury what the demo tells; an explicit level still counts.
    os.environ.setdefault("TINGJIAN_LOG_LEVEL", "warning")
    settings = load_settings(data_dir, host, port)
    labelled, failed = find_labelled(calls or _sample_calls(), with_audio=True)
    if failed:
        raise AppError("bad-document", f"样例 {failed[0][0]} 不可用：{failed[0][1]}。")
    with running(settings, "make demo DEMO_ARGS='--port 8001'") as service:
        username, password = _sign_in_of(service, settings)
        with ServiceClient(service.url) as client:
            client.sign_in(username, password)
            stored = _upload(client, labelled)
            _follow(client, stored, service)
            _print_one(client, stored)
        out().print(
            f"{len(stored)} 通样例通话已分析（{time.monotonic() - started:.0f} 秒）。", markup=False
        )
        out().print(f"打开 {service.url}", markup=False)
        out().print(f"用户名 {username}  {_told_password(password, settings)}", markup=False)
        if leave:
            return
        out().print("按 Ctrl-C 停止。")
        service.supervisor.run_until(service.stopping)
        err().print("正在停止……")


def _sample_calls() -> Path:
    for base in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (base / "fixtures" / "audio").is_dir():
            return base / "fixtures" / "audio"
    raise AppError(
        "not-found", "找不到样例通话 fixtures/audio。请在源码目录里运行，或用 --calls 指定目录。"
    )


def _sign_in_of(service: Running, settings: Settings) -> tuple[str, str]:
    """The administrator's sign-in: as chosen in the settings, else kept in the data directory."""
    path = settings.data_dir / _SIGN_IN_FILE
    name, password = service.made.admin_username, service.made.admin_password
    if password is not None:
        content = json.dumps({"username": name, "password": password})
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(content + "\n")
        return name, password
    if settings.admin_password is not None:
        return name, settings.admin_password.get_secret_value()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return str(kept["username"]), str(kept["password"])
    except (OSError, ValueError, KeyError) as error:
        raise AppError(
            "no-sign-in",
            f"数据目录 {settings.data_dir} 已有用户，但没有演示用的登录信息。请用 --data-dir "
            f"换一个目录，或运行 {RESET} 后用 tingjian up 启动。",
        ) from error


def _told_password(password: str, settings: Settings) -> str:
    """The password for the terminal, unless somebody chose it: theirs is not repeated."""
    return f"密码 {password}" if settings.admin_password is None else PRESET


def _upload(client: ServiceClient, labelled: Sequence[LabelledCall]) -> dict[str, str]:
    """Call ids by name, in the order of the samples."""
    stored: dict[str, str] = {}
    for position, call in enumerate(labelled):
        assert call.recording is not None
        result = client.upload([call.recording], _metadata(call, position))
        if result["status"] == "rejected":
            raise AppError(result["error"]["code"], result["error"]["message"])
        if result["status"] == "duplicate":
            err().print(f"{call.truth.name}：已在库中", markup=False)
        stored[call.truth.name] = result["call_id"]
    return stored


def _metadata(call: LabelledCall, position: int) -> dict[str, object]:
    """What a call platform would send with the call, from its JSON or made up for the demo."""
    facts = call.truth.facts
    agent = facts.get("agent")
    name = agent.get("name") if isinstance(agent, dict) else agent
    team, campaign = _TEAMS.get(call.truth.domain, ("电销一组", "日常外呼"))
    # Working hours of the days before today, so that the pages have a current period to show.
    day = dt.datetime.now(_LOCAL).date() - dt.timedelta(days=1 + position // 3)
    started = dt.datetime.combine(day, dt.time(9 + 2 * (position % 3), 30), _LOCAL)
    metadata: dict[str, object] = {
        "source": "demo",
        "external_id": call.truth.name,
        "agent": name or "演示坐席",
        "team": facts.get("team") or team,
        "campaign": facts.get("campaign") or campaign,
        "domain": call.truth.domain or None,
        "direction": "outbound",
        "disposition": facts.get("outcome"),
        "started_at": facts.get("started_at") or started.isoformat(),
        "channels": ",".join(call.truth.channels),
    }
    return {key: value for key, value in metadata.items() if value is not None}


def _follow(client: ServiceClient, stored: dict[str, str], service: Running) -> None:
    """Tell of each call's way through the stages until all are done."""
    waiting = dict(stored)
    seen: dict[str, str] = {}
    while waiting:
        for name, call_id in list(waiting.items()):
            call = client.get(f"/calls/{call_id}")
            state = call["state"]
            if state == "failed":
                error = call["error"]
                raise AppError(error["code"], f"{name} 处理失败：{error['message']}")
            if state == "done":
                del waiting[name]
                if name in seen:
                    err().print(_told(name, call), markup=False)
            elif seen.get(name) != state:
                seen[name] = state
                err().print(f"{name}：{_STATES[state]}", markup=False)
        service.supervisor.check()
        if waiting and service.stopping.wait(_POLL_S):
            raise typer.Exit


def _told(name: str, call: dict[str, Any]) -> str:
    stages = call["stages"]
    spent = "，".join(
        f"{label} {stages[key] / 1000:.1f} 秒"
        for label, key in (("转写", "transcribe_ms"), ("分析", "analyze_ms"))
        if stages[key] is not None
    )
    score = "" if call["score"] is None else f"，得分 {call['score']['value']:g}"
    return f"{name}：完成（{spent}{score}）"


def _print_one(client: ServiceClient, stored: dict[str, str]) -> None:
    name, call_id = next(iter(stored.items()))
    timeline = client.get(f"/calls/{call_id}/timeline")
    findings = client.get(f"/calls/{call_id}/findings")
    out().print(call_timeline(name, timeline, findings))
