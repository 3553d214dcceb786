"""Silero VAD (the ONNX model inside the faster-whisper wheel): PCM in, speech probability out."""

from pathlib import Path

import numpy as np
import onnxruntime
from faster_whisper.utils import get_assets_path
from numpy.typing import NDArray

FRAME_SAMPLES = 512  # fixed by the model: 32 ms at 16 kHz
FRAME_MS = 32
_CONTEXT_SAMPLES = 64
_FRAMES_PER_RUN = 312  # 10 s
_LEAD_FRAMES = 31  # 1 s
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

        Ten seconds at a time, each begun anew a second early: over minutes the recurrent state
        learns to take a soft voice for background and misses whole sentences. Memory stays
        bounded whatever the length. Digital silence is not sent to the model: it is 0.
        """
        result = np.zeros(-(-len(pcm) // FRAME_SAMPLES), np.float32)
        for first in range(0, len(result), _FRAMES_PER_RUN):
            last = min(first + _FRAMES_PER_RUN, len(result))
            lead = min(first, _LEAD_FRAMES)
            piece = pcm[(first - lead) * FRAME_SAMPLES : last * FRAME_SAMPLES]
            if max(int(piece.max()), -int(piece.min())) > _SILENT_PEAK:
                result[first:last] = self._run(piece)[lead:]
        return result

    def _run(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        samples = pcm.astype(np.float32) * np.float32(1 / 32768)
        frames = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
        # Each frame is seen with the last 4 ms of the one before it.
        before = np.zeros((len(frames), _CONTEXT_SAMPLES), np.float32)
        before[1:] = frames[:-1, -_CONTEXT_SAMPLES:]
        state = np.zeros((1, 1, 128), np.float32)
        output, _, _ = self._session.run(
            None, {"input": np.hstack([before, frames]), "h": state, "c": state}
        )
        return np.asarray(output, np.float32).reshape(-1)
