"""Silero VAD (the ONNX model inside the faster-whisper wheel): PCM in, speech probability out."""

from pathlib import Path

import numpy as np
import onnxruntime
from faster_whisper.utils import get_assets_path
from numpy.typing import NDArray

FRAME_SAMPLES = 512  # fixed by the model: 32 ms at 16 kHz
FRAME_MS = 32
_CONTEXT_SAMPLES = 64
_FRAMES_PER_RUN = 4096
_SILENT_PEAK = 3  # of 32768: below the last bit of every telephone codec


class SileroVad:
    """Speech probability per 32 ms frame. Holds no state between calls of `probabilities`."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            str(Path(get_assets_path()) / "silero_vad_v6.onnx"),
            providers=["CPUExecutionProvider"],
            sess_options=options,
        )

    def probabilities(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """One probability in [0, 1] per frame of 512 samples (the last frame padded with zeros).

        The recurrent state is carried from piece to piece, so memory stays bounded whatever the
        length. Minutes of digital silence are not sent to the model: they are 0.
        """
        result = np.zeros(-(-len(pcm) // FRAME_SAMPLES), np.float32)
        state = _initial_state()
        context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        for first in range(0, len(result), _FRAMES_PER_RUN):
            last = min(first + _FRAMES_PER_RUN, len(result))
            piece = pcm[first * FRAME_SAMPLES : last * FRAME_SAMPLES]
            if int(piece.max()) <= _SILENT_PEAK and int(piece.min()) >= -_SILENT_PEAK:
                state = _initial_state()
                context = np.zeros(_CONTEXT_SAMPLES, np.float32)
                continue
            samples = np.zeros((last - first) * FRAME_SAMPLES, np.float32)
            samples[: len(piece)] = piece * np.float32(1 / 32768)
            frames = samples.reshape(-1, FRAME_SAMPLES)
            before = np.vstack([context[None], frames[:-1, -_CONTEXT_SAMPLES:]])
            context = frames[-1, -_CONTEXT_SAMPLES:]
            output, *state = self._session.run(
                None, {"input": np.hstack([before, frames]), "h": state[0], "c": state[1]}
            )
            result[first:last] = np.asarray(output, np.float32).reshape(-1)
        return result


def _initial_state() -> list[NDArray[np.float32]]:
    return [np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)]
