"""A call on one channel, told apart: who speaks when, which words are whose, who is the agent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLES_PER_MS, DecodedAudio
from asr.diarization.changes import ChangeOptions, VoiceSpan, joined_runs, stretches, voice_spans
from asr.diarization.clustering import TwoVoices, means_of, two_voices
from asr.diarization.embeddings import (
    Samples,
    SpeakerEmbedder,
    WindowOptions,
    embed_spans,
    windows_of,
)
from asr.diarization.roles import RoleDecision, decide_roles
from asr.diarization.words import split_utterance, voice_of
from asr.spool import Spool, kept_small
from asr.transcript import ChannelSpeech, Role, Transcript, UntranscribedSpeech, Utterance
from core.errors import AppError
from core.span import Span, merge_spans

FLAG_DIARIZED = "mono-diarized"
FLAG_ROLES_UNKNOWN = "roles-unknown"
FLAG_ROLES_UNCERTAIN = "roles-uncertain"
FLAG_ONE_VOICE = "one-voice"

_MIX_BLOCK = 60 * 1000 * SAMPLES_PER_MS  # samples mixed at once
_JOIN_MS = 500  # pauses over which one voice's stretches are one run


@dataclass(frozen=True, slots=True)
class DiarizeOptions:
    """How voices are told apart.

    Two halves of a call whose mean voices are more alike than `one_voice_likeness` (cosine) are
    one voice: a voice mail, a call that nobody answered.
    """

    windows: WindowOptions = field(default_factory=WindowOptions)
    changes: ChangeOptions = field(default_factory=ChangeOptions)
    one_voice_likeness: float = 0.9


def diarize(
    transcript: Transcript,
    samples: Samples,
    embedder: SpeakerEmbedder,
    options: DiarizeOptions | None = None,
) -> Transcript:
    """The mono call with utterances cut at changes of speaker, and a role for each.

    Every utterance is of reliability `low`: roles on one channel are inferred. Words, dropped
    segments and audio facts stay; speech is listed once per role, untranscribed speech has a
    role, the engine's options name the embedder. The quality flag `mono-diarized` is added,
    `roles-uncertain` when what was said leaves the roles a guess, and `one-voice` when only one
    voice was heard (whose role stays unknown unless what it says tells).

    Args:
        transcript: Recognised from one channel.
        samples: That channel at 16 kHz from the call's start, float32 or PCM.
        embedder: Tells voices apart.
        options: Lengths and costs; None = the defaults.

    Raises:
        AppError: `not-mono` for a transcript with several channels.
    """
    if len({u.channel for u in transcript.utterances} | {s.channel for s in transcript.speech}) > 1:
        raise AppError(
            "not-mono",
            "说话人分离只用于单声道录音；这份转写已有多个声道。请改用声道映射（--channels）指定角色。",
        )
    chosen = options or DiarizeOptions()
    made_by = {**transcript.engine.options, "diarization": embedder.name}
    transcript = replace(transcript, engine=replace(transcript.engine, options=made_by))
    speech = _speech(transcript, len(samples) // SAMPLES_PER_MS)
    timeline, is_one_voice = who_speaks(samples, speech, embedder, chosen)
    if not timeline:
        return _flagged(transcript, {FLAG_DIARIZED})
    pieces = [piece for u in transcript.utterances for piece in split_utterance(u, timeline)]
    pieces.sort(key=lambda piece: (piece[1].start_ms, piece[1].end_ms))
    spoken = [(voice, replace(u, index=i)) for i, (voice, u) in enumerate(pieces)]
    decision = decide_roles(spoken)
    roles = _roles(decision, is_one_voice)
    flags = {FLAG_DIARIZED}
    if is_one_voice:
        flags.add(FLAG_ONE_VOICE)
    if not decision.is_sure:
        flags.add(FLAG_ROLES_UNCERTAIN)
    return _flagged(_with_voices(transcript, spoken, timeline, roles), flags)


def without_roles(transcript: Transcript) -> Transcript:
    """The mono call as it is where voices are not told apart: roles unknown, and said so."""
    unknown = transcript.with_roles(())
    low = tuple(replace(u, reliability="low") for u in unknown.utterances)
    return _flagged(replace(unknown, utterances=low), {FLAG_ROLES_UNKNOWN})


def mixed_down(audio: DecodedAudio) -> DecodedAudio:
    """The recording on one channel, each of its channels at an equal share of its level."""
    length = len(audio.pcm[0])
    spools = (Spool(length),) if audio.spools else ()
    mixed = spools[0].samples if spools else np.empty(length, np.int16)
    with audio.kept_small(), kept_small(spools):
        for first in range(0, length, _MIX_BLOCK):
            block = slice(first, first + _MIX_BLOCK)
            whole = sum(pcm[block].astype(np.int32) for pcm in audio.pcm)
            mixed[block] = whole // len(audio.pcm)
    return DecodedAudio((mixed,), replace(audio.facts, channels=1), spools)


def who_speaks(
    samples: Samples,
    speech: Sequence[Span],
    embedder: SpeakerEmbedder,
    options: DiarizeOptions,
) -> tuple[tuple[VoiceSpan, ...], bool]:
    """Speech as spans of voice 0 and 1, and whether there is only one voice (then 0).

    Two passes: windows laid without knowing the speakers find the two voices and where they
    change; windows laid inside what each then says, free of the other, settle both.
    """
    duration_ms = len(samples) // SAMPLES_PER_MS
    places = stretches(samples, speech, options.changes)
    coarse = replace(options.windows, hop_ms=2 * options.windows.hop_ms)
    windows = windows_of(speech, duration_ms, coarse)
    if not places:
        return (), True
    embeddings = embed_spans(samples, windows, embedder)
    if len(windows) < 2:
        return _all_one(places), True
    weights = np.asarray([window.duration_ms for window in windows], np.float32)
    voices = two_voices(embeddings, weights)
    timeline = voice_spans(places, windows, _preference(embeddings, voices), options.changes)
    runs = joined_runs(timeline, _JOIN_MS)
    inner = [(run, w) for run in runs for w in windows_of([run.span], duration_ms, options.windows)]
    pure = embed_spans(samples, [w for _, w in inner], embedder)
    voices = means_of(
        pure,
        np.asarray([run.voice for run, _ in inner], np.int64),
        np.asarray([w.duration_ms for _, w in inner], np.float32),
    )
    if not voices.centroids.any(axis=1).all() or voices.likeness >= options.one_voice_likeness:
        return _all_one(places), True
    order = np.argsort([w.start_ms for _, w in inner], kind="stable")
    laid = [inner[i][1] for i in order]
    return voice_spans(places, laid, _preference(pure[order], voices), options.changes), False


def _preference(embeddings: NDArray[np.float32], voices: TwoVoices) -> NDArray[np.float32]:
    likeness = embeddings @ voices.centroids.T
    return np.asarray(likeness[:, 1] - likeness[:, 0], np.float32)


def _all_one(places: Sequence[Span]) -> tuple[VoiceSpan, ...]:
    return tuple(VoiceSpan(place, 0) for place in places)


def _roles(decision: RoleDecision, is_one_voice: bool) -> tuple[Role, Role]:
    """The role of voice 0 and of voice 1."""
    if not is_one_voice:
        return ("agent", "customer") if decision.agent == 0 else ("customer", "agent")
    if not decision.is_sure:
        return "unknown", "unknown"
    return ("agent", "unknown") if decision.agent == 0 else ("customer", "unknown")


def _with_voices(
    transcript: Transcript,
    spoken: Sequence[tuple[int, Utterance]],
    timeline: Sequence[VoiceSpan],
    roles: tuple[Role, Role],
) -> Transcript:
    channel = transcript.speech[0].channel if transcript.speech else 0
    return replace(
        transcript,
        utterances=tuple(
            replace(utterance, role=roles[voice], reliability="low") for voice, utterance in spoken
        ),
        speech=tuple(
            ChannelSpeech(channel, roles[voice], merge_spans(s.span for s in own))
            for voice in (0, 1)
            if (own := [item for item in timeline if item.voice == voice])
        ),
        untranscribed=tuple(
            replace(gap, role=roles[_voice_of_gap(gap, timeline)])
            for gap in transcript.untranscribed
        ),
    )


def _voice_of_gap(gap: UntranscribedSpeech, timeline: Sequence[VoiceSpan]) -> int:
    return voice_of(Span(gap.start_ms, gap.end_ms), timeline)


def _speech(transcript: Transcript, duration_ms: int) -> tuple[Span, ...]:
    """Speech of the only channel inside the recording; without VAD spans, of the utterances."""
    heard = [span for channel in transcript.speech for span in channel.spans]
    spans = merge_spans(heard or [utterance.span for utterance in transcript.utterances])
    cut = [Span(s.start_ms, min(s.end_ms, duration_ms)) for s in spans if s.start_ms < duration_ms]
    return tuple(span for span in cut if span.duration_ms > 0)


def _flagged(transcript: Transcript, flags: set[str]) -> Transcript:
    known = set(transcript.audio.quality_flags) | flags
    return replace(transcript, audio=replace(transcript.audio, quality_flags=tuple(sorted(known))))
