"""The GPUs that this process may use, as the driver's own tool tells it; no ML library."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

_QUERY = ("--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits")
_ANSWER_S = 20
# Of what is free, so much goes to windows; the rest is room for fragments and other processes.
_SHARE = 0.6
# A window of 16 s takes about this much with weights of no size, and a part of their size.
_LEAST_WINDOW_MB = 40
_WINDOW_PART = 0.1
_LARGEST_BATCH = 64


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: the name by which CUDA takes it, and its free memory in MB of 2^20 bytes."""

    uuid: str
    free_mb: int


def gpus(ask: Callable[[], str] | None = None) -> tuple[Gpu, ...]:
    """The GPUs in the driver's order, or in that of `CUDA_VISIBLE_DEVICES`; empty without any.

    Args:
        ask: Gives the lines `index, uuid, MB`; by default `nvidia-smi` does.
    """
    found: dict[str, Gpu] = {}
    order: list[str] = []
    for line in (ask or _nvidia_smi)().splitlines():
        index, uuid, free = (part.strip() for part in line.split(","))
        found[index] = found[uuid] = Gpu(uuid, int(free))
        order.append(uuid)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        order = [name.strip() for name in visible.split(",")]
    return tuple(found[name] for name in order if name in found)


def batch_size_for(free_mb: int, weights_mb: int) -> int:
    """How many windows a GPU takes at once, 1 to 64, once the weights are in its memory.

    Args:
        free_mb: Free memory before the weights are loaded.
        weights_mb: Their size as files, at 16 bits a weight.
    """
    room = _SHARE * max(0, free_mb - weights_mb)
    return min(_LARGEST_BATCH, max(1, int(room / (_LEAST_WINDOW_MB + _WINDOW_PART * weights_mb))))


def _nvidia_smi() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    try:
        return subprocess.run(  # noqa: S603 - the driver's own tool, fixed arguments
            (tool, *_QUERY), capture_output=True, text=True, timeout=_ANSWER_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
