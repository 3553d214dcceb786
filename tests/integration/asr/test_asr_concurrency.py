"""One set of weights used by many at once: no text depends on its company."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.decode import decode
from asr.engines.base import DecodeOptions
from asr.engines.faster_whisper import FasterWhisperEngine
from asr.transcriber import PROMPT, Transcriber
from asr.transcript import Role
from asr.weights import WeightsRegistry
from core.serial import to_json
from core.settings import AsrSettings

AUDIO = Path(__file__).resolve().parents[3] / "fixtures" / "audio"
CALLS = sorted(AUDIO.glob("dev-*.flac"))
ROLES: tuple[Role, ...] = ("agent", "customer")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> WeightsRegistry:
    return WeightsRegistry(tmp_path_factory.mktemp("data"), offline=True)


def test_eight_calls_at_once_say_what_each_says_alone(registry: WeightsRegistry) -> None:
    transcriber = Transcriber(AsrSettings(), registry)

    def hear(path: Path) -> object:
        audio = decode(path, 3600)
        piece = tuple(pcm[: 20 * 16_000] for pcm in audio.pcm)
        return to_json(transcriber.transcribe_audio(type(audio)(piece, audio.facts), ROLES))

    alone = [hear(path) for path in CALLS]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(hear, (CALLS * 2)[:8]))
    assert len(alone) >= 4
    assert together == (alone * 2)[:8]
    assert len({str(found) for found in alone}) == len(alone)


def test_no_window_depends_on_its_batch(registry: WeightsRegistry) -> None:
    weights = registry.resolve("base")
    engines = [
        FasterWhisperEngine(weights.directory, "base", "", AsrSettings(batch_size=n, cpu_threads=t))
        for n, t in ((8, 2), (3, 1))
    ]
    windows = speech_windows()
    options = DecodeOptions(1, PROMPT)
    together = engines[0].recognise(windows, options)
    assert engines[1].recognise(windows[::-1], options)[::-1] == together
    assert [engines[0].recognise([window], options)[0] for window in windows] == together
    assert sum(len(text.words) for text in together) > 50


def speech_windows() -> list[NDArray[np.float32]]:
    """Windows of several lengths, most of one length when padded."""
    audio = decode(CALLS[0], 3600)
    return [
        audio.piece(n % 2, 10_000 * n, 10_000 * n + length)
        for n, length in enumerate((9_000, 8_500, 9_000, 13_000, 12_800, 13_000, 4_000))
    ]
