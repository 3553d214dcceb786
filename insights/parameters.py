"""Defaults of the per-call definitions, named once for the formulas and for the dictionary."""

from dataclasses import dataclass

MONOLOGUE_BRIDGE_MS = 300
"""Own gaps up to this count as speech of a monologue (`asr.timing.monologues`)."""

BACKCHANNEL_MS = 500
"""A listening sound (嗯, 对) up to this long does not take the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationParameters:
    """What the per-call figures depend on. Changing a default changes the dictionary version."""

    monologue_pause_ms: int = 3000
    silence_ms: int = 3000
    overlap_ms: int = 500
    rate_min_units: int = 5
    discussion_turns: int = 4
    discussion_units: int = 8
    discussion_gap_ms: int = 3000


DEFAULTS = ConversationParameters()
