"""The sentence encoder that the settings name. ML libraries are imported only when needed."""

from pathlib import Path

from core.settings import NlpSettings
from nlp.encoders.base import SentenceEncoder

BUILT_IN = "use"


def load_encoder(
    settings: NlpSettings, data_dir: Path | None = None, *, offline: bool = False
) -> SentenceEncoder:
    """The encoder of `settings.encoder`: `use`, or a Hugging Face directory or hub name.

    A name that is a directory under `data_dir/weights` is taken from there; models that are
    fetched are kept under `data_dir/weights/hub`. With `offline` nothing is fetched.

    Raises:
        AppError: `extra-missing` when the extra `transformers` is needed and absent,
            `weights-missing` when the model cannot be found.
    """
    name = settings.encoder
    if name == BUILT_IN:
        from nlp.encoders.use import UseEncoder

        return UseEncoder()
    from nlp.encoders.hf import HuggingFaceEncoder

    weights = data_dir / "weights" if data_dir else None
    if weights is not None and (weights / name).is_dir():
        return HuggingFaceEncoder(str(weights / name), offline=offline)
    return HuggingFaceEncoder(name, offline=offline, cache_dir=weights / "hub" if weights else None)
