"""Paraformer and SenseVoice through sherpa-onnx, from a directory that the user gives."""

import importlib
import importlib.util
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from asr.assemble import fit_words
from asr.decode import SAMPLE_RATE_HZ, SAMPLES_PER_MS
from asr.engines.base import DecodeOptions, WindowText, WindowWord
from asr.engines.batches import CPU_BATCH_SIZE
from asr.transcript import EngineInfo, Word
from core.errors import AppError
from core.ids import sha256_file
from core.settings import AsrSettings
from core.span import Span, ms_from_seconds

Kind = Literal["paraformer", "sense-voice"]

_MODEL_FILES = ("model.int8.onnx", "model.onnx")
_TOKENS_FILE = "tokens.txt"
_WORD_START = "▁"
_CONTINUES = "@@"
_PUNCTUATION = frozenset("，。！？、；：,.!?;:…”’）)》】~—·%")
# Token times are starts; the sound of one lasts until the next, but no longer than this.
_LONGEST_CHARACTER_MS = 400
_LONGEST_LATIN_MS = 800


class Recogniser(Protocol):
    """What is used of `sherpa_onnx.OfflineRecognizer`.

    A stream takes samples by `accept_waveform(rate, samples)`; after `decode_streams` its
    `result` has `tokens`, their start times `timestamps` in seconds (possibly none), and in
    newer versions `ys_log_probs`.
    """

    def create_stream(self) -> Any:
        """A stream for one window."""
        ...

    def decode_streams(self, ss: list[Any]) -> None:
        """Recognises all streams."""
        ...


class SherpaEngine:
    """A non-autoregressive recogniser: no beam, no prompt, no text where there is no sound for it.

    Of `DecodeOptions` nothing applies, and `info` says so (`decoding: greedy`). Where the model
    gives no probabilities, `confidence` is 1 and `info.options` has `word_confidence: False`.

    Args:
        recogniser: The loaded model.
        info: Engine id, weights and options.
        batch_size: Windows per run.
    """

    window_ms = 30_000

    def __init__(self, recogniser: Recogniser, info: EngineInfo, batch_size: int) -> None:
        self.batch_size = batch_size
        self._recogniser = recogniser
        self._info = info

    @property
    def info(self) -> EngineInfo:
        """Engine id, weights, kind of model and device."""
        return self._info

    def recognise(
        self,
        windows: Sequence[NDArray[np.float32]],
        options: DecodeOptions,  # noqa: ARG002 - of the Protocol; see the class docstring
    ) -> list[WindowText]:
        """The text of each window, in order; words are monotonic, inside it, 1 ms or longer."""
        texts: list[WindowText] = []
        for first in range(0, len(windows), self.batch_size):
            batch = windows[first : first + self.batch_size]
            streams = [self._stream(window) for window in batch]
            self._recogniser.decode_streams(streams)
            texts.extend(
                window_text(stream.result, len(window) // SAMPLES_PER_MS)
                for stream, window in zip(streams, batch, strict=True)
            )
        return texts

    def _stream(self, window: NDArray[np.float32]) -> Any:
        stream = self._recogniser.create_stream()
        stream.accept_waveform(SAMPLE_RATE_HZ, window)
        return stream


def load_sherpa(directory: Path, settings: AsrSettings) -> SherpaEngine:
    """The engine of a directory that holds `model.int8.onnx` or `model.onnx`, and `tokens.txt`.

    sherpa-onnx ends the whole process when a file is not what it expects, so everything that it
    reads is looked at here first.

    Args:
        directory: As published for sherpa-onnx: a Paraformer or a SenseVoice model.
        settings: Device, threads and batch size.

    Raises:
        AppError: `weights-missing` when the directory or a file is not there; `weights-invalid`
            when a file is not of such a model; `extra-missing` without sherpa-onnx;
            `device-unavailable` when CUDA is asked for and this sherpa-onnx has none.
    """
    model, tokens = _files(directory)
    _require_tokens(tokens)
    kind = model_kind(_metadata(model))
    if kind is None:
        raise _invalid(directory, f"{model.name} 不是 Paraformer 或 SenseVoice 模型")
    if importlib.util.find_spec("sherpa_onnx") is None:
        raise AppError(
            "extra-missing",
            "引擎 sherpa 需要 sherpa-onnx。请运行 pip install 'tingjian[sherpa]' 后重启。",
            detail={"extra": "sherpa"},
        )
    sherpa = importlib.import_module("sherpa_onnx")
    provider = _provider(settings, str(getattr(sherpa, "__version__", "")))
    shared = {
        "tokens": str(tokens),
        "num_threads": settings.cpu_threads or _cores(),
        "sample_rate": SAMPLE_RATE_HZ,
        "provider": provider,
    }
    try:
        if kind == "sense-voice":
            # With inverse text normalisation comes punctuation, which nothing else here adds.
            recogniser = sherpa.OfflineRecognizer.from_sense_voice(
                model=str(model), language="zh", use_itn=True, **shared
            )
        else:
            recogniser = sherpa.OfflineRecognizer.from_paraformer(paraformer=str(model), **shared)
    except (RuntimeError, ValueError, TypeError) as error:
        raise _invalid(directory, str(error)) from error
    info = EngineInfo(
        engine="sherpa",
        weights=directory.name,
        weights_sha256=sha256_file(model),
        options={
            "model": kind,
            "device": provider,
            "decoding": "greedy",
            "word_confidence": False,
        },
    )
    return SherpaEngine(recogniser, info, settings.batch_size or CPU_BATCH_SIZE)


def model_kind(metadata: Mapping[str, str]) -> Kind | None:
    """Which model an ONNX file is, by the metadata that sherpa-onnx reads; None = neither."""
    if not {"vocab_size", "lfr_window_size", "neg_mean", "inv_stddev"} <= metadata.keys():
        return None
    return "sense-voice" if {"lang_zh", "with_itn"} <= metadata.keys() else "paraformer"


def window_text(result: Any, length_ms: int) -> WindowText:
    """A recognition result as words of a window of `length_ms`.

    Chinese tokens are words of one character; pieces of a Latin word (`▁` before its first, or
    `@@` after all but its last) are joined; punctuation goes with the word before it; tags such
    as `<|zh|>` are left out. Without usable times the words share the window evenly.
    """
    tokens = [str(token) for token in result.tokens]
    starts = _starts(tokens, list(result.timestamps or ()), length_ms)
    logprobs = [float(value) for value in getattr(result, "ys_log_probs", None) or ()]
    if len(logprobs) != len(tokens):
        logprobs = [0.0] * len(tokens)
    words = _joined(tokens, starts, logprobs)
    placed = _placed(words, length_ms)
    mean = sum(logprobs) / len(logprobs) if logprobs else 0.0
    return WindowText(
        words=tuple(WindowWord(w.text, w.start_ms, w.end_ms, w.confidence) for w in placed),
        avg_logprob=mean,
        no_speech_prob=0.0 if placed else 1.0,
    )


def _joined(tokens: Sequence[str], starts: Sequence[int], logprobs: Sequence[float]) -> list[Word]:
    """Tokens as words; `end_ms` is where the last token of a word starts."""
    marks_starts = any(token.strip().startswith(_WORD_START) for token in tokens)
    words: list[Word] = []
    is_open = False  # whether a Latin piece that comes next belongs to the last word
    for token, start, logprob in zip(tokens, starts, logprobs, strict=True):
        piece = token.strip()
        if piece.startswith("<") and piece.endswith(">"):
            continue
        text = piece.removeprefix(_WORD_START).removesuffix(_CONTINUES)
        if not text:
            is_open = False
            continue
        confidence = min(1.0, math.exp(min(0.0, logprob)))
        last = words[-1] if words else None
        if last and set(text) <= _PUNCTUATION:
            words[-1] = _longer(last, text, last.end_ms, last.confidence)
            is_open = is_open and text == "." and last.text[-1:].isdecimal()  # 3.5
            continue
        if last and is_open and text.isascii() and not piece.startswith(_WORD_START):
            words[-1] = _longer(last, text, start, min(last.confidence, confidence))
        else:
            is_apart = text.isascii() and last is not None and last.text[-1:].isascii()
            words.append(Word(" " + text if is_apart else text, start, start, confidence))
        is_open = text.isascii() and (marks_starts or piece.endswith(_CONTINUES))
    return words


def _longer(word: Word, text: str, last_start_ms: int, confidence: float) -> Word:
    return Word(word.text + text, word.start_ms, max(word.end_ms, last_start_ms), confidence)


def _starts(tokens: Sequence[str], times: Sequence[float], length_ms: int) -> list[int]:
    """Start of each token in the window; evenly spread when the model gives no usable times."""
    if len(times) == len(tokens) and all(math.isfinite(time) for time in times):
        return [min(max(0, ms_from_seconds(float(time))), length_ms) for time in times]
    return [index * length_ms // max(1, len(tokens)) for index in range(len(tokens))]


def _placed(words: Sequence[Word], length_ms: int) -> tuple[Word, ...]:
    """The words with ends: up to the next one's start, and no longer than such a word lasts."""
    if not words or length_ms < 1:
        return ()
    if len(words) > length_ms:
        whole = "".join(word.text for word in words)
        return (Word(whole, 0, length_ms, min(word.confidence for word in words)),)
    ended = []
    for index, word in enumerate(words):
        following = words[index + 1].start_ms if index + 1 < len(words) else length_ms
        longest = _LONGEST_LATIN_MS if word.text.strip().isascii() else _LONGEST_CHARACTER_MS
        end = min(max(following, word.start_ms), word.end_ms + longest)
        ended.append(Word(word.text, word.start_ms, end, word.confidence))
    return fit_words(ended, Span(0, length_ms))


def _files(directory: Path) -> tuple[Path, Path]:
    if not directory.is_dir():
        raise AppError(
            "weights-missing",
            f"权重目录 {directory} 不存在。"
            "请把 TINGJIAN_ASR__WEIGHTS 设为 Paraformer 或 SenseVoice 的目录。",
            detail={"weights": str(directory)},
        )
    model = next((directory / n for n in _MODEL_FILES if (directory / n).is_file()), None)
    tokens = directory / _TOKENS_FILE
    absent = [] if model else [" 或 ".join(_MODEL_FILES)]
    if not tokens.is_file():
        absent.append(_TOKENS_FILE)
    if model is None or absent:
        raise AppError(
            "weights-missing",
            f"权重目录 {directory} 缺少 {'、'.join(absent)}。请放入完整的 sherpa-onnx 模型。",
            detail={"weights": str(directory), "missing": absent},
        )
    return model, tokens


def _require_tokens(path: Path) -> None:
    """Every line is a symbol and its number."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _invalid(path.parent, f"{path.name} 不是 UTF-8 文本") from error
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if fields and (len(fields) > 2 or not fields[-1].isdecimal()):
            raise _invalid(path.parent, f"{path.name} 第 {number} 行不是“符号 编号”")
    if not any(line.strip() for line in lines):
        raise _invalid(path.parent, f"{path.name} 是空文件")


def _metadata(model: Path) -> dict[str, str]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise _invalid(model.parent, f"{model.name} 无法读取：{error}") from error
    return dict(session.get_modelmeta().custom_metadata_map)


def _provider(settings: AsrSettings, version: str) -> str:
    has_cuda = "cuda" in version
    if settings.device == "cuda" and not has_cuda:
        raise AppError(
            "device-unavailable",
            f"已安装的 sherpa-onnx {version} 只支持 CPU。"
            "请安装带 CUDA 的版本，或设置 TINGJIAN_ASR__DEVICE=cpu。",
        )
    return "cuda" if has_cuda and settings.device != "cpu" else "cpu"


def _cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1


def _invalid(directory: Path, reason: str) -> AppError:
    return AppError(
        "weights-invalid",
        f"识别权重 {directory} 不可用：{reason}。请重新下载 sherpa-onnx 发布的模型。",
        detail={"weights": str(directory), "reason": reason},
    )
