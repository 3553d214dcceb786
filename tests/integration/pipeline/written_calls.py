"""A stored fixture call, and a recogniser that answers with its written text."""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.decode import DecodedAudio
from asr.recognition import Progress
from asr.transcript import ChannelSpeech, EngineInfo, Role, Transcript, Utterance
from core.span import Span
from models.database import Database
from pipeline.intake import CallMetadata, RecordingFile, accept_recording
from pipeline.storage import BlobStore

FIXTURE = Path(__file__).parents[3] / "fixtures" / "audio" / "dev-edu-04.flac"


@dataclass
class ReadingTranscriber:
    """Answers with the written text of the fixture call; `before` runs first and may raise."""

    before: Callable[[Progress], None] = lambda _progress: None
    calls: list[tuple[Role, ...]] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    hotwords: list[tuple[str, ...]] = field(default_factory=list)

    def transcribe_audio(
        self,
        audio: DecodedAudio,
        roles: tuple[Role, ...],
        *,
        hotwords: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        self.calls.append(roles)
        self.hotwords.append(tuple(hotwords))
        self.channels.append(len(audio.pcm))
        self.before(progress or (lambda _share: None))
        turns = json.loads(FIXTURE.with_suffix(".json").read_text())["turns"]
        return written_transcript(turns, audio, roles)


def written_transcript(
    turns: list[dict[str, Any]], audio: DecodedAudio, roles: tuple[Role, ...]
) -> Transcript:
    """The turns of a ground truth file as if they had been heard."""
    utterances = tuple(
        Utterance(
            index=index,
            channel=roles.index(turn["role"]),
            role=turn["role"],
            start_ms=turn["start_ms"],
            end_ms=turn["end_ms"],
            text=turn["text"],
            normalised=turn["text"],
        )
        for index, turn in enumerate(turns)
    )
    speech = tuple(
        ChannelSpeech(
            channel,
            role,
            tuple(Span(u.start_ms, u.end_ms) for u in utterances if u.channel == channel),
        )
        for channel, role in enumerate(roles)
    )
    return Transcript(audio.facts, EngineInfo("reference"), utterances, speech)


async def store_call(
    database: Database, store: BlobStore, metadata: CallMetadata | None = None
) -> uuid.UUID:
    """The fixture call as `accept_recording` takes it."""
    async with database.session() as session:
        accepted = await accept_recording(
            session,
            store,
            [RecordingFile(file_name=FIXTURE.name, content=FIXTURE, media_type="audio/flac")],
            metadata or CallMetadata(external_id="e-1", domain="edu", agent="小王"),
        )
        await session.commit()
        return accepted.call_id
