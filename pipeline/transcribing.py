"""Stage `transcribe`: a call's audio to its stored transcript, waveform and playable audio."""

import asyncio
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import func

from asr.audio_checks import with_swapped_roles
from asr.channel_map import parse_channel_map
from asr.decode import decode, decode_pair
from asr.diarization.mono import mixed_down
from asr.playback import is_browser_playable, write_playable
from asr.transcript import Transcript
from asr.waveform import peaks
from core.errors import AppError
from core.serial import to_json
from models.calls import call_audio, hold_stage
from models.hearing import HearingOptions, hearing_options
from models.results import ChannelWaveform, save_transcript, save_waveform
from models.tables import Call, CallAudio
from models.versions import published_for
from pipeline.attempts import StoppedError, SupersededError
from pipeline.jobs import defer_analysis
from pipeline.resources import CallTranscriber, Resources
from pipeline.storage import BlobStore
from pipeline.wording import hotwords_of, tree_of

_PEAKS_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class _Heard:
    transcript: Transcript
    waveform: tuple[ChannelWaveform, ...]
    playable: Path | None


async def transcribe_call(resources: Resources, call: Call, token: uuid.UUID) -> None:
    """Hear the call, then store all of it and queue the analysis in one transaction.

    Raises:
        AppError: what decoding and recognition say about the audio or the weights, and `bad-tree`
            for a published tree that cannot be read.
        SupersededError: another try holds the call by now.
        StoppedError: the process is stopping.
    """
    async with resources.database.session() as session:
        files = await call_audio(session, call.id)
        tree = await published_for(session, "tree", call.domain)
    if not files:
        raise AppError("no-audio", "这通通话没有录音文件，无法转写。请补传录音。")
    async with _local_files(resources.store, files) as (paths, folder):
        hotwords = hotwords_of(tree_of(tree.document, tree.name), call.campaign) if tree else ()
        heard = await _hear(resources, call, paths, folder, hotwords)
        playback_key = files[0].blob_key
        if heard.playable is not None:
            stored = await resources.store.put_stream(heard.playable, kind="playback")
            playback_key = stored.key
    await _save(resources, call.id, token, heard, playback_key)
    resources.wear.after_call(resources.settings.worker, heard.transcript.audio.duration_ms)


async def _save(
    resources: Resources,
    call_id: uuid.UUID,
    token: uuid.UUID,
    heard: _Heard,
    playback_key: str,
) -> None:
    async with resources.database.session() as session:
        call = await hold_stage(session, call_id, "transcribe", token)
        if call is None:
            raise SupersededError
        await save_transcript(session, call_id, heard.transcript)
        await save_waveform(session, call_id, heard.waveform)
        call.state = "analyzing"
        call.attempts = 0
        call.stage_token = None
        call.error_code = call.error_message = None
        call.transcribed_at = (await session.execute(func.now().select())).scalar_one()
        call.duration_ms = heard.transcript.audio.duration_ms
        call.audio = to_json(heard.transcript.audio)
        call.playback_key = playback_key
        await defer_analysis(session, call_id)
        await session.commit()


async def _hear(
    resources: Resources,
    call: Call,
    paths: Sequence[Path],
    folder: Path,
    hotwords: Sequence[str],
) -> _Heard:
    settings = resources.settings.asr
    channel_map = ",".join(call.roles) if call.roles else settings.channels
    # A thread, so that heartbeats and other queues go on meanwhile.
    return await asyncio.to_thread(
        _hear_sync,
        resources.transcriber,
        paths,
        folder / "playable.flac",
        channel_map,
        hearing_options(call),
        hotwords,
        settings.max_duration_s,
        resources.stopping,
    )


def _hear_sync(
    transcriber: CallTranscriber,
    paths: Sequence[Path],
    playable: Path,
    channel_map: str,
    options: HearingOptions,
    hotwords: Sequence[str],
    max_duration_s: int,
    stopping: threading.Event,
) -> _Heard:
    def progress(_share: float) -> None:
        if stopping.is_set():
            raise StoppedError

    recording = (
        decode(paths[0], max_duration_s)
        if len(paths) == 1
        else decode_pair(paths[0], paths[1], max_duration_s)
    )
    is_mixed = options.mix_channels and len(recording.pcm) > 1
    audio = mixed_down(recording) if is_mixed else recording
    transcript = transcriber.transcribe_audio(
        audio, parse_channel_map(channel_map), hotwords=hotwords, progress=progress
    )
    if options.swap_roles:
        transcript = with_swapped_roles(transcript)
    with audio.kept_small(), recording.kept_small():
        waveform = tuple(
            ChannelWaveform(
                channel=channel,
                per_second=_PEAKS_PER_SECOND,
                peaks=np.asarray(values, dtype=np.int8).tobytes(),
            )
            for channel, values in enumerate(peaks(audio, _PEAKS_PER_SECOND))
        )
        if len(paths) == 1 and is_browser_playable(audio.facts):
            return _Heard(transcript, waveform, None)
        write_playable(recording, playable)
    return _Heard(transcript, waveform, playable)


@asynccontextmanager
async def _local_files(
    store: BlobStore, files: Sequence[CallAudio]
) -> AsyncIterator[tuple[list[Path], Path]]:
    """Paths with the files' own names, which errors quote, and a scratch folder."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=store.scratch)))
        paths = []
        for file in files:
            blob = await stack.enter_async_context(store.open_local(file.blob_key))
            place = folder / str(file.position)
            place.mkdir()
            path = place / (file.file_name or "recording")
            path.symlink_to(blob)
            paths.append(path)
        yield paths, folder
