"""Intake: recordings come in, are stored once, and their work is queued with them."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from asr.channel_map import parse_channel_map
from core.errors import AppError
from models.calls import METADATA_COLUMNS, AudioPart, NewCall, add_call
from pipeline.jobs import defer_transcription
from pipeline.storage import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """One file of a recording: its name, its bytes (a stream, or a path to read), its type."""

    file_name: str
    content: AsyncIterator[bytes] | Path
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMetadata:
    """What the sender says about a call. None = not said.

    `source` names the sending system and is the scope of `external_id`. `channels` is the role
    of each channel (`agent,customer`), for two mono files the role of each file; None = the
    setting. `fields` are free values, kept and usable in rules.
    """

    source: str = "upload"
    external_id: str | None = None
    domain: str | None = None
    agent: str | None = None
    team: str | None = None
    campaign: str | None = None
    customer_id: str | None = None
    lead_source: str | None = None
    direction: str | None = None
    disposition: str | None = None
    started_at: dt.datetime | None = None
    ring_s: float | None = None
    talk_s: float | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    channels: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A recording that is stored; `created` is False when it was stored before."""

    call_id: uuid.UUID
    created: bool


async def accept_recording(
    session: AsyncSession,
    store: BlobStore,
    files: Sequence[RecordingFile],
    metadata: CallMetadata | None = None,
    *,
    max_bytes: int | None = None,
) -> Accepted:
    """The call of this recording, with its transcription queued if the call is new.

    One file, or two mono files (one per role). The bytes go to the store first; the call, its
    identities and its job are one transaction, which the caller commits. A rollback leaves at
    most an unused blob, which the next try finds. The same recording again is the same call, as
    `models.calls.add_call` decides. Use one transaction for each recording.

    Raises:
        AppError: `bad-recording` (no file, or more than two), `empty-file`, `file-too-large`,
            `bad-channel-map`, `storage-unavailable`.
    """
    metadata = metadata or CallMetadata()
    if not 1 <= len(files) <= 2:
        raise AppError(
            "bad-recording", "一通录音应是一个文件，或坐席、客户各一个单声道文件。请逐通上传。"
        )
    roles = parse_channel_map(metadata.channels) if metadata.channels else ()
    parts = [await _store_part(store, file, max_bytes) for file in files]
    call, created = await add_call(
        session,
        NewCall(
            source=metadata.source,
            external_id=metadata.external_id,
            file_name=parts[0].file_name,
            roles=roles,
            metadata={name: getattr(metadata, name) for name in METADATA_COLUMNS}
            | {"fields": dict(metadata.fields)},
            parts=tuple(parts),
        ),
    )
    if created:
        await defer_transcription(session, call.id)
    return Accepted(call.id, created)


async def _store_part(store: BlobStore, file: RecordingFile, max_bytes: int | None) -> AudioPart:
    # Browsers and manifests may send a path; only its last part is a name.
    name = PurePosixPath(file.file_name.replace("\\", "/")).name
    blob = await store.put_stream(file.content, max_bytes=max_bytes)
    if blob.size == 0:
        raise AppError("empty-file", f"{name or '文件'} 是空文件（0 字节）。请重新导出录音。")
    return AudioPart(
        sha256=blob.sha256,
        blob_key=blob.key,
        file_name=name,
        size_bytes=blob.size,
        media_type=file.media_type or "application/octet-stream",
    )
