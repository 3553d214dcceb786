"""Examples of calls, validated against the schemas by a contract test."""

from typing import Any

CALL_ID = "019412d4-7c00-7a31-9c55-0a3f6f1f2b11"

METADATA = {
    "external_id": "CC-20250106-0001",
    "source": "ccplatform",
    "agent": "张敏",
    "team": "华东一组",
    "campaign": "春季班",
    "domain": "edu",
    "direction": "outbound",
    "started_at": "2025-01-06T09:30:00+08:00",
    "channels": "agent,customer",
    "fields": {"客户等级": "A"},
}

SUMMARY: dict[str, Any] = {
    "id": CALL_ID,
    "state": "done",
    "source": "ccplatform",
    "external_id": "CC-20250106-0001",
    "file_name": "张敏-0001.wav",
    "domain": "edu",
    "agent": "张敏",
    "team": "华东一组",
    "campaign": "春季班",
    "customer_id": "C-8801",
    "direction": "outbound",
    "disposition": "跟进",
    "started_at": "2025-01-06T01:30:00Z",
    "received_at": "2025-01-06T01:35:12Z",
    "finished_at": "2025-01-06T01:35:31Z",
    "duration_ms": 186_400,
    "score": 85.0,
    "passed": True,
    "vetoed": False,
    "is_blind": False,
    "error": None,
}

CALLS = {"items": [SUMMARY], "next_cursor": "AZQS1HwAejGcVQo_bx8rEQ"}

EVIDENCE = {
    "utterance": 3,
    "role": "agent",
    "char_start": 0,
    "char_end": 11,
    "start_ms": 14_200,
    "end_ms": 16_900,
    "layer": "keyword",
    "form": "raw",
    "score": 1.0,
    "text": "这个课我们包过的",
}

FINDING = {
    "rule": "overpromise",
    "rule_name": "过度承诺",
    "category": "合规",
    "severity": "critical",
    "outcome": "hit",
    "score_effect": -15.0,
    "veto": False,
    "reason": "坐席第 4 句承诺包过",
    "ruleset": "电销通用@1",
    "evidence": [{**EVIDENCE, "condition": "说包过", "operator": "regex"}],
}

SCORE = {
    "value": 85.0,
    "passed": True,
    "vetoed": False,
    "scorecard": "标准评分",
    "lines": [
        {
            "label": "起始分",
            "points": 100.0,
            "rule": "",
            "section": "",
            "kind": "start",
            "why": "",
        },
        {
            "label": "过度承诺",
            "points": -15.0,
            "rule": "overpromise",
            "section": "违规红线",
            "kind": "deduction",
            "why": "坐席第 4 句承诺包过",
        },
    ],
    "sections": [{"name": "违规红线", "points": -15.0, "max_points": 60.0}],
}

FINDINGS = {"findings": [FINDING], "score": SCORE}

CALL: dict[str, Any] = {
    "id": CALL_ID,
    "state": "done",
    "source": "ccplatform",
    "external_id": "CC-20250106-0001",
    "file_name": "张敏-0001.wav",
    "metadata": {
        "domain": "edu",
        "agent": "张敏",
        "team": "华东一组",
        "campaign": "春季班",
        "customer_id": "C-8801",
        "lead_source": None,
        "direction": "outbound",
        "disposition": "跟进",
        "started_at": "2025-01-06T01:30:00Z",
        "ring_s": 6.0,
        "talk_s": 186.0,
        "fields": {"客户等级": "A"},
        "roles": ["agent", "customer"],
    },
    "audio": {
        "duration_ms": 186_400,
        "facts": {
            "sample_rate_hz": 8000,
            "channels": 2,
            "codec": "pcm_s16le",
            "quality_flags": ["swapped-channels"],
            "checks": [
                {
                    "code": "swapped-channels",
                    "value": 9.5,
                    "unit": "points",
                    "threshold": 4.0,
                    "flagged": True,
                    "channel": None,
                    "fix": "swap-roles",
                }
            ],
        },
        "options": {"swap_roles": False, "mix_channels": False},
        "files": [
            {
                "position": 0,
                "file_name": "张敏-0001.wav",
                "media_type": "audio/wav",
                "size_bytes": 5_964_844,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            }
        ],
    },
    "stages": {
        "attempts": 1,
        "received_at": "2025-01-06T01:35:12Z",
        "transcribe_started_at": "2025-01-06T01:35:13Z",
        "transcribed_at": "2025-01-06T01:35:29Z",
        "analyze_started_at": "2025-01-06T01:35:29Z",
        "finished_at": "2025-01-06T01:35:31Z",
        "transcribe_ms": 16_000,
        "analyze_ms": 2_000,
    },
    "error": None,
    "counts": {"utterances": 42, "events": 17, "findings_hit": 1, "findings_undecidable": 0},
    "sop": {
        "executed": 9,
        "missed": 3,
        "undecidable": 0,
        "not_applicable": 1,
        "coverage": 0.76,
        "order_adherence": 0.92,
    },
    "score": SCORE,
    "is_blind": False,
    "versions": {"tree": "职业教育@1", "ruleset": "职业教育@1"},
}

CHANGE = {"disposition": "成交", "fields": {"客户等级": "A+"}}

AUDIO_FIX = {"fix": "swap-roles", "undo": False}

ACKNOWLEDGED = {"call_id": CALL_ID, "state": "analyzing"}

UPLOAD_RESULTS = {
    "results": [
        {
            "file": "张敏-0001.wav",
            "row": 2,
            "status": "accepted",
            "call_id": CALL_ID,
            "error": None,
        },
        {
            "file": "张敏-0002.wav",
            "row": 3,
            "status": "rejected",
            "call_id": None,
            "error": {
                "code": "bad-metadata",
                "message": "第 3 行：“方向”的值“打出”不正确：应为 outbound 或 inbound。",
                "detail": {"row": 3, "column": "方向", "value": "打出"},
            },
        },
    ],
    "accepted": 1,
    "duplicates": 0,
    "rejected": 1,
    "valid": 0,
    "dry_run": False,
}

TRANSCRIPT = {
    "audio": {
        "duration_ms": 186_400,
        "sample_rate_hz": 8000,
        "channels": 2,
        "codec": "pcm_s16le",
        "container": "wav",
        "quality_flags": [],
        "checks": [
            {
                "code": "clipping",
                "value": 0.0,
                "unit": "ratio",
                "threshold": 0.001,
                "flagged": False,
                "channel": 0,
                "fix": None,
            }
        ],
    },
    "engine": {
        "engine": "faster-whisper",
        "weights": "base",
        "weights_sha256": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "options": {"beam_size": 1},
    },
    "utterances": [
        {
            "index": 0,
            "channel": 0,
            "role": "agent",
            "start_ms": 1_200,
            "end_ms": 3_900,
            "text": "您好我是启航教育的小张",
            "normalised": "您好我是启航教育的小张",
            "words": [{"text": "您好", "start_ms": 1_200, "end_ms": 1_700, "confidence": 0.97}],
            "confidence": 0.94,
            "reliability": "high",
        }
    ],
    "speech": [{"channel": 0, "role": "agent", "spans": [{"start_ms": 1_100, "end_ms": 4_000}]}],
    "dropped": [],
    "untranscribed": [],
}

TIMELINE = {
    "entries": [
        {
            "position": 0,
            "stage": "开场白",
            "name": "自我介绍",
            "node": "开场白/自我介绍",
            "role": "agent",
            "utterance": 0,
            "char_start": 2,
            "char_end": 11,
            "start_ms": 1_200,
            "end_ms": 3_900,
            "layer": "keyword",
            "form": "raw",
            "score": 1.0,
            "text": "我是启航教育的小张",
            "tree": "职业教育@1",
        }
    ],
    "sop": {
        "steps": [
            {
                "node": "开场白/自我介绍",
                "state": "executed",
                "required": True,
                "weight": 1.0,
                "reason": "第 1 句命中",
                "hits": [0],
                "expected_rank": 0,
                "actual_rank": 0,
            }
        ],
        "coverage": 1.0,
        "order_adherence": None,
    },
}

WAVEFORM = {
    "duration_ms": 186_400,
    "channels": [
        {"channel": 0, "role": "agent", "per_second": 20, "peaks": [-12, 14, -3, 2]},
        {"channel": 1, "role": "customer", "per_second": 20, "peaks": [-1, 1, -40, 38]},
    ],
}

METRICS = {
    "dictionary_version": 1,
    "reliability": "high",
    "figures": {
        "talk_ratio": {"value": 0.62, "unit": "ratio", "missing_reason": ""},
        "speech_rate_customer": {
            "value": None,
            "unit": "chars/min",
            "missing_reason": "没有 5 字以上的话语",
        },
    },
    "silences": [{"start_ms": 61_000, "end_ms": 66_200, "after": "agent"}],
    "interruptions": [{"start_ms": 80_100, "end_ms": 81_000, "by": "agent", "utterance": 17}],
}

JUDGEMENTS = {
    "judgements": [
        {
            "question": {"text": "坐席是否暗示一定能通过考试？", "role": "agent"},
            "verdict": "yes",
            "reason": "坐席说闭着眼睛都能过",
            "judge": "qwen3-14b",
            "quotes": [{"utterance": 12, "char_start": 3, "char_end": 10}],
        },
        {
            "question": {"text": "客户是否问过退费？", "role": "customer"},
            "verdict": "unanswered",
            "reason": "引文在通话里找不到原话，判定被拒绝",
            "judge": "qwen3-14b",
            "quotes": [],
        },
    ]
}
