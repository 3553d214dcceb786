"""Recognition for commands that run without a server."""

from typing import TYPE_CHECKING

from asr.channel_map import parse_channel_map
from asr.transcript import Role
from core.settings import Settings

if TYPE_CHECKING:
    from asr.transcriber import Transcriber


def transcriber(settings: Settings) -> "Transcriber":
    """A transcriber with the weights of the settings, loaded on first use."""
    # Imported here: the engine's library takes a while, and text needs none of it.
    from asr.transcriber import Transcriber
    from asr.weights import WeightsRegistry

    return Transcriber(settings.asr, WeightsRegistry(settings.data_dir, settings.offline))


def channel_roles(channels: str | None, settings: Settings) -> tuple[Role, ...]:
    """Roles by channel, from a map such as `agent,customer`; None = the map of the settings.

    Raises:
        AppError: `bad-channel-map`.
    """
    return parse_channel_map(channels or settings.asr.channels)
