"""Shapes of calls."""

import datetime as dt
import uuid
from typing import Any, Literal

from pydantic import BaseModel, Field

from asr.transcript import AudioFix
from events.hits import SopReport
from events.judgement import Judgement
from models.hearing import HearingOptions
from qa_rules.findings import Finding, Score

CallStateName = Literal["received", "transcribing", "analyzing", "done", "failed"]
UploadStatus = Literal["accepted", "duplicate", "rejected", "valid"]


class CallError(BaseModel):
    """Why a call failed."""

    stage: str | None = Field(description="失败的阶段：transcribe 或 analyze")
    code: str = Field(description="稳定的错误代码")
    message: str = Field(description="原因和解决办法")


class CallSummary(BaseModel):
    """One line of the list of calls."""

    id: uuid.UUID = Field(description="通话编号（UUIDv7，按接收时间有序）")
    state: CallStateName = Field(
        description="received 已接收、transcribing 转写中、analyzing 分析中、done 完成、failed 失败"
    )
    source: str = Field(description="来源")
    external_id: str | None = Field(description="来源系统中的编号")
    file_name: str = Field(description="录音文件名")
    domain: str | None = Field(description="业务领域，决定使用哪套事件树和规则")
    agent: str | None = Field(description="坐席")
    team: str | None = Field(description="团队")
    campaign: str | None = Field(description="活动")
    customer_id: str | None = Field(description="客户或线索编号")
    direction: str | None = Field(description="呼叫方向：inbound 或 outbound")
    disposition: str | None = Field(description="呼叫结果")
    started_at: dt.datetime | None = Field(description="通话开始时间")
    received_at: dt.datetime = Field(description="接收时间")
    finished_at: dt.datetime | None = Field(description="处理完成时间")
    duration_ms: int | None = Field(description="时长（毫秒）")
    score: float | None = Field(description="质检得分")
    passed: bool | None = Field(description="是否合格")
    vetoed: bool | None = Field(description="是否触发一票否决")
    is_blind: bool = Field(description="正由您盲评：得分与结论暂不显示")
    error: CallError | None = Field(description="失败原因")


class CallList(BaseModel):
    """One page of calls, newest first."""

    items: list[CallSummary]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


class CallMetadata(BaseModel):
    """What the caller knows about a call."""

    domain: str | None
    agent: str | None
    team: str | None
    campaign: str | None
    customer_id: str | None
    lead_source: str | None
    direction: str | None
    disposition: str | None
    started_at: dt.datetime | None
    ring_s: float | None = Field(description="振铃秒数")
    talk_s: float | None = Field(description="通话秒数（话单）")
    fields: dict[str, Any] = Field(description="自定义字段")
    roles: list[str] = Field(description="上传时指定的各声道角色；空表示用默认值")


class CallAudioFile(BaseModel):
    """One stored file of a call."""

    position: int
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str


class CallAudio(BaseModel):
    """What the recording is."""

    duration_ms: int | None
    facts: dict[str, Any] | None = Field(
        description="采样率、声道数、编码、质量标记（quality_flags），以及各项检查（checks）："
        "测得的值、界限、是否超出、对应的修正方法"
    )
    options: HearingOptions = Field(description="人工修正：互换角色、合并声道")
    files: list[CallAudioFile]


class CallStages(BaseModel):
    """When each stage began and ended, and how long it took."""

    attempts: int = Field(description="已尝试次数")
    received_at: dt.datetime
    transcribe_started_at: dt.datetime | None
    transcribed_at: dt.datetime | None
    analyze_started_at: dt.datetime | None
    finished_at: dt.datetime | None
    transcribe_ms: int | None = Field(description="转写耗时（毫秒）")
    analyze_ms: int | None = Field(description="分析耗时（毫秒）")


class CallCounts(BaseModel):
    """How much was found; null where the reader judges the call blind."""

    utterances: int
    events: int | None
    findings_hit: int | None = Field(description="命中的规则数；盲评期间为 null")
    findings_undecidable: int | None = Field(description="无法判定的规则数；盲评期间为 null")


class SopSummary(BaseModel):
    """SOP steps by state."""

    executed: int
    missed: int
    undecidable: int
    not_applicable: int
    coverage: float | None = Field(description="加权执行率，0 到 1")
    order_adherence: float | None = Field(description="顺序符合度，0 到 1")


class Call(BaseModel):
    """Everything about a call but its transcript and single findings."""

    id: uuid.UUID
    state: CallStateName
    source: str
    external_id: str | None
    file_name: str
    metadata: CallMetadata
    audio: CallAudio
    stages: CallStages
    error: CallError | None
    counts: CallCounts
    sop: SopSummary | None = Field(description="分析完成前为 null")
    score: Score | None = Field(description="得分及逐项说明；分析完成前、盲评期间为 null")
    is_blind: bool = Field(description="正由您盲评：各项结果暂不显示")
    versions: dict[str, Any] | None = Field(description="产生结果的模型、事件树和规则版本")


class CallChange(BaseModel):
    """Metadata to change; what is left out stays, null clears."""

    model_config = {"extra": "forbid"}

    domain: str | None = Field(None, max_length=100, description="业务领域")
    agent: str | None = Field(None, max_length=200, description="坐席")
    team: str | None = Field(None, max_length=200, description="团队")
    campaign: str | None = Field(None, max_length=200, description="活动")
    customer_id: str | None = Field(None, max_length=200, description="客户或线索编号")
    lead_source: str | None = Field(None, max_length=200, description="线索来源")
    direction: Literal["inbound", "outbound"] | None = Field(None, description="呼叫方向")
    disposition: str | None = Field(None, max_length=200, description="呼叫结果")
    started_at: dt.datetime | None = Field(None, description="通话开始时间，要带时区")
    ring_s: float | None = Field(None, ge=0, description="振铃秒数")
    talk_s: float | None = Field(None, ge=0, description="通话秒数")
    fields: dict[str, Any] | None = Field(None, description="自定义字段，整体替换")


class AudioFixRequest(BaseModel):
    """How a recording is to be heard from now on."""

    model_config = {"extra": "forbid"}

    fix: AudioFix = Field(
        description="swap-roles 互换坐席与客户（不重新转写）；treat-as-mono 合并声道后按声音区分；"
        "re-transcribe 用当前权重重新转写"
    )
    undo: bool = Field(False, description="true 时撤销 swap-roles 或 treat-as-mono")


class CallAcknowledged(BaseModel):
    """A call that goes back to the queue."""

    call_id: uuid.UUID
    state: CallStateName


class UploadError(BaseModel):
    """Why one item was refused."""

    code: str
    message: str
    detail: dict[str, Any] = Field(default_factory=dict, description="行号、列名等")


class UploadResult(BaseModel):
    """What became of one file or manifest row."""

    file: str = Field(description="文件名")
    row: int | None = Field(description="清单中的行号（CSV 表头是第 1 行）；没有清单时为 null")
    status: UploadStatus = Field(
        description="accepted 已接收；duplicate 已存在；rejected 被拒绝；valid 试运行通过"
    )
    call_id: uuid.UUID | None
    error: UploadError | None


class UploadResults(BaseModel):
    """What became of each item, in the order of the upload (of the manifest, if there is one)."""

    results: list[UploadResult]
    accepted: int
    duplicates: int
    rejected: int
    valid: int = Field(description="试运行中没有问题的条数")
    dry_run: bool


class TimelineEntry(BaseModel):
    """One event of a call: the hit, with the stage and name that people read."""

    position: int = Field(description="在该通话事件列表中的序号（从 0 开始）")
    stage: str = Field(description="阶段（路径的第一段）")
    name: str = Field(description="事件名（路径的最后一段）")
    node: str = Field(description="事件路径")
    role: str
    utterance: int | None = Field(description="转写中的句号")
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int
    layer: str = Field(description="命中方式：keyword、regex、pinyin、semantic、learned、judge")
    form: str
    score: float
    text: str = Field(description="命中的原文")
    tree: str = Field(description="事件树及版本")


class Timeline(BaseModel):
    """Events in the order of time, and the state of each SOP step."""

    entries: list[TimelineEntry]
    sop: SopReport | None = Field(description="分析完成前为 null")


class Findings(BaseModel):
    """Every rule's verdict on a call, and the score they add up to."""

    findings: list[Finding]
    score: Score | None


class Judgements(BaseModel):
    """What a language model answered to questions of trees and rules about a call."""

    judgements: list[Judgement]


class WaveformChannel(BaseModel):
    """Peaks of one channel."""

    channel: int
    role: str
    per_second: int = Field(description="每秒的峰值对数")
    peaks: list[int] = Field(description="依次为 min, max（-128 到 127）")


class Waveform(BaseModel):
    """What is drawn under the transcript."""

    duration_ms: int | None
    channels: list[WaveformChannel]
