"""Whisper through CTranslate2, on windows of any length up to 30 s, several at once."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from asr.decode import SAMPLES_PER_MS
from asr.engines.base import DecodeOptions, WindowText, WindowWord
from asr.engines.batches import CPU_BATCH_SIZE, Piece, batches, lanes, pieces
from asr.engines.mel import HOP_SAMPLES, log_mel
from asr.gpus import batch_size_for, gpus
from asr.transcript import EngineInfo
from core.errors import AppError
from core.settings import AsrSettings
from core.span import ms_from_seconds

_LANGUAGE = "zh"
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


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A piece and the encoder's output for it, of shape (windows, positions, width)."""

    piece: Piece
    features: Any


@dataclass(frozen=True, slots=True)
class _Decoded:
    """An encoded piece and, per window, the engine's result."""

    encoded: _Encoded
    outputs: tuple[Any, ...]


class FasterWhisperEngine:
    """One set of Whisper weights in memory, used by any number of calls at once.

    On a CPU one thread does the work of one window, and as many are in work as there are
    threads: threads that share one small matrix product mostly wait for each other. Windows are
    encoded and aligned one by one, so that what they need stays in the caches, and decoded in
    batches, so that the weights are read once a step for all. A GPU does all of it in batches.
    With int8 weights on a CPU no text depends on the batch (there is a test).

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
        device, compute_type = device_for(settings)
        self._is_cpu = device == "cpu"
        self.batch_size = settings.batch_size or (
            CPU_BATCH_SIZE if self._is_cpu else _gpu_batch_size(directory)
        )
        self._lanes, threads = lanes(settings.cpu_threads or _cores()) if self._is_cpu else (1, 1)
        try:
            self._model = WhisperModel(
                str(directory),
                device=device,
                compute_type=compute_type,
                cpu_threads=threads,
                num_workers=self._lanes,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise AppError(
                "weights-invalid",
                f"无法加载识别权重 {name}（{directory}）：{error}。"
                f"请运行 tingjian weights verify {name}，或重新下载。",
                detail={"weights": name},
            ) from error
        self._pool = ThreadPoolExecutor(self._lanes, thread_name_prefix="recognise")
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
        together = 1 if self._is_cpu else self.batch_size
        encoded = list(self._pool.map(self._encode, pieces(windows, _bucket_ms, together)))
        # Every lane gets a share, even if that makes the batches smaller.
        share = -(-len(windows) // self._lanes)
        limit = min(self.batch_size, share) if self._is_cpu else 1
        decoding = [
            self._pool.submit(self._decode, batch, options)
            for batch in batches(encoded, _length_ms, limit)
        ]
        aligning = [
            self._pool.submit(self._align, decoded)
            for batch in as_completed(decoding)
            for decoded in batch.result()
        ]
        texts = {number: text for aligned in aligning for number, text in aligned.result().items()}
        return [texts[number] for number in range(len(windows))]

    def _encode(self, piece: Piece) -> _Encoded:
        samples = piece.length_ms * SAMPLES_PER_MS
        mels = self._model.model.n_mels
        features = np.stack(
            [log_mel(np.pad(w, (0, samples - len(w))), mels) for w in piece.windows]
        )
        view = ctranslate2.StorageView.from_array(features)
        return _Encoded(piece, self._model.model.encode(view, to_cpu=False))

    def _decode(self, batch: Sequence[_Encoded], options: DecodeOptions) -> list[_Decoded]:
        """The tokens of a batch of pieces of one length."""
        prompt = self._prompt(options.prompt)
        budget = int(batch[0].piece.length_ms / 1000 * _TOKENS_PER_SECOND) + 16
        outputs = self._model.model.generate(
            _joined([encoded.features for encoded in batch]),
            [prompt] * sum(len(encoded.piece.numbers) for encoded in batch),
            beam_size=options.beam_size,
            no_repeat_ngram_size=options.no_repeat_tokens,
            max_length=min(self._model.max_length, len(prompt) + budget),
            return_scores=True,
            return_no_speech_prob=True,
        )
        rest = iter(outputs)
        return [
            _Decoded(encoded, tuple(islice(rest, len(encoded.piece.numbers)))) for encoded in batch
        ]

    def _align(self, decoded: _Decoded) -> dict[int, WindowText]:
        """The text of each window of a piece, by its number, with the times of its words."""
        piece = decoded.encoded.piece
        tokens = [
            [t for t in output.sequences_ids[0] if t < self._tokenizer.eot]
            for output in decoded.outputs
        ]
        frames = [max(1, len(w) // HOP_SAMPLES) for w in piece.windows]
        alignments = self._model.find_alignment(
            self._tokenizer, tokens, decoded.encoded.features, frames
        )
        return {
            number: WindowText(
                words=_words(alignment),
                avg_logprob=float(output.scores[0]),
                no_speech_prob=float(output.no_speech_prob),
            )
            for number, output, alignment in zip(
                piece.numbers, decoded.outputs, alignments, strict=True
            )
        }

    def _prompt(self, text: str) -> list[int]:
        previous = self._tokenizer.encode(" " + text.strip()) if text.strip() else []
        return list(self._model.get_prompt(self._tokenizer, previous, without_timestamps=True))


def _joined(features: Sequence[Any]) -> Any:
    """Encoder outputs of one length as one; several come only from a CPU."""
    if len(features) == 1:
        return features[0]
    whole = np.concatenate([np.asarray(f) for f in features])
    return ctranslate2.StorageView.from_array(whole)


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


def _length_ms(encoded: _Encoded) -> int:
    return encoded.piece.length_ms


def _bucket_ms(window: NDArray[np.float32]) -> int:
    length_ms = len(window) // SAMPLES_PER_MS + _TAIL_MS
    return min(30_000, max(_LEAST_MS, -(-length_ms // _BUCKET_MS) * _BUCKET_MS))


def device_for(settings: AsrSettings) -> tuple[str, str]:
    """Device and compute type: what the settings say, or the best that there is.

    Raises:
        AppError: `device-unavailable` when CUDA is asked for and absent.
    """
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


def _gpu_batch_size(directory: Path) -> int:
    """By the free memory of the GPU that CTranslate2 takes, the first; 8 when nobody knows it."""
    first = next(iter(gpus()), None)
    if first is None:
        return CPU_BATCH_SIZE
    weights = sum(path.stat().st_size for path in directory.glob("*.bin"))
    return batch_size_for(first.free_mb, weights >> 20)


def _cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1
