"""Any Hugging Face encoder through transformers and torch: mean pooling, unit vectors."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import AppError


class HuggingFaceEncoder:
    """Sentence vectors by mean pooling of the last hidden states, on CUDA when there is one.

    Args:
        name: A directory that holds the model, or its name on the hub.
        offline: Never open a socket; a model that is not on this machine is an error.
        cache_dir: Where downloaded models are kept.
        batch_size: Texts per forward pass.
        max_tokens: Longer texts are cut there.

    Raises:
        AppError: `extra-missing` without transformers and torch; `weights-missing` when the
            model cannot be loaded.
    """

    def __init__(
        self,
        name: str,
        *,
        offline: bool = False,
        cache_dir: Path | None = None,
        batch_size: int = 64,
        max_tokens: int = 256,
    ) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise AppError(
                "extra-missing",
                f"句向量编码器 {name!r} 需要 transformers 与 torch。"
                "请执行：pip install 'tingjian[transformers]'。",
            ) from error
        local = Path(name).is_dir()
        options: dict[str, Any] = {"local_files_only": local or offline}
        if cache_dir is not None and not local:
            options["cache_dir"] = str(cache_dir)
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
            model = transformers.AutoModel.from_pretrained(name, **options)
        except (OSError, ValueError) as error:
            raise AppError(
                "weights-missing",
                f"无法加载句向量编码器 {name!r}：{error}。"
                "请给出模型目录，或关闭离线模式后使用模型名。",
            ) from error
        self._torch: Any = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model: Any = model.to(self._device).eval()
        self._batch_size = batch_size
        self._max_tokens = max_tokens
        self._lock = threading.Lock()
        self._id = _identity(name, model, local)

    @property
    def encoder_id(self) -> str:
        """`hf:<name>@<revision or digest of the weights>`."""
        return self._id

    @property
    def dim(self) -> int:
        """The model's hidden size."""
        return int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dim); the zero vector for blank texts."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        # Texts of like length share a batch, so that little of it is padding.
        rows = sorted((r for r, t in enumerate(texts) if t.strip()), key=lambda r: len(texts[r]))
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            vectors[batch] = self._forward([texts[row] for row in batch])
        return vectors

    def _forward(self, texts: list[str]) -> NDArray[np.float32]:
        torch = self._torch
        with self._lock, torch.inference_mode():
            inputs = self._tokenizer(
                texts,
                padding=True,
                truncation=True,
                max_length=self._max_tokens,
                return_tensors="pt",
            ).to(self._device)
            hidden = self._model(**inputs).last_hidden_state.float()
            mask = inputs["attention_mask"].unsqueeze(-1).float()
            pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)
            unit = torch.nn.functional.normalize(pooled, dim=1)
            result: NDArray[np.float32] = unit.cpu().numpy().astype(np.float32)
            return result


def _identity(name: str, model: Any, local: bool) -> str:
    if not local:
        return f"hf:{name}@{getattr(model.config, '_commit_hash', None) or 'unknown'}"
    digest = hashlib.sha256()
    for file in sorted(Path(name).glob("*.safetensors")) + sorted(Path(name).glob("*.bin")):
        with file.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    return f"hf:{Path(name).name}@{digest.hexdigest()[:12]}"
