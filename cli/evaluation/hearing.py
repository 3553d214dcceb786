"""How labelled recordings are recognised: as they are, or mixed down to one channel."""

from collections.abc import Callable, Sequence
from pathlib import Path

from asr.transcript import Role, Transcript
from cli.ears import transcriber
from cli.evaluation.run import Transcribe, TranscribeTold
from core.settings import Settings


def hearing(settings: Settings) -> Transcribe:
    """Recognition with the weights of the settings, loaded now: in no call's time."""
    told = told_hearing(settings)

    def transcribe(
        path: Path, roles: tuple[Role, ...], progress: Callable[[float], None]
    ) -> Transcript:
        return told(path, roles, (), progress)

    return transcribe


def told_hearing(settings: Settings) -> TranscribeTold:
    """As `hearing`, of a recogniser that is told words before each call."""
    ears = transcriber(settings)
    _ = ears.engine_info

    def transcribe(
        path: Path,
        roles: tuple[Role, ...],
        hotwords: Sequence[str],
        progress: Callable[[float], None],
    ) -> Transcript:
        return ears.transcribe([path], roles, hotwords=hotwords, progress=progress)

    return transcribe


def mixed_hearing(settings: Settings) -> Transcribe:
    """As `hearing`, of all channels mixed down to one: whose voice is whose must be found out.

    Speakers are told apart also when the settings turn that off.
    """
    # Imported here, as the recogniser is in `cli.ears`: text needs none of it.
    from asr.decode import decode
    from asr.diarization.mono import mixed_down

    told_apart = settings.asr.model_copy(update={"diarization": True})
    ears = transcriber(settings.model_copy(update={"asr": told_apart}))
    _ = ears.engine_info

    def transcribe(
        path: Path, _roles: tuple[Role, ...], progress: Callable[[float], None]
    ) -> Transcript:
        audio = mixed_down(decode(path, settings.asr.max_duration_s))
        return ears.transcribe_audio(audio, ("unknown",), progress=progress)

    return transcribe


def require_diarization() -> None:
    """Ends a command before any work when speakers cannot be told apart on this machine.

    Raises:
        AppError: `extra-missing` naming what to install.
    """
    from asr.engines.speaker import speaker_weights

    speaker_weights()
