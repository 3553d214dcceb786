"""Recording in, Transcript out: one set of weights, any number of calls."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asr.assemble import JoinOptions, joined
from asr.audio_checks import (
    check_audio,
    has_sound,
    heard_facts,
    is_fake_stereo,
    same_signal,
    with_checks,
)
from asr.channel_map import roles_for
from asr.decode import DecodedAudio, decode, decode_pair
from asr.diarization.embeddings import SpeakerEmbedder
from asr.diarization.mono import diarize, without_roles
from asr.engines.base import Engine
from asr.engines.faster_whisper import FasterWhisperEngine
from asr.engines.sherpa import load_sherpa
from asr.engines.silero import SileroVad
from asr.engines.speaker import load_embedder
from asr.listening import listen, segments_of
from asr.loudness import with_loudness
from asr.recognition import PassOptions, Progress, recognise
from asr.transcript import ChannelSpeech, EngineInfo, Role, Transcript
from asr.vad import VadOptions
from asr.weights import WeightsRegistry
from core.errors import AppError
from core.settings import AsrSettings

PROMPT = "以下是一段普通话电话录音，请用简体中文记录，带标点。"
_HOTWORDS = "热词：{}。"
_WINDOW_MS = 15_000


class Transcriber:
    """Recognises calls one after another with one set of weights, loaded on first use.

    Safe to call from several threads: the weights are loaded once.

    Args:
        settings: Engine, weights, device, batch size, beam width.
        registry: Where weights come from.
    """

    def __init__(self, settings: AsrSettings, registry: WeightsRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._vad: SileroVad | None = None
        self._embedder: SpeakerEmbedder | None = None
        self._has_looked_for_embedder = False

    @property
    def engine_info(self) -> EngineInfo:
        """What makes the transcripts: engine, weights and options. Loads the weights.

        Raises:
            AppError: `weights-missing`, `weights-invalid`, `device-unavailable`,
                `unknown-engine`.
        """
        info = self._loaded()[0].info
        options = {
            **info.options,
            "beam_size": self._settings.beam_size,
            "profile": self._settings.profile,
            "prompt": PROMPT,
            "window_ms": _WINDOW_MS,
        }
        return replace(info, options=options)

    def transcribe(
        self,
        paths: Sequence[Path],
        roles: tuple[Role, ...],
        *,
        hotwords: Sequence[str] = (),
        max_duration_s: int | None = None,
        progress: Progress | None = None,
    ) -> Transcript:
        """What was said in one call.

        Args:
            paths: One recording, or two mono recordings of the same call.
            roles: Role by channel, as of `parse_channel_map`.
            hotwords: Words that may well be said: names, products. Engines that take no prompt
                make nothing of them.
            max_duration_s: Longest recording accepted; None = as the settings say.
            progress: Called with the share done in [0, 1], from this thread, rising.

        Raises:
            AppError: `bad-audio`, `audio-too-long`, and those of `engine_info`.
        """
        report = progress or _ignore
        audio = self._decode(paths, max_duration_s or self._settings.max_duration_s)
        report(0.02)
        return self.transcribe_audio(audio, roles, hotwords=hotwords, progress=report)

    def transcribe_audio(
        self,
        audio: DecodedAudio,
        roles: tuple[Role, ...],
        *,
        hotwords: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """As `transcribe`, of a recording that is already decoded."""
        with audio.kept_small():
            return self._transcribed(audio, roles, hotwords, progress or _ignore)

    def _transcribed(
        self,
        audio: DecodedAudio,
        roles: tuple[Role, ...],
        hotwords: Sequence[str],
        report: Progress,
    ) -> Transcript:
        engine, vad = self._loaded()
        # Identical channels are one recording of both speakers: heard once, roles unknown.
        correlation = same_signal(audio)
        channels = 1 if is_fake_stereo(correlation) else len(audio.pcm)
        held = ("unknown",) if channels < len(audio.pcm) else roles_for(channels, roles)
        options = VadOptions(max_speech_ms=_WINDOW_MS)
        heard = listen(vad, audio, channels, options)
        report(0.05)
        segments = segments_of(heard.speech, options.pad_ms, audio.duration_ms)
        passes = PassOptions(
            prompt=prompt_with(hotwords),
            beam_size=self._settings.beam_size,
            window_ms=_WINDOW_MS,
            profile=self._settings.profile,
        )
        placed = recognise(
            engine, audio, segments, passes, lambda share: report(0.05 + 0.9 * share)
        )
        found = joined(segments, placed, held, JoinOptions())
        transcript = Transcript(
            audio=heard_facts(audio.facts, has_sound(audio)),
            engine=_told(self.engine_info, hotwords),
            utterances=found.utterances,
            speech=tuple(ChannelSpeech(c, held[c], spans) for c, spans in enumerate(heard.speech)),
            dropped=found.dropped,
            untranscribed=found.untranscribed,
        )
        if held == ("unknown",):
            transcript = self._told_apart(transcript, audio)
        transcript = with_loudness(transcript, heard)
        report(1.0)
        return with_checks(transcript, check_audio(heard, correlation))

    def _told_apart(self, transcript: Transcript, audio: DecodedAudio) -> Transcript:
        """A mono call with its speakers told apart, as far as the model for it is installed."""
        with self._lock:
            if not self._has_looked_for_embedder and self._settings.diarization:
                self._embedder = load_embedder(is_required=False)
            self._has_looked_for_embedder = True
        if self._embedder is None:
            return without_roles(transcript)
        return diarize(transcript, audio.pcm[0], self._embedder)

    def _loaded(self) -> tuple[Engine, SileroVad]:
        with self._lock:
            if self._engine is None:
                self._engine = self._load_engine()
            if self._vad is None:
                self._vad = SileroVad()
            return self._engine, self._vad

    def _load_engine(self) -> Engine:
        if self._settings.engine == "sherpa":
            return load_sherpa(Path(self._settings.weights), self._settings)
        if self._settings.engine != "faster-whisper":
            raise AppError(
                "unknown-engine",
                f"不认识识别引擎“{self._settings.engine}”。"
                "请把 TINGJIAN_ASR__ENGINE 设为 faster-whisper 或 sherpa。",
                detail={"engine": self._settings.engine},
            )
        weights = self._registry.resolve(self._settings.weights)
        return FasterWhisperEngine(weights.directory, weights.name, weights.sha256, self._settings)

    @staticmethod
    def _decode(paths: Sequence[Path], max_duration_s: int) -> DecodedAudio:
        if len(paths) == 1:
            return decode(paths[0], max_duration_s)
        if len(paths) == 2:
            return decode_pair(paths[0], paths[1], max_duration_s)
        raise AppError(
            "bad-audio",
            f"一通通话应有一个录音文件，或坐席、客户各一个单声道文件，收到 {len(paths)} 个。",
            detail={"files": [path.name for path in paths]},
        )


def prompt_with(hotwords: Sequence[str]) -> str:
    """The text that the decoder goes on from, with these words in it."""
    return PROMPT + (_HOTWORDS.format("、".join(hotwords)) if hotwords else "")


def _told(info: EngineInfo, hotwords: Sequence[str]) -> EngineInfo:
    """The engine with the hot words among what the text depends on."""
    if not hotwords:
        return info
    return replace(info, options={**info.options, "hotwords": "、".join(hotwords)})


def _ignore(_share: float) -> None:
    return None
