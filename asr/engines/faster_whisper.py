"""Whisper through CTranslate2, on windows of any length up to 30 s, several at once."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ
from asr.engines.base import DecodeOptions, WindowText, WindowWord
from asr.transcript import EngineInfo
from core.errors import AppError
from core.settings import AsrSettings
from core.span import ms_from_seconds

_LANGUAGE = "zh"
_FRAMES_PER_SECOND = 100
# The encoder is run on the window and this much silence after it instead of on 30 s: attention
# is quadratic in length, and positions are absolute from the start, so nothing else changes.
_TAIL_MS = 1_000
# Windows are rounded up to a multiple of this, and only equal ones share a batch: what a window
# says must not depend on which windows it is decoded with.
_BUCKET_MS = 2_000
# On shorter input than this the decoder, which was trained on 30 s, loses its end and loops.
_LEAST_MS = 10_000
# Speech has at most about 8 tokens a second; a decoder that writes more is in a loop.
_TOKENS_PER_SECOND = 12
_CLOSING = frozenset("，。！？、；：,.!?;:…”’）)》】~—·%")


class FasterWhisperEngine:
    """One set of Whisper weights in memory.

    Args:
        directory: CTranslate2 weights with their tokenizer.
        name: Weights name, for the record.
        sha256: SHA-256 of the weights, for the record.
        settings: Device, compute type, threads, batch size.

    Raises:
        AppError: `weights-invalid` when the directory does not load, `device-unavailable` when
            CUDA is asked for and absent.
    """

    window_ms = 30_000 - _TAIL_MS

    def __init__(self, directory: Path, name: str, sha256: str, settings: AsrSettings) -> None:
        device, compute_type = _device(settings)
        self.batch_size = settings.batch_size
        try:
            self._model = WhisperModel(
                str(directory),
                device=device,
                compute_type=compute_type,
                cpu_threads=settings.cpu_threads or _cores(),
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise AppError(
                "weights-invalid",
                f"无法加载识别权重 {name}（{directory}）：{error}。"
                f"请运行 tingjian weights verify {name}，或重新下载。",
                detail={"weights": name},
            ) from error
        self._tokenizer = Tokenizer(
            self._model.hf_tokenizer,
            self._model.model.is_multilingual,
            task="transcribe",
            language=_LANGUAGE,
        )
        self._info = EngineInfo(
            engine="faster-whisper",
            weights=name,
            weights_sha256=sha256,
            options={
                "device": device,
                "compute_type": compute_type,
                "language": _LANGUAGE,
            },
        )

    @property
    def info(self) -> EngineInfo:
        """Engine id, weights, device and compute type."""
        return self._info

    def recognise(
        self, windows: Sequence[NDArray[np.float32]], options: DecodeOptions
    ) -> list[WindowText]:
        """The text of each window, in order, with word times counted from the window's start."""
        results: list[WindowText | None] = [None] * len(windows)
        buckets: dict[int, list[int]] = {}
        for number, window in enumerate(windows):
            buckets.setdefault(_bucket_ms(window), []).append(number)
        for length_ms, numbers in sorted(buckets.items()):
            for first in range(0, len(numbers), self.batch_size):
                batch = numbers[first : first + self.batch_size]
                texts = self._batch([windows[n] for n in batch], length_ms, options)
                for number, text in zip(batch, texts, strict=True):
                    results[number] = text
        return [result for result in results if result is not None]

    def _batch(
        self, windows: Sequence[NDArray[np.float32]], length_ms: int, options: DecodeOptions
    ) -> list[WindowText]:
        encoded = self._encode(windows, length_ms)
        prompt = self._prompt(options.prompt)
        budget = int(length_ms / 1000 * _TOKENS_PER_SECOND) + 16
        outputs = self._model.model.generate(
            encoded,
            [prompt] * len(windows),
            beam_size=options.beam_size,
            no_repeat_ngram_size=options.no_repeat_tokens,
            max_length=min(self._model.max_length, len(prompt) + budget),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [
            [t for t in output.sequences_ids[0] if t < self._tokenizer.eot] for output in outputs
        ]
        frames = [max(1, len(w) * _FRAMES_PER_SECOND // SAMPLE_RATE_HZ) for w in windows]
        alignments = self._model.find_alignment(self._tokenizer, tokens, encoded, frames)
        return [
            WindowText(
                words=_words(alignment),
                avg_logprob=float(output.scores[0]),
                no_speech_prob=float(output.no_speech_prob),
            )
            for output, alignment in zip(outputs, alignments, strict=True)
        ]

    def _encode(self, windows: Sequence[NDArray[np.float32]], length_ms: int) -> Any:
        """Encoder output for windows that are padded with silence to `length_ms`."""
        samples = length_ms * SAMPLE_RATE_HZ // 1000
        frames = length_ms * _FRAMES_PER_SECOND // 1000
        features = np.stack(
            [
                self._model.feature_extractor(np.pad(w, (0, samples - len(w))))[:, :frames]
                for w in windows
            ]
        )
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(features, np.float32))
        return self._model.model.encode(view, to_cpu=False)

    def _prompt(self, text: str) -> list[int]:
        previous = self._tokenizer.encode(" " + text.strip()) if text.strip() else []
        return list(self._model.get_prompt(self._tokenizer, previous, without_timestamps=True))


def _words(alignment: list[dict[str, Any]]) -> tuple[WindowWord, ...]:
    """Words with the punctuation that follows; empty tokens are left out."""
    words: list[WindowWord] = []
    for token in alignment:
        text = str(token["word"])
        if not text:
            continue
        if words and text.strip() and set(text.strip()) <= _CLOSING:
            last = words[-1]
            words[-1] = WindowWord(last.text + text.strip(), last.start_ms, last.end_ms,
                                   last.confidence)  # fmt: skip
            continue
        words.append(
            WindowWord(
                text,
                ms_from_seconds(float(token["start"])),
                ms_from_seconds(float(token["end"])),
                min(1.0, max(0.0, float(token["probability"]))),
            )
        )
    return tuple(words)


def _bucket_ms(window: NDArray[np.float32]) -> int:
    length_ms = len(window) * 1000 // SAMPLE_RATE_HZ + _TAIL_MS
    return min(30_000, max(_LEAST_MS, -(-length_ms // _BUCKET_MS) * _BUCKET_MS))


def _device(settings: AsrSettings) -> tuple[str, str]:
    has_cuda = ctranslate2.get_cuda_device_count() > 0
    if settings.device == "cuda" and not has_cuda:
        raise AppError(
            "device-unavailable",
            "设置要求使用 CUDA，但没有找到可用的 GPU。"
            "请检查驱动，或设置 TINGJIAN_ASR__DEVICE=cpu。",
        )
    device = "cuda" if has_cuda and settings.device != "cpu" else "cpu"
    automatic = "float16" if device == "cuda" else "int8"
    return device, automatic if settings.compute_type == "auto" else settings.compute_type


def _cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1
