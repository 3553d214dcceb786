"""The adapter to sherpa-onnx, on results of the shape that its recognisers give."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asr.engines import sherpa
from asr.engines.base import DecodeOptions
from asr.engines.sherpa import SherpaEngine, load_sherpa, model_kind, window_text
from asr.transcript import EngineInfo
from core.errors import AppError
from core.settings import AsrSettings

PARAFORMER = dict.fromkeys(("vocab_size", "lfr_window_size", "neg_mean", "inv_stddev"), "1")
SENSE_VOICE = {**PARAFORMER, "lang_zh": "3", "with_itn": "14"}


def result(
    tokens: Sequence[str], timestamps: Sequence[float] = (), logprobs: Sequence[float] = ()
) -> SimpleNamespace:
    return SimpleNamespace(
        tokens=list(tokens), timestamps=list(timestamps), ys_log_probs=list(logprobs)
    )


@dataclass
class FakeStream:
    samples: list[NDArray[np.float32]] = field(default_factory=list)
    rate: int = 0
    result: Any = None

    def accept_waveform(self, rate: int, samples: NDArray[np.float32]) -> None:
        self.rate = rate
        self.samples.append(samples)


@dataclass
class FakeRecogniser:
    """Says the length of each window, in tenths of a second."""

    batches: list[int] = field(default_factory=list)

    def create_stream(self) -> FakeStream:
        return FakeStream()

    def decode_streams(self, ss: list[FakeStream]) -> None:
        self.batches.append(len(ss))
        for stream in ss:
            assert stream.rate == 16_000
            stream.result = result([str(len(stream.samples[0]) // 1_600)], [0.1])


def texts(found: Any) -> list[str]:
    return [word.text for word in found.words]


def test_windows_keep_their_order_and_run_in_batches() -> None:
    recogniser = FakeRecogniser()
    engine = SherpaEngine(recogniser, EngineInfo("sherpa"), batch_size=2)
    windows = [np.zeros(n * 1_600, np.float32) for n in (7, 3, 9)]
    found = engine.recognise(windows, DecodeOptions())
    assert [text.text for text in found] == ["7", "3", "9"]
    assert recogniser.batches == [2, 1]
    assert engine.info.engine == "sherpa"
    assert engine.recognise([], DecodeOptions()) == []


def test_chinese_tokens_are_words_with_times_up_to_the_next() -> None:
    found = window_text(result("您好啊", [0.1, 0.3, 1.5]), 3_000)
    assert [(w.text, w.start_ms, w.end_ms) for w in found.words] == [
        ("您", 100, 300),
        ("好", 300, 700),  # a character does not last over a pause
        ("啊", 1_500, 1_900),
    ]
    assert found.no_speech_prob == 0


def test_tags_are_left_out_and_punctuation_goes_with_its_word() -> None:
    tokens = ["<|zh|>", "<|NEUTRAL|>", "<|withitn|>", "好", "的", "。"]
    found = window_text(result(tokens, [0, 0, 0, 0.2, 0.4, 0.6]), 1_000)
    assert texts(found) == ["好", "的。"]


def test_latin_pieces_are_joined_to_words_sense_voice() -> None:
    tokens = ["加", "▁we", "chat", "▁v", "ip", "群"]
    found = window_text(result(tokens, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), 1_000)
    assert texts(found) == ["加", "wechat", " vip", "群"]
    assert found.text == "加wechat vip群"


def test_latin_pieces_are_joined_to_words_paraformer() -> None:
    tokens = ["加", "we@@", "chat", "vip", "群"]
    found = window_text(result(tokens, [0.1, 0.2, 0.3, 0.4, 0.5]), 1_000)
    assert texts(found) == ["加", "wechat", " vip", "群"]


def test_digits_of_a_number_stay_together() -> None:
    tokens = ["付", "▁", "1", "9", "8", ".", "5", "元"]
    found = window_text(result(tokens, [0.1 * i for i in range(8)]), 1_000)
    assert found.text == "付198.5元"


@pytest.mark.parametrize("times", [[], [0.1], [float("nan")] * 4])
def test_without_usable_times_words_share_the_window(times: list[float]) -> None:
    found = window_text(result("今天下雨", times), 2_000)
    assert [word.start_ms for word in found.words] == [0, 500, 1_000, 1_500]


def test_probabilities_become_confidence() -> None:
    found = window_text(result("好的", [0.1, 0.2], [-0.1, -2.0]), 1_000)
    assert [round(word.confidence, 3) for word in found.words] == [0.905, 0.135]
    assert found.avg_logprob == pytest.approx(-1.05)


def test_older_results_have_no_probabilities() -> None:
    found = window_text(SimpleNamespace(tokens=["好"], timestamps=[0.1]), 1_000)
    assert found.words[0].confidence == 1


def test_silence_gives_no_words() -> None:
    found = window_text(result(["<|nospeech|>"], [0.0]), 1_000)
    assert found.words == ()
    assert found.no_speech_prob == 1


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["您", "好", "▁we", "chat", "ok@@", "。", "<|zh|>", "▁", "5", "."]),
            st.floats(-1, 40),
        ),
        max_size=60,
    ),
    st.integers(1, 30_000),
)
def test_word_times_rise_inside_the_window(tokens: list[tuple[str, float]], length_ms: int) -> None:
    found = window_text(result([t for t, _ in tokens], [s for _, s in tokens]), length_ms)
    at = 0
    for word in found.words:
        assert word.text.strip()
        assert at <= word.start_ms < word.end_ms <= length_ms
        at = word.end_ms


def test_the_kind_of_model_is_read_from_its_metadata() -> None:
    assert model_kind(PARAFORMER) == "paraformer"
    assert model_kind(SENSE_VOICE) == "sense-voice"
    assert model_kind({"model_type": "zipformer2"}) is None


def directory_with(tmp_path: Path, **files: bytes) -> Path:
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_bytes(content)
    return tmp_path


def code_of(directory: Path, **settings: Any) -> str:
    with pytest.raises(AppError) as error:
        load_sherpa(directory, AsrSettings(**settings))
    assert str(directory) in error.value.message or error.value.code == "device-unavailable"
    return error.value.code


def test_missing_files_are_named(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nowhere") == "weights-missing"
    with pytest.raises(AppError, match=r"model\.onnx.*tokens\.txt"):
        load_sherpa(tmp_path, AsrSettings())
    assert code_of(directory_with(tmp_path, model__onnx=b"x")) == "weights-missing"


@pytest.mark.parametrize("tokens", [b"", b"\xff\xfe", "您 1\n好\n".encode(), b"a b c\n"])
def test_a_token_table_of_another_shape_is_refused(tmp_path: Path, tokens: bytes) -> None:
    directory = directory_with(tmp_path, model__onnx=b"x", tokens__txt=tokens)
    assert code_of(directory) == "weights-invalid"


def test_a_damaged_model_is_an_error_and_not_the_end_of_the_process(tmp_path: Path) -> None:
    directory = directory_with(tmp_path, model__onnx=b"not onnx", tokens__txt="您 0\n".encode())
    assert code_of(directory) == "weights-invalid"


def test_a_model_of_another_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = directory_with(tmp_path, model__onnx=b"x", tokens__txt="您 0\n".encode())
    monkeypatch.setattr(sherpa, "_metadata", lambda model: {"model_type": "zipformer2"})
    assert code_of(directory) == "weights-invalid"


@pytest.mark.parametrize(
    ("metadata", "method"),
    [(PARAFORMER, "from_paraformer"), (SENSE_VOICE, "from_sense_voice")],
)
def test_each_kind_is_loaded_by_its_own_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, str], method: str
) -> None:
    called: dict[str, Any] = {}

    def loader(name: str) -> Any:
        def load(**options: Any) -> FakeRecogniser:
            called[name] = options
            return FakeRecogniser()

        return staticmethod(load)

    names = ("from_paraformer", "from_sense_voice")
    fake = SimpleNamespace(
        __version__="1.12.0",
        OfflineRecognizer=type("OfflineRecognizer", (), {name: loader(name) for name in names}),
    )
    monkeypatch.setattr(sherpa.importlib, "import_module", lambda name: fake)
    monkeypatch.setattr(sherpa.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(sherpa, "_metadata", lambda model: metadata)
    directory = directory_with(
        tmp_path, model__onnx=b"x", model__int8__onnx=b"y", tokens__txt="您 0\n".encode()
    )
    engine = load_sherpa(directory, AsrSettings(cpu_threads=3, batch_size=5))
    assert list(called) == [method]
    assert called[method]["num_threads"] == 3
    assert called[method]["provider"] == "cpu"
    assert str(directory / "model.int8.onnx") in called[method].values()
    assert engine.batch_size == 5
    assert engine.info.weights == directory.name
    assert len(engine.info.weights_sha256) == 64
    with pytest.raises(AppError) as error:
        load_sherpa(directory, AsrSettings(device="cuda"))
    assert error.value.code == "device-unavailable"


def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sherpa.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sherpa, "_metadata", lambda model: PARAFORMER)
    directory = directory_with(tmp_path, model__onnx=b"x", tokens__txt="您 0\n".encode())
    with pytest.raises(AppError) as error:
        load_sherpa(directory, AsrSettings())
    assert error.value.code == "extra-missing"
    assert "tingjian[sherpa]" in error.value.message
