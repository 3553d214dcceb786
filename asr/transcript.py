"""Transcript: who said what and when in one call, with what was dropped and what went unheard."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from core.span import Span

Role = Literal["agent", "customer", "unknown"]
Reliability = Literal["high", "low"]
AudioFix = Literal["swap-roles", "treat-as-mono", "re-transcribe"]
ReplacementReason = Literal["same-sound", "near-sound"]
AUDIO_FIXES: tuple[AudioFix, ...] = ("swap-roles", "treat-as-mono", "re-transcribe")
ROLES: tuple[Role, ...] = ("agent", "customer", "unknown")
# What people call the roles in messages, reasons and listings.
ROLE_NAMES: dict[str, str] = {"agent": "坐席", "customer": "客户", "unknown": "未知说话人"}


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised token (a Chinese word or character, a Latin word, a number).

    `confidence` is the engine's probability in [0, 1]. Times are call time.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one side said without a longer pause, in call time.

    `index` counts from 0 in the order of the transcript. `text` is simplified Chinese as heard;
    `normalised` is the same with spoken numbers written as digits, and equals `text` when there
    is nothing to normalise. `words` are monotonic and inside the utterance; empty for text that
    was never audio. `confidence` is the mean word probability, None without words. `level_dbfs` is
    the root mean square of its speech relative to full scale (0 is the loudest there is), None
    when nobody measured it.
    """

    index: int
    channel: int
    role: Role
    start_ms: int
    end_ms: int
    text: str
    normalised: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    reliability: Reliability = "high"
    level_dbfs: float | None = None

    @property
    def span(self) -> Span:
        """The utterance's time."""
        return Span(self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class DroppedSegment:
    """Text that the engine produced and the hallucination guard refused, kept visible.

    `reason` is kebab-case: `repeat-loop`, `stock-phrase`, `no-speech`, `outside-speech`.
    """

    channel: int
    start_ms: int
    end_ms: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelSpeech:
    """Where the VAD heard speech on one channel: sorted, disjoint spans of call time.

    `clipped_share` is the share of its samples that are at full scale, None when nobody counted.
    """

    channel: int
    role: Role
    spans: tuple[Span, ...]
    clipped_share: float | None = None


@dataclass(frozen=True, slots=True)
class UntranscribedSpeech:
    """VAD speech that got no text, so that "not said" and "not heard" can be told apart."""

    channel: int
    role: Role
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """Recognised characters that were replaced by a term of the vocabulary that sounds like them.

    `start` and `end` are code point offsets in the utterance's text (the same before and after:
    a term replaces as many characters as it has). `reason` is `same-sound` or `near-sound`;
    `pinyin` is how the term sounds, `heard` how the replaced text does, syllables separated by
    spaces; `distance` is 0 when they are equal.
    """

    utterance_index: int
    start: int
    end: int
    before: str
    after: str
    reason: ReplacementReason
    pinyin: str
    heard: str
    distance: int


@dataclass(frozen=True, slots=True)
class AudioCheck:
    """One thing measured in a recording, and whether it is out of bounds.

    `code` is kebab-case and, when `flagged`, also a quality flag. `threshold` is the bound that
    `value` is held to, in the same `unit` (`ratio`, `dB`, `dBFS`, `Hz`, `ms`, `points`).
    `channel` is None for the whole recording. `fix` is what to try when it is flagged, None when
    only another recording helps.
    """

    code: str
    value: float
    unit: str
    threshold: float
    flagged: bool
    channel: int | None = None
    fix: AudioFix | None = None


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the recording is.

    `quality_flags` are kebab-case, sorted (`identical-channels`,
    `nearly-empty`, `clipping`, `no-audio`, ...); `sample_rate_hz` is the source's own rate.
    `checks` are the measurements behind the flags, one or more per code; what could not be
    measured (pitch without speech) is left out.
    """

    duration_ms: int
    sample_rate_hz: int
    channels: int
    codec: str
    container: str
    quality_flags: tuple[str, ...] = ()
    checks: tuple[AudioCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What made the transcript: engine id, weights name and SHA-256, and the options used.

    `engine` is `reference` for text written by people.
    """

    engine: str
    weights: str = ""
    weights_sha256: str = ""
    options: dict[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One call, heard. `utterances` are sorted by start time, then channel, and indexed from 0.

    `corrections` is everything that the utterances' texts no longer say as it was recognised.
    """

    audio: AudioFacts
    engine: EngineInfo
    utterances: tuple[Utterance, ...]
    speech: tuple[ChannelSpeech, ...] = ()
    dropped: tuple[DroppedSegment, ...] = ()
    untranscribed: tuple[UntranscribedSpeech, ...] = ()
    corrections: tuple[Replacement, ...] = ()

    @property
    def channel_roles(self) -> dict[int, Role]:
        """The role of each channel with speech; `unknown` where one channel carries both."""
        return roles_by_channel((item.channel, item.role) for item in self.speech)

    def with_roles(self, roles: tuple[Role, ...]) -> "Transcript":
        """The same transcript with channel i spoken by `roles[i]`; missing channels are unknown."""

        def role_of(channel: int) -> Role:
            return roles[channel] if channel < len(roles) else "unknown"

        return replace(
            self,
            utterances=tuple(replace(u, role=role_of(u.channel)) for u in self.utterances),
            speech=tuple(replace(s, role=role_of(s.channel)) for s in self.speech),
            untranscribed=tuple(replace(g, role=role_of(g.channel)) for g in self.untranscribed),
        )


def roles_by_channel(speech: Iterable[tuple[int, Role]]) -> dict[int, Role]:
    """The one role of each channel; `unknown` for a channel with several."""
    roles: dict[int, Role] = {}
    for channel, role in speech:
        if roles.setdefault(channel, role) != role:
            roles[channel] = "unknown"
    return roles
