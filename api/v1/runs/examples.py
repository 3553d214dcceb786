"""Examples of runs, validated against the schemas by a contract test."""

from typing import Any

_RUN_ID = "0194e3a8-7c10-7d2e-9a31-5f0c8e4b2a77"
CALL_ID = "0194a1b2-33c4-7d55-8e66-0f1122334455"


def _run(kind: str, state: str, request: dict[str, Any]) -> dict[str, Any]:
    done = state == "done"
    return {
        "id": _RUN_ID,
        "kind": kind,
        "document_kind": "tree",
        "name": "我的电销流程",
        "version": 2,
        "revision": 1,
        "state": state,
        "calls": 500 if done else None,
        "calls_done": 500 if done else 0,
        "calls_failed": 0,
        "progress": 1.0 if done else None,
        "request": request,
        "error_code": None,
        "error_message": None,
        "created_by": "admin",
        "created_at": "2025-02-03T09:30:00Z",
        "started_at": "2025-02-03T09:30:01Z" if done else None,
        "finished_at": "2025-02-03T09:31:40Z" if done else None,
    }


PUBLICATION = {"revision": 1, "history_from": "2025-01-01T00:00:00+08:00"}
TRY = {"lines": [{"role": "agent", "text": "这通电话后台都给您存着底儿呢"}]}
CHOICE = {"started_from": "2025-01-01T00:00:00+08:00", "team": "华北一组", "sample": 500}
HISTORY = {"history_from": "2025-01-01T00:00:00+08:00"}
TRIAL = _run("trial", "queued", {"lines": [{"role": "agent", "text": "这通电话会录音"}]})
BACKTEST = _run("backtest", "queued", {"team": "华北一组", "sample": 500})
REANALYSIS = _run("reanalysis", "queued", {"started_from": "2025-01-01T00:00:00+08:00"})
FINISHED = {
    **_run("backtest", "done", {"team": "华北一组", "sample": 500}),
    "failures": [],
    "result": {
        "calls": 500,
        "changed_calls": 31,
        "score_before": 84.2,
        "score_after": 85.1,
        "passed_before": 461,
        "passed_after": 467,
        "now_passing": 8,
        "now_failing": 2,
        "nodes": [{"key": "开场白/问候", "name": "开场白/问候", "gained": 24, "lost": 1}],
        "rules": [{"key": "no-greeting", "name": "未问候", "gained": 1, "lost": 12}],
        "agents": [{"agent": "张敏", "calls": 18, "before": 80.5, "after": 83.0}],
    },
}
CHANGE = {
    "call_id": CALL_ID,
    "subject": "node",
    "key": "开场白/问候",
    "name": "开场白/问候",
    "change": "gained",
    "utterance": 0,
    "start_ms": 1200,
    "quote": "早上好",
    "sentence": "早上好打扰您一分钟",
    "layer": "keyword",
    "score": 1.0,
    "reason": "",
}
COMPARED = {
    "call_id": CALL_ID,
    "agent": "张敏",
    "called_at": "2025-01-20T02:11:00Z",
    "score_before": 58.0,
    "score_after": 63.0,
    "passed_before": False,
    "passed_after": True,
    "vetoed_before": False,
    "vetoed_after": False,
    "gained": 1,
    "lost": 0,
}
