"""Resources: what a worker process holds for all of its jobs, each thing made once, when needed."""

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Protocol

from asr.decode import DecodedAudio
from asr.transcriber import Progress, Transcriber
from asr.transcript import Role, Transcript
from asr.weights import WeightsRegistry
from core.settings import Settings
from events.document import parse_tree
from models.database import Database
from models.versions import Version
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.vectors import CachedEncoder
from pipeline.analysis import CallAnalyzer
from pipeline.storage import BlobStore
from qa_rules.document import parse_ruleset

_ANALYZERS_KEPT = 8


class CallTranscriber(Protocol):
    """What the transcribe stage asks of a recogniser."""

    def transcribe_audio(
        self, audio: DecodedAudio, roles: tuple[Role, ...], *, progress: Progress | None = None
    ) -> Transcript:
        """What was said; `progress` gets the share done in [0, 1] and may raise to stop."""
        ...


@dataclass
class Resources:
    """Settings, database, blobs, one recogniser, one encoder and the compiled analyzers.

    `stopping` is set when the process is told to stop and may not wait any longer; long work
    looks at it between batches.
    """

    settings: Settings
    database: Database
    store: BlobStore
    transcriber: CallTranscriber
    stopping: threading.Event = field(default_factory=threading.Event)
    _encoder: SentenceEncoder | None = None
    _analyzers: "OrderedDict[tuple[uuid.UUID, uuid.UUID], CallAnalyzer]" = field(
        default_factory=OrderedDict
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def analyzer(self, tree: Version, ruleset: Version) -> CallAnalyzer:
        """The analyzer for two stored versions, compiled once; call it from a thread.

        Hits and findings name the versions as they are stored, whatever the documents say.

        Raises:
            AppError: `bad-tree`, `bad-rules`, `weights-missing`.
        """
        with self._lock:
            key = (tree.id, ruleset.id)
            if key not in self._analyzers:
                self._analyzers[key] = self._compile(tree, ruleset)
            self._analyzers.move_to_end(key)
            while len(self._analyzers) > _ANALYZERS_KEPT:
                self._analyzers.popitem(last=False)
            return self._analyzers[key]

    def _compile(self, tree: Version, ruleset: Version) -> CallAnalyzer:
        if self._encoder is None:
            settings = self.settings
            self._encoder = CachedEncoder(
                load_encoder(settings.nlp, settings.data_dir, offline=settings.offline)
            )
        return CallAnalyzer(
            replace(
                parse_tree(tree.document, tree.name), name=tree.name, version=str(tree.version)
            ),
            replace(
                parse_ruleset(ruleset.document, ruleset.name),
                name=ruleset.name,
                version=str(ruleset.version),
            ),
            self._encoder,
        )


def make_resources(settings: Settings, database: Database, store: BlobStore) -> Resources:
    """The resources of a worker process, with the recogniser that the settings name."""
    registry = WeightsRegistry(settings.data_dir, settings.offline)
    return Resources(settings, database, store, Transcriber(settings.asr, registry))
