"""Recognition with the real weights: a call, every format, and what uploads must survive."""

import json
import resource
import statistics
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

import asr.decode
from asr.engines.silero import FRAME_SAMPLES, SileroVad
from asr.text import normalise_numbers
from asr.transcriber import Transcriber
from asr.transcript import Role, Transcript
from asr.vad import VadOptions, frame_levels, speech_spans, weigh
from asr.weights import WeightsRegistry
from core.errors import AppError
from core.serial import from_json, to_json
from core.settings import AsrSettings
from insights.conversation import call_metrics
from qa_rules.documents.rule_sets import parse_ruleset
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.facts.call import CallView

AUDIO = Path(__file__).resolve().parents[3] / "fixtures" / "audio"
CLIPS = AUDIO / "clips"
CALL = "dev-edu-04"
ROLES: tuple[Role, ...] = ("agent", "customer")


_VOLUME = """
ruleset: 音量
version: "1"
categories: [类]
rules:
- id: loud
  name: 有声
  category: 类
  severity: info
  reason: 因为
  hit_if: x
  conditions: {x: {volume: {above: -60}, role: agent}}
- id: soft
  name: 太轻
  category: 类
  severity: info
  reason: 因为
  hit_if: x
  conditions: {x: {volume: {below: -60}}}
"""


@pytest.fixture(scope="session")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Transcriber:
    registry = WeightsRegistry(tmp_path_factory.mktemp("data"), offline=True)
    return Transcriber(AsrSettings(), registry)


@pytest.fixture(scope="session")
def undiarized(tmp_path_factory: pytest.TempPathFactory) -> Transcriber:
    registry = WeightsRegistry(tmp_path_factory.mktemp("data"), offline=True)
    return Transcriber(AsrSettings(diarization=False), registry)


@pytest.fixture(scope="session")
def call(transcriber: Transcriber) -> Transcript:
    return transcriber.transcribe([AUDIO / f"{CALL}.flac"], ROLES)


def truth() -> list[dict[str, object]]:
    turns = json.loads((AUDIO / f"{CALL}.json").read_text(encoding="utf-8"))["turns"]
    assert turns
    return list(turns)


def test_each_side_says_its_own_words(call: Transcript) -> None:
    for role in ROLES:
        said = "".join(u.normalised for u in call.utterances if u.role == role)
        own = "".join(str(t["text"]) for t in truth() if t["role"] == role)
        other = "".join(str(t["text"]) for t in truth() if t["role"] != role)
        assert error_rate(own, said) < 0.45
        assert error_rate(other, said) > 0.7


def test_every_labelled_turn_is_heard_where_it_was_said(call: Transcript) -> None:
    starts = []
    for turn in truth():
        start, end = int(str(turn["start_ms"])), int(str(turn["end_ms"]))
        over = [
            u
            for u in call.utterances
            if u.role == turn["role"] and u.start_ms < end and start < u.end_ms
        ]
        heard = over or [
            g for g in call.untranscribed if g.role == turn["role"] and g.start_ms < end
        ]
        assert heard, turn
        if over:
            starts.append(abs(over[0].start_ms - start))
    assert np.median(starts) <= 120


def test_times_are_sound(call: Transcript) -> None:
    assert [u.index for u in call.utterances] == list(range(len(call.utterances)))
    order = [(u.start_ms, u.channel) for u in call.utterances]
    assert order == sorted(order)
    for u in call.utterances:
        assert 0 <= u.start_ms < u.end_ms <= call.audio.duration_ms
        assert u.end_ms - u.start_ms <= 16_000
        assert "".join(w.text for w in u.words) == u.text
        previous = u.start_ms
        for word in u.words:
            assert previous <= word.start_ms < word.end_ms <= u.end_ms
            assert 0 <= word.confidence <= 1
            previous = word.end_ms


def test_no_text_lies_outside_speech(call: Transcript) -> None:
    for channel in call.speech:
        for u in (u for u in call.utterances if u.channel == channel.channel):
            assert any(u.span.overlap_ms(span) for span in channel.spans)
    first = min(int(str(t["start_ms"])) for t in truth())
    assert call.utterances[0].start_ms >= first - 100


def test_a_call_in_files_says_what_it_says_in_memory(
    call: Transcript, transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asr.decode, "_MEMORY_SAMPLES", 5 * 16_000)
    audio = asr.decode.decode(AUDIO / f"{CALL}.flac", 600)
    assert len(audio.spools) == 2
    assert transcriber.transcribe_audio(audio, ROLES) == call


def test_the_transcript_survives_json(call: Transcript) -> None:
    assert from_json(Transcript, json.loads(json.dumps(to_json(call)))) == call


def test_every_utterance_has_a_level_and_volume_rules_go_by_it(call: Transcript) -> None:
    levels = {r: [u.level_dbfs for u in call.utterances if u.role == r] for r in ROLES}
    for role, own in levels.items():
        assert all(level is not None and -60 < level < -3 for level in own)
        assert call_metrics(call, []).value(f"{role}_loudness") == pytest.approx(
            statistics.median(level for level in own if level is not None)
        )
    assert all(side.clipped_share == 0 for side in call.speech)
    ruleset = parse_ruleset(_VOLUME)
    loud, soft = RuleEvaluator(ruleset).evaluate(CallView(call))
    assert loud.outcome == "hit"
    assert {item.layer for item in loud.evidence} == {"volume"}
    assert soft.outcome == "clear"


def test_the_transcript_names_what_made_it(call: Transcript, transcriber: Transcriber) -> None:
    assert call.engine == transcriber.engine_info
    assert call.engine.engine == "faster-whisper"
    assert call.engine.weights == "base"
    assert call.engine.weights_sha256.startswith("d01c3014")


def test_threads_sharing_the_weights_get_the_same_transcript(transcriber: Transcriber) -> None:
    results: list[Transcript] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(transcriber.transcribe([CLIPS / "alaw.wav"], ROLES))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert results[0].utterances
    assert results.count(results[0]) == 3


@pytest.mark.parametrize(
    "name", ["alaw.wav", "mulaw.wav", "stereo.mp3", "stereo.m4a", "stereo.ogg", "stereo.webm"]
)
def test_both_sides_are_heard_in_every_format(transcriber: Transcriber, name: str) -> None:
    found = transcriber.transcribe([CLIPS / name], ROLES)
    assert {u.role for u in found.utterances} == set(ROLES)


def test_amr_is_heard_and_mono_roles_are_unknown(undiarized: Transcriber) -> None:
    found = undiarized.transcribe([CLIPS / "mono.amr"], ROLES)
    assert {u.role for u in found.utterances} == {"unknown"}
    assert {u.reliability for u in found.utterances} == {"low"}
    assert "roles-unknown" in found.audio.quality_flags
    named = undiarized.transcribe([CLIPS / "mono.amr"], ("agent",))
    assert {u.role for u in named.utterances} == {"agent"}


def test_two_mono_files_are_one_call(transcriber: Transcriber) -> None:
    paths = [CLIPS / "pair-agent.wav", CLIPS / "pair-customer.wav"]
    found = transcriber.transcribe(paths, ROLES)
    assert found.audio.channels == 2
    assert {c.role for c in found.speech} == set(ROLES)
    assert any(u.role == "agent" for u in found.utterances)


def test_fake_stereo_is_heard_once_with_unknown_roles(undiarized: Transcriber) -> None:
    found = undiarized.transcribe([CLIPS / "identical-channels.flac"], ROLES)
    assert "identical-channels" in found.audio.quality_flags
    assert {u.channel for u in found.utterances} == {0}
    assert {u.role for u in found.utterances} == {"unknown"}


def test_a_fifth_of_a_second_is_an_empty_transcript(transcriber: Transcriber) -> None:
    found = transcriber.transcribe([CLIPS / "short-200ms.wav"], ROLES)
    assert found.utterances == ()
    assert "nearly-empty" in found.audio.quality_flags


def test_a_truncated_recording_is_heard_as_far_as_it_goes(transcriber: Transcriber) -> None:
    found = transcriber.transcribe([CLIPS / "truncated.wav"], ROLES)
    assert "truncated" in found.audio.quality_flags


@pytest.mark.parametrize("name", ["text.mp3", "empty.wav", "video-only.mp4", "header-only.wav"])
def test_what_is_no_recording_is_one_clear_error(transcriber: Transcriber, name: str) -> None:
    with pytest.raises(AppError) as caught:
        transcriber.transcribe([CLIPS / name], ROLES)
    assert caught.value.code == "bad-audio"
    assert caught.value.detail["file"] == name
    assert not caught.value.retryable


def test_three_hours_of_silence_are_empty_in_bounded_memory(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    path = tmp_path / "silence.flac"
    write_silence(path, hours=3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    shares: list[float] = []
    found = transcriber.transcribe([path], ROLES, progress=shares.append)
    assert found.utterances == ()
    assert found.audio.duration_ms == 3 * 3_600_000
    assert {"nearly-empty", "no-audio"} <= set(found.audio.quality_flags)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    # Samples are 675,000 KiB. They leave memory again, but on a busy machine not at once.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB


def test_the_vad_hears_the_same_whatever_the_length() -> None:
    vad = SileroVad()
    rng = np.random.default_rng(5)
    pcm = rng.normal(0, 300, 25 * 16_000).astype(np.int16)
    whole = vad.probabilities(pcm)
    assert len(whole) == -(-len(pcm) // FRAME_SAMPLES)
    assert np.array_equal(vad.probabilities(pcm[: 312 * FRAME_SAMPLES]), whole[:312])
    levels = frame_levels(pcm, FRAME_SAMPLES)
    options = VadOptions()
    assert speech_spans(weigh(whole, levels, None, options), 32, 25_000, options) == ()


def write_silence(path: Path, hours: int) -> None:
    block = np.zeros((1, 2 * 4096), np.int16)
    total = hours * 3600 * 8000
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=8000, layout="stereo", format="s16")
        for first in range(0, total, 4096):
            size = min(4096, total - first)
            frame = AudioFrame.from_ndarray(block[:, : 2 * size], format="s16", layout="stereo")
            frame.sample_rate = 8000
            frame.pts = first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def error_rate(reference: str, heard: str) -> float:
    """Character errors per reference character, punctuation aside."""
    expected, found = (
        "".join(c for c in normalise_numbers(text).text if c.isalnum())
        for text in (reference, heard)
    )
    row = list(range(len(found) + 1))
    for i, a in enumerate(expected, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(found, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1] / len(expected)


@pytest.mark.parametrize(
    ("engine", "code"), [("sherpa", "weights-missing"), ("kaldi", "unknown-engine")]
)
def test_engines_are_chosen_by_the_settings(tmp_path: Path, engine: str, code: str) -> None:
    settings = AsrSettings(engine=engine, weights=str(tmp_path / "paraformer"))
    chosen = Transcriber(settings, WeightsRegistry(tmp_path, offline=True))
    with pytest.raises(AppError) as caught:
        chosen.transcribe([CLIPS / "alaw.wav"], ROLES)
    assert caught.value.code == code
