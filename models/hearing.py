"""Hearing options: how people want one call to be heard, kept with it for every transcription."""

from dataclasses import dataclass
from typing import Any

from core.serial import from_json, to_json
from models.tables import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingOptions:
    """What differs from the way the call came in.

    `swap_roles`: agent and customer are the other way round. `mix_channels`: both channels are
    mixed and the speakers told apart by their voices.
    """

    swap_roles: bool = False
    mix_channels: bool = False


def hearing_options(call: Call) -> HearingOptions:
    """The call's options; the defaults when nobody changed anything."""
    return from_json(HearingOptions, call.options, "hearing options")


def options_json(options: HearingOptions) -> dict[str, Any]:
    """What is stored in `Call.options`."""
    document: dict[str, Any] = to_json(options)
    return document
