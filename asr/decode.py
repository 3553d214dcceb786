"""Audio file(s) in, 16 kHz PCM per channel out. Channels are resampled apart and never mixed."""

import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from asr.spool import Spool, kept_small
from asr.transcript import AudioFacts
from core.errors import AppError

SAMPLE_RATE_HZ = 16_000
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000

# Formats are chosen by content, never by file name, and only from this list: FFmpeg also reads
# play lists and scripts that name other files and hosts, which an upload must not be able to do.
_CONTAINERS = (
    "wav,w64,mp3,aac,mov,mp4,m4a,3gp,3g2,mj2,ogg,amr,amrnb,amrwb,flac,matroska,webm,au,aiff,caf"
)
_ACCEPTED = "wav / mp3 / m4a / ogg / amr / flac / webm"
# Containers whose header states the length exactly, so that a shorter file is known to be cut.
_EXACT_LENGTH = frozenset({"flac", "mov", "w64", "matroska", "aiff", "caf"})
_TRUNCATION_SLACK_MS = 500
_MAX_PACKET_ERRORS = 1000
# What is longer than 20 minutes goes to files; telephone calls hardly ever are.
_MEMORY_SAMPLES = 20 * 60 * SAMPLE_RATE_HZ
_WAV_LENGTH_UNKNOWN = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})


@dataclass(frozen=True, slots=True, eq=False)
class DecodedAudio:
    """One call as 16 kHz PCM, one array per channel.

    `pcm` holds int16 arrays of shape (samples,), all of the same length. Those of a long call
    (three hours of two channels are 0.7 GB) lie in files, the `spools`, and not in memory, as
    long as they are read inside `kept_small`. Take float samples in pieces with `piece`. `facts`
    describe the source file(s).
    """

    pcm: tuple[NDArray[np.int16], ...]
    facts: AudioFacts
    spools: tuple[Spool, ...] = ()

    def kept_small(self) -> AbstractContextManager[None]:
        """A context in which reading the samples does not add up to the whole call in memory."""
        return kept_small(self.spools)

    @property
    def duration_ms(self) -> int:
        """Length in whole milliseconds, rounded up: no sample lies outside."""
        return -(-len(self.pcm[0]) // SAMPLES_PER_MS)

    def piece(self, channel: int, start_ms: int, end_ms: int) -> NDArray[np.float32]:
        """Samples of `[start_ms, end_ms)` of one channel as float32 in [-1, 1], cut to the call."""
        first, last = max(0, start_ms) * SAMPLES_PER_MS, max(0, end_ms) * SAMPLES_PER_MS
        return to_float(self.pcm[channel][first:last])


def to_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """int16 PCM as float32 in [-1, 1]."""
    return samples.astype(np.float32) * np.float32(1 / 32768)


def decode(path: Path, max_duration_s: int) -> DecodedAudio:
    """The recording as 16 kHz PCM per channel, with the facts of its source.

    A file that ends early is decoded as far as it goes and flagged `truncated`; one with
    unreadable packets inside is flagged `damaged`.

    Args:
        path: wav (PCM, A-law, mu-law), mp3, m4a/aac, ogg/opus, amr, flac or webm; 1 or 2 channels.
        max_duration_s: Longest recording accepted, in seconds.

    Raises:
        AppError: `bad-audio` (not audio, no sound track, empty, more than two channels) or
            `audio-too-long`; never retryable; `detail` has `file` and `reason`.
    """
    _require_content(path)
    container = _open(path)
    try:
        if not container.streams.audio:
            raise _bad(path, "no-audio-track", "文件里没有声音轨道", "请上传含有通话录音的文件")
        return _decode_stream(path, container, max_duration_s)
    finally:
        container.close()


def decode_pair(first: Path, second: Path, max_duration_s: int) -> DecodedAudio:
    """Two mono recordings of one call as two channels; the shorter is padded with silence.

    Facts are those of the first file; the flags of both are united.

    Raises:
        AppError: as `decode`; also `bad-audio` when one of them is not mono.
    """
    parts = [decode(path, max_duration_s) for path in (first, second)]
    for path, part in zip((first, second), parts, strict=True):
        if len(part.pcm) != 1:
            raise _bad(path, "not-mono", "两个文件组成一通通话时，每个文件都必须是单声道",
                       "请改传单声道文件，或只上传这一个双声道文件")  # fmt: skip
    length = max(len(part.pcm[0]) for part in parts)
    pcm = tuple(_padded(part, length) for part in parts)
    flags = sorted({flag for part in parts for flag in part.facts.quality_flags})
    facts = replace(
        parts[0].facts,
        channels=2,
        duration_ms=-(-length // SAMPLES_PER_MS),
        quality_flags=tuple(flags),
    )
    return DecodedAudio(pcm, facts, tuple(spool for part in parts for spool in part.spools))


def probe(path: Path) -> AudioFacts:
    """Facts from the header alone, without decoding; the duration is 0 when it is not stated.

    Raises:
        AppError: `bad-audio`, as `decode`.
    """
    _require_content(path)
    container = _open(path)
    try:
        if not container.streams.audio:
            raise _bad(path, "no-audio-track", "文件里没有声音轨道", "请上传含有通话录音的文件")
        return _facts(container, container.streams.audio[0].channels, _declared_ms(container))
    finally:
        container.close()


def _require_content(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _bad(path, "unreadable", "无法读取文件", "请检查文件是否存在、是否可读") from error
    if size == 0:
        raise _bad(path, "empty-file", "文件是空的（0 字节）", "请重新导出录音后上传")


def _open(path: Path) -> InputContainer:
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path}", container_options=options)
    except (FFmpegError, OSError, ValueError) as error:
        raise _bad(path, "not-audio", "不是可识别的音频", f"请上传 {_ACCEPTED} 录音") from error


def _decode_stream(path: Path, container: InputContainer, max_duration_s: int) -> DecodedAudio:
    declared_ms = _declared_ms(container)
    limit = max_duration_s * SAMPLE_RATE_HZ
    sink: _Pcm | None = None
    damage = _Damage()
    for block in _resampled(container, damage, partial(_check_channels, path)):
        if sink is None:
            sink = _Pcm(len(block), min(declared_ms * SAMPLES_PER_MS + SAMPLE_RATE_HZ, limit))
        if len(block) != sink.channels:
            raise _bad(
                path, "channels-change", "声道数在录音中途改变", "请转换为固定声道数的 wav 后上传"
            )
        sink.append(block)
        if sink.length > limit:
            raise _too_long(path, max_duration_s)
    if sink is None or sink.length == 0:
        raise _bad(path, "no-samples", "文件里没有任何声音数据", "请重新导出录音后上传")
    duration_ms = -(-sink.length // SAMPLES_PER_MS)
    flags = []
    if damage.packets:
        flags.append("damaged")
    if _is_truncated(path, container, declared_ms, duration_ms):
        flags.append("truncated")
    facts = replace(
        _facts(container, sink.channels, duration_ms), quality_flags=tuple(sorted(flags))
    )
    return DecodedAudio(sink.arrays(), facts, tuple(sink.spools))


def _padded(part: DecodedAudio, length: int) -> NDArray[np.int16]:
    """The one channel with silence after it, `length` samples in all."""
    if len(part.pcm[0]) == length:
        return part.pcm[0]
    if not part.spools:
        return np.pad(part.pcm[0], (0, length - len(part.pcm[0])))
    spool = part.spools[0]
    spool.grow(length)
    spool.samples[len(part.pcm[0]) :] = 0
    return spool.samples[:length]


@dataclass(slots=True)
class _Damage:
    packets: int = 0


def _resampled(
    container: InputContainer, damage: _Damage, check: "partial[None]"
) -> Iterator[NDArray[np.int16]]:
    """Blocks of shape (channels, samples) at 16 kHz, in order."""
    resampler: AudioResampler | None = None
    source: tuple[int, str, str] | None = None
    for frame in _frames(container, damage):
        kind = (frame.sample_rate, frame.format.name, frame.layout.name)
        if kind != source:
            # The source's parameters may change on the way (chained ogg); each stretch has a
            # resampler of its own and nothing of the former one is lost.
            if resampler is not None:
                yield from _blocks(resampler, None)
            check(frame.layout.nb_channels)
            # No layout is named: naming one would let the library mix channels.
            resampler = AudioResampler(format="s16p", rate=SAMPLE_RATE_HZ)
            source = kind
        assert resampler is not None
        yield from _blocks(resampler, frame)
    if resampler is not None:
        yield from _blocks(resampler, None)


def _blocks(resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[NDArray[np.int16]]:
    """What the resampler has ready after `frame`; None flushes it."""
    for out in resampler.resample(frame):
        yield out.to_ndarray().astype(np.int16, copy=False)


def _frames(container: InputContainer, damage: _Damage) -> Iterator[AudioFrame]:
    """Decoded frames of the first audio track; unreadable packets are counted and skipped."""
    stream = container.streams.audio[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:
            damage.packets += 1
            return  # the container itself cannot be read any further
        try:
            frames = packet.decode()
        except FFmpegError:
            damage.packets += 1
            if damage.packets > _MAX_PACKET_ERRORS:
                return
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame):
                yield frame


class _Pcm:
    """Growing int16 storage; its first size comes from the header, so copies are rare.

    In memory, pages that no sample was written to take none of it, so a header that promises too
    much costs nothing. A long recording goes to files, from the moment that it proves to be one.
    """

    def __init__(self, channels: int, expected_samples: int) -> None:
        self.channels = channels
        self.length = 0
        self.spools: list[Spool] = []
        size = min(max(expected_samples, SAMPLE_RATE_HZ), _MEMORY_SAMPLES)
        self._arrays = [np.empty(size, np.int16) for _ in range(channels)]
        self._unreleased = 0

    def append(self, block: NDArray[np.int16]) -> None:
        end = self.length + block.shape[1]
        if end > len(self._arrays[0]):
            self._grow(end)
        for array, samples in zip(self._arrays, block, strict=True):
            array[self.length : end] = samples
        self.length = end
        self._unreleased += block.shape[1]
        if self._unreleased > _MEMORY_SAMPLES:
            self._unreleased = 0
            for spool in self.spools:
                spool.release()

    def arrays(self) -> tuple[NDArray[np.int16], ...]:
        return tuple(array[: self.length] for array in self._arrays)

    def _grow(self, needed: int) -> None:
        if needed <= _MEMORY_SAMPLES:
            size = min(max(needed, len(self._arrays[0]) * 5 // 4), _MEMORY_SAMPLES)
            for array in self._arrays:
                array.resize(size, refcheck=False)
            return
        size = max(needed, self.length * 5 // 4)
        if self.spools:
            for spool in self.spools:
                spool.grow(size)
        else:
            self.spools = [Spool(size) for _ in self._arrays]
            for spool, array in zip(self.spools, self._arrays, strict=True):
                spool.samples[: self.length] = array[: self.length]
        self._arrays = [spool.samples for spool in self.spools]


def _check_channels(path: Path, channels: int) -> None:
    if channels not in (1, 2):
        raise _bad(path, "too-many-channels", f"有 {channels} 个声道，只支持单声道或双声道",
                   "请导出为坐席、客户各一声道的文件")  # fmt: skip


def _facts(container: InputContainer, channels: int, duration_ms: int) -> AudioFacts:
    codec = container.streams.audio[0].codec_context
    return AudioFacts(
        duration_ms=duration_ms,
        sample_rate_hz=codec.sample_rate,
        channels=channels,
        codec=codec.name,
        container=container.format.name.split(",")[0],
    )


def _declared_ms(container: InputContainer) -> int:
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return max(0, int(stream.duration * stream.time_base * 1000))
    return max(0, container.duration // 1000) if container.duration else 0


def _is_truncated(path: Path, container: InputContainer, declared_ms: int, decoded_ms: int) -> bool:
    family = container.format.name.split(",")[0]
    if family == "wav":
        return _wav_is_cut(path)
    return family in _EXACT_LENGTH and declared_ms - decoded_ms > _TRUNCATION_SLACK_MS


def _wav_is_cut(path: Path) -> bool:
    """Whether the `data` chunk promises more bytes than the file has.

    FFmpeg corrects the length of such a file silently, so the header is read here. Chunk
    layout: RIFF, "Multimedia Programming Interface and Data Specifications 1.0" (1991).
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        if handle.read(4) != b"RIFF":
            return False
        handle.seek(12)
        while len(header := handle.read(8)) == 8:
            name, length = struct.unpack("<4sI", header)
            if name == b"data":
                return length not in _WAV_LENGTH_UNKNOWN and handle.tell() + length > size
            handle.seek(length + length % 2, 1)
    return False


def _bad(path: Path, reason: str, what: str, fix: str) -> AppError:
    return AppError(
        "bad-audio",
        f"录音“{path.name}”无法使用：{what}。{fix}。",
        detail={"file": path.name, "reason": reason},
    )


def _too_long(path: Path, max_duration_s: int) -> AppError:
    return AppError(
        "audio-too-long",
        f"录音“{path.name}”超过允许的最长时长 {max_duration_s} 秒。"
        "请拆分录音，或调大设置 TINGJIAN_ASR__MAX_DURATION_S。",
        detail={"file": path.name, "reason": "too-long", "max_duration_s": max_duration_s},
    )
