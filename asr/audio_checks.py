"""What is wrong with a recording before anything is scored: every check, measured and bounded.

Each check is a pure function of samples or of the transcript. A check out of bounds is a quality
flag of the same name. The thresholds stand here, with what they are meant to tell apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ, DecodedAudio
from asr.diarization.roles import decide_roles
from asr.spectrum import VoiceBand, voice_band
from asr.tones import LineSounds, share_of
from asr.transcript import AudioCheck, AudioFacts, AudioFix, Role, Transcript
from core.span import Span, merge_spans, total_ms

_BLOCK = SAMPLE_RATE_HZ * 60
_FRAME_MS = 32
FULL_SCALE_DB = 90.3  # of int16, re one step
_SILENT_DB = 10.0  # re one step of int16: digital silence and dither
_SILENT_PEAK = 3  # of 32768

# Both channels carry one signal when they correlate like this and are about equally loud.
# Cross-talk correlates as well, but the leaked voice is much softer than the one on its channel.
SAME_CORRELATION = 0.98
_SAME_LEVEL_RATIO = 4.0  # of energy: 6 dB
# People take turns, so the levels of two clean channels go against each other (-0.2 to -0.4).
# A voice that leaks at -15 dB lifts that to 0.5 to 0.7; at -25 dB, which does no harm, to 0.2.
CROSS_TALK_CORRELATION = 0.5
_CROSS_TALK_LAG_FRAMES = 8  # 256 ms: echoes come late
# mu-law tops out at 32124 of 32768, A-law at 32256; a clean call touches that level by accident.
CLIP_LEVEL = 32_000
CLIPPED_SHARE = 0.001
# Telephone speech is at -20 to -32 dBFS. Under this, the steps of 8-bit codecs are in its way.
LOW_LEVEL_DBFS = -45.0
IMBALANCE_DB = 20.0
NEARLY_EMPTY_MS = 1_000
LITTLE_SPEECH_SHARE = 0.1
_LITTLE_SPEECH_LEAST_MS = 20_000  # a short call may well be one word
SILENT_CHANNEL_MS = 300
_SILENT_CHANNEL_OTHER_MS = 10_000  # so much from the one side, and nothing from the other
RING_BACK_SHARE = 0.3
HOLD_MUSIC_MS = 10_000
HOLD_MUSIC_SHARE = 0.2
KEYPAD_SHARE = 0.05
# Narrow telephone band in a file that promises more: below this share of what the rate can hold.
NARROW_SHARE = 0.6
_WIDE_RATE_HZ = 16_000
# A voice's spectrum begins at 80 to 300 Hz, wherever the line cuts it, and no codec ends it
# below 3000: a recording at twice or half its speed moves these out of range on every channel.
LOWEST_VOICE_HZ = 340.0
HIGHEST_VOICE_HZ = 2_600.0
# Calls end with a breath, a click, the line: speech up to the last moment was cut off.
ABRUPT_END_MS = 100
# Points of the wording cues (`roles.CUES`) for the other assignment of roles.
SWAPPED_POINTS = 4.0
# Mean log odds of the other role's acts over those of the own: measured -1.8 and less on calls
# with the right roles, and as much above 0 on the same calls with exchanged ones.
SWAPPED_LOG_ODDS = 0.5
_ACTS_UNIT = "log odds"
UNHEARD_SHARE = 0.25
_CODES_OF_WORDS = frozenset({"swapped-channels", "unheard-speech"})


@dataclass(frozen=True, slots=True)
class Listened:
    """A recording listened to: per channel unpadded speech, frame levels, sounds of the line."""

    audio: DecodedAudio
    speech: tuple[tuple[Span, ...], ...]
    levels: tuple[NDArray[np.float32], ...]
    sounds: tuple[LineSounds, ...]


def same_signal(audio: DecodedAudio) -> float | None:
    """The correlation of two channels in [-1, 1]; None unless both carry about equal energy."""
    if len(audio.pcm) != 2:
        return None
    left_energy = right_energy = product = 0.0
    for first in range(0, len(audio.pcm[0]), _BLOCK):
        left = audio.pcm[0][first : first + _BLOCK].astype(np.float64)
        right = audio.pcm[1][first : first + _BLOCK].astype(np.float64)
        left_energy += float(left @ left)
        right_energy += float(right @ right)
        product += float(left @ right)
    weaker, stronger = sorted((left_energy, right_energy))
    if weaker <= 0 or stronger > _SAME_LEVEL_RATIO * weaker:
        return None
    return product / float(np.sqrt(left_energy * right_energy))


def is_fake_stereo(correlation: float | None) -> bool:
    """Whether two channels carry the same signal (a mono call saved as stereo)."""
    return correlation is not None and correlation >= SAME_CORRELATION


def check_audio(heard: Listened, correlation: float | None) -> tuple[AudioCheck, ...]:
    """Every check of the samples, in a fixed order; what could not be measured is left out.

    Args:
        heard: The recording; of fake stereo, speech and levels of the first channel only.
        correlation: As of `same_signal`, which reads every sample.
    """
    checks = [*_whole(heard, correlation), *_between_channels(heard)]
    bands = []
    for channel, (spans, levels, sounds) in enumerate(
        zip(heard.speech, heard.levels, heard.sounds, strict=True)
    ):
        pcm = heard.audio.pcm[channel]
        checks += _level(channel, pcm, spans, levels)
        checks += _line(channel, sounds, heard.audio.duration_ms)
        band = voice_band(pcm, levels, merge_spans([*sounds.signals, *sounds.music]))
        if band is not None:
            bands.append(band)
    checks += _bands(bands, heard.audio.facts.sample_rate_hz)
    return tuple(checks)


def check_transcript(transcript: Transcript) -> tuple[AudioCheck, ...]:
    """The checks that need words: roles against what each side says, and what stayed unheard."""
    return tuple(c for c in (_swapped(transcript), _unheard(transcript)) if c is not None)


def with_checks(transcript: Transcript, checks: Iterable[AudioCheck]) -> Transcript:
    """The transcript with these checks of its samples, those of its words, and their flags.

    Flags that come from elsewhere (decoding, diarization) stay.
    """
    every = (*checks, *check_transcript(transcript))
    codes = {check.code for check in every} | {check.code for check in transcript.audio.checks}
    flags = {flag for flag in transcript.audio.quality_flags if flag not in codes}
    flags |= {check.code for check in every if check.flagged}
    audio = replace(transcript.audio, checks=every, quality_flags=tuple(sorted(flags)))
    return replace(transcript, audio=audio)


def with_role_check(transcript: Transcript, margin: float | None) -> Transcript:
    """The transcript with a check of its roles by what a model of dialogue acts says.

    Args:
        transcript: With its other checks.
        margin: Mean log odds for the roles as they are; None = the model cannot tell, and the
            transcript stays without this check.
    """
    others = [c for c in transcript.audio.checks if c.unit != _ACTS_UNIT]
    samples = [c for c in others if c.code not in _CODES_OF_WORDS]
    found = [] if margin is None else [_swapped_by_acts(-margin)]
    checked = with_checks(transcript, (*samples, *found))
    return transcript if checked.audio == transcript.audio else checked


def _swapped_by_acts(log_odds: float) -> AudioCheck:
    return _below_is_good(
        "swapped-channels", log_odds, _ACTS_UNIT, SWAPPED_LOG_ODDS, fix="swap-roles"
    )


def with_swapped_roles(transcript: Transcript) -> Transcript:
    """The transcript with agent and customer exchanged, and its checks of words made anew."""
    other: dict[Role, Role] = {"agent": "customer", "customer": "agent", "unknown": "unknown"}
    swapped = replace(
        transcript,
        utterances=tuple(replace(u, role=other[u.role]) for u in transcript.utterances),
        speech=tuple(replace(s, role=other[s.role]) for s in transcript.speech),
        untranscribed=tuple(replace(g, role=other[g.role]) for g in transcript.untranscribed),
    )
    samples = [check for check in transcript.audio.checks if check.code not in _CODES_OF_WORDS]
    return with_checks(swapped, samples)


def heard_facts(audio: AudioFacts, has_sound: bool) -> AudioFacts:
    """The facts of a recording; `no-audio` is flagged when there is no sound in it."""
    flags = {*audio.quality_flags} | (set() if has_sound else {"no-audio"})
    return replace(audio, quality_flags=tuple(sorted(flags)))


def has_sound(audio: DecodedAudio) -> bool:
    """Whether any channel is more than digital silence."""
    return any(_peak(pcm) > _SILENT_PEAK for pcm in audio.pcm)


def _whole(heard: Listened, correlation: float | None) -> list[AudioCheck]:
    duration_ms = heard.audio.duration_ms
    speech = merge_spans(chain.from_iterable(heard.speech))
    spoken_ms = total_ms(speech)
    share = spoken_ms / max(1, duration_ms)
    is_long = duration_ms >= _LITTLE_SPEECH_LEAST_MS
    checks = [
        AudioCheck("nearly-empty", spoken_ms, "ms", NEARLY_EMPTY_MS, spoken_ms < NEARLY_EMPTY_MS),
        _above_is_good("little-speech", share, "ratio", LITTLE_SPEECH_SHARE, is_long),
    ]
    if correlation is not None:
        checks.append(_below_is_good("identical-channels", correlation, "ratio", SAME_CORRELATION))
    if speech:
        after_ms = duration_ms - speech[-1].end_ms
        checks.append(_above_is_good("abrupt-end", after_ms, "ms", ABRUPT_END_MS))
    return checks


def _between_channels(heard: Listened) -> list[AudioCheck]:
    if len(heard.speech) != 2:
        return []
    checks = []
    correlation = _level_correlation(*heard.levels)
    if correlation is not None:
        checks.append(
            _below_is_good(
                "cross-talk", correlation, "ratio", CROSS_TALK_CORRELATION, fix="treat-as-mono"
            )
        )
    spoken = [total_ms(spans) for spans in heard.speech]
    quiet = int(np.argmin(spoken))
    checks.append(
        AudioCheck(
            "silent-channel",
            spoken[quiet],
            "ms",
            SILENT_CHANNEL_MS,
            spoken[quiet] < SILENT_CHANNEL_MS and max(spoken) >= _SILENT_CHANNEL_OTHER_MS,
            channel=quiet,
            fix="treat-as-mono",
        )
    )
    left, right = (
        _speech_dbfs(spans, levels)
        for spans, levels in zip(heard.speech, heard.levels, strict=True)
    )
    if left is not None and right is not None:
        checks.append(_below_is_good("level-imbalance", abs(left - right), "dB", IMBALANCE_DB))
    return checks


def _level(
    channel: int, pcm: NDArray[np.int16], speech: Sequence[Span], levels: NDArray[np.float32]
) -> list[AudioCheck]:
    checks = [_below_is_good("clipping", _clipped_share(pcm), "ratio", CLIPPED_SHARE, channel)]
    level = _speech_dbfs(speech, levels)
    if level is not None:
        low = AudioCheck("low-level", level, "dBFS", LOW_LEVEL_DBFS, level < LOW_LEVEL_DBFS)
        checks.append(_rounded(replace(low, channel=channel)))
    return checks


def _line(channel: int, sounds: LineSounds, duration_ms: int) -> list[AudioCheck]:
    # Music is counted in time: of a long call, half a minute on hold is a small share.
    most_music_ms = min(HOLD_MUSIC_MS, HOLD_MUSIC_SHARE * duration_ms)
    return [
        _below_is_good(
            "ring-back", share_of(sounds.ring_back, duration_ms), "ratio", RING_BACK_SHARE, channel
        ),
        _below_is_good("hold-music", total_ms(sounds.music), "ms", round(most_music_ms), channel),
        _below_is_good(
            "keypad-tones", share_of(sounds.keys, duration_ms), "ratio", KEYPAD_SHARE, channel
        ),
    ]


def _bands(bands: Sequence[VoiceBand], rate_hz: int) -> list[AudioCheck]:
    if not bands:
        return []
    lower, upper = min(b.lower_hz for b in bands), max(b.upper_hz for b in bands)
    checks = [
        _below_is_good("wrong-rate", lower, "Hz", LOWEST_VOICE_HZ),
        _above_is_good("wrong-rate", upper, "Hz", HIGHEST_VOICE_HZ),
    ]
    if rate_hz >= _WIDE_RATE_HZ:
        least = NARROW_SHARE * min(rate_hz, SAMPLE_RATE_HZ) / 2
        checks.append(_above_is_good("narrow-band", upper, "Hz", least))
    return checks


def _swapped(transcript: Transcript) -> AudioCheck | None:
    """Points by which the wording speaks for the other roles; None without both roles."""
    sides = {"agent": 0, "customer": 1}
    spoken = [(sides[u.role], u) for u in transcript.utterances if u.role in sides]
    if {side for side, _ in spoken} != {0, 1}:
        return None
    decision = decide_roles(spoken)
    points = decision.margin if decision.agent == 1 else -decision.margin
    return _below_is_good("swapped-channels", points, "points", SWAPPED_POINTS, fix="swap-roles")


def _unheard(transcript: Transcript) -> AudioCheck | None:
    speech_ms = sum(total_ms(item.spans) for item in transcript.speech)
    if speech_ms < NEARLY_EMPTY_MS:
        return None
    unheard_ms = sum(gap.end_ms - gap.start_ms for gap in transcript.untranscribed)
    return _below_is_good(
        "unheard-speech", unheard_ms / speech_ms, "ratio", UNHEARD_SHARE, fix="re-transcribe"
    )


def _below_is_good(
    code: str,
    value: float,
    unit: str,
    most: float,
    channel: int | None = None,
    fix: AudioFix | None = None,
) -> AudioCheck:
    return _rounded(AudioCheck(code, value, unit, most, value > most, channel, fix))


def _above_is_good(
    code: str, value: float, unit: str, least: float, applies: bool = True
) -> AudioCheck:
    return _rounded(AudioCheck(code, value, unit, least, applies and value < least))


def _rounded(check: AudioCheck) -> AudioCheck:
    return replace(check, value=round(float(check.value), 4))


def _level_correlation(left: NDArray[np.float32], right: NDArray[np.float32]) -> float | None:
    """How far the loudness of both channels goes together, the best lag within 256 ms."""
    sides = [_above_noise(levels) for levels in (left, right)]
    if any(side is None or not side.std() for side in sides):
        return None
    first, second = (side for side in sides if side is not None)
    best = -1.0
    for lag in range(-_CROSS_TALK_LAG_FRAMES, _CROSS_TALK_LAG_FRAMES + 1):
        a = first[max(0, lag) : len(first) + min(0, lag)]
        b = second[max(0, -lag) : len(second) + min(0, -lag)]
        if len(a) > 2 * _CROSS_TALK_LAG_FRAMES and a.std() and b.std():
            best = max(best, float(np.corrcoef(a, b)[0, 1]))
    return best


def _above_noise(levels: NDArray[np.float32]) -> NDArray[np.float32] | None:
    audible = levels[levels > _SILENT_DB]
    return np.maximum(levels, np.percentile(audible, 10)) if len(audible) else None


def _speech_dbfs(speech: Sequence[Span], levels: NDArray[np.float32]) -> float | None:
    """Median level of the frames of speech."""
    frames = [levels[s.start_ms // _FRAME_MS : -(-s.end_ms // _FRAME_MS)] for s in speech]
    return float(np.median(np.concatenate(frames))) - FULL_SCALE_DB if frames else None


def _peak(pcm: NDArray[np.int16]) -> int:
    return max(int(pcm.max()), -int(pcm.min())) if len(pcm) else 0


def _clipped_share(pcm: NDArray[np.int16]) -> float:
    high = sum(
        int(np.count_nonzero((block >= CLIP_LEVEL) | (block <= -CLIP_LEVEL)))
        for block in (pcm[i : i + _BLOCK] for i in range(0, len(pcm), _BLOCK))
    )
    return high / max(1, len(pcm))
