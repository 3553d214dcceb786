"""Log-mel spectrograms against those of an independent implementation."""

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.engines.mel import log_mel


@pytest.mark.parametrize("mels", [80, 128])
@given(length=st.integers(400, 40_000), seed=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_spectrograms_are_those_of_the_reference(mels: int, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (rng.normal(0, 0.1, length) * np.sin(np.arange(length) / 500)).astype(np.float32)
    expected = FeatureExtractor(feature_size=mels)(samples, padding=0)
    found = log_mel(samples, mels)
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (mels, length // 160)
    assert np.abs(found - expected).max() < 2e-3


def test_silence_is_flat() -> None:
    assert np.ptp(log_mel(np.zeros(16_000, np.float32), 80)) == 0
