"""The human layer: what a call's events are when people have the last word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from events.hits import EventHit, SopReport, SopState

HumanVerdict = Literal["confirmed", "overturned", "added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanEvent:
    """A verdict on one utterance and one node: `hit` is the machine's position, None = added."""

    utterance: int
    node: str
    verdict: HumanVerdict
    hit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanLayer:
    """What people say of a call's events, beside what the machine says.

    `events` are the verdicts by utterance. `steps` are the SOP steps whose state they change.
    """

    events: tuple[HumanEvent, ...]
    steps: Mapping[str, SopState]


def human_layer(
    hits: Sequence[EventHit],
    sop: SopReport,
    verdicts: Sequence[tuple[int, str, HumanVerdict]],
) -> HumanLayer:
    """The verdicts (utterance, node path, verdict) laid over the machine's hits and SOP states.

    A step that people found is executed. One whose every hit they overturned is missed. What was
    not said and not corrected stays as it is.
    """
    places = {(hit.utterance, hit.node): at for at, hit in enumerate(hits)}
    events = tuple(
        HumanEvent(utterance=at, node=node, verdict=verdict, hit=places.get((at, node)))
        for at, node, verdict in sorted(verdicts)
    )
    overturned = {event.hit for event in events if event.verdict == "overturned"}
    found = {event.node for event in events if event.verdict != "overturned"}
    steps: dict[str, SopState] = {}
    for step in sop.steps:
        said = any(node == step.node or node.startswith(f"{step.node}/") for node in found)
        if step.state != "executed" and said:
            steps[step.node] = "executed"
        elif step.state == "executed" and not said and set(step.hits) <= overturned:
            steps[step.node] = "missed"
    return HumanLayer(events=events, steps=steps)
