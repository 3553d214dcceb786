"""Resources: what a worker process holds for all of its jobs, each thing made once."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from asr.decode import DecodedAudio
from asr.recognition import Progress
from asr.transcriber import Transcriber
from asr.transcript import Role, Transcript
from asr.weights import WeightsRegistry
from core.settings import Settings
from models.database import Database
from pipeline.analyzers import Analyzers
from pipeline.recycling import Wear
from pipeline.storage import BlobStore


class CallTranscriber(Protocol):
    """What the transcribe stage asks of a recogniser."""

    def transcribe_audio(
        self,
        audio: DecodedAudio,
        roles: tuple[Role, ...],
        *,
        hotwords: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """What was said, with `hotwords` more likely.

        `progress` gets the share done in [0, 1] and may raise to stop.
        """
        ...


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings, database, blobs, one recogniser, and the compiled analyzers.

    `stopping` is set when the process is told to stop and may not wait any longer; long work
    looks at it between batches. `wear` counts what the process has done.
    """

    settings: Settings
    database: Database
    store: BlobStore
    transcriber: CallTranscriber
    analyzers: Analyzers
    stopping: threading.Event = field(default_factory=threading.Event)
    wear: Wear = field(default_factory=Wear)


def make_resources(settings: Settings, database: Database, store: BlobStore) -> Resources:
    """The resources of a worker process. Weights are loaded when the first call needs them."""
    registry = WeightsRegistry(settings.data_dir, settings.offline)
    transcriber = Transcriber(settings.asr, registry)
    return Resources(settings, database, store, transcriber, Analyzers(settings))
