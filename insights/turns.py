"""Turns: who held the floor when, and what follows from their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from asr.timing import is_backchannel, text_units
from asr.transcript import Role, Transcript, Utterance
from insights.parameters import BACKCHANNEL_MS, DEFAULTS, ConversationParameters


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said with nothing of the other side between.

    `units` counts 汉字, Latin words and digit groups. `end_ms` is the latest end of its
    utterances.
    """

    role: Role
    start_ms: int
    end_ms: int
    units: int


def turns(transcript: Transcript) -> tuple[Turn, ...]:
    """The call's turns in time order, of agent and customer only.

    A short listening sound (嗯, 对) does not take the floor: it is left out.
    """
    found: list[Turn] = []
    for utterance in transcript.utterances:
        if utterance.role == "unknown" or _only_listening(utterance):
            continue
        units = text_units(utterance.text)
        if found and found[-1].role == utterance.role:
            last = found[-1]
            end_ms = max(last.end_ms, utterance.end_ms)
            found[-1] = Turn(last.role, last.start_ms, end_ms, last.units + units)
        else:
            found.append(Turn(utterance.role, utterance.start_ms, utterance.end_ms, units))
    return tuple(found)


def _only_listening(utterance: Utterance) -> bool:
    return utterance.span.duration_ms <= BACKCHANNEL_MS and is_backchannel(utterance.text)


def count_discussions(held: Sequence[Turn], parameters: ConversationParameters = DEFAULTS) -> int:
    """Number of runs of alternating, substantial turns without a long gap.

    A run counts once, however long it is.
    """
    runs = length = 0
    previous: Turn | None = None
    for turn in held:
        if turn.units < parameters.discussion_units:
            length, previous = 0, None
            continue
        near = (
            previous is not None and turn.start_ms - previous.end_ms < parameters.discussion_gap_ms
        )
        length = length + 1 if near else 1
        runs += length == parameters.discussion_turns
        previous = turn
    return runs
