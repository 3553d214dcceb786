"""Timeline of a call: its hits in order, and the bands of its stages."""

from collections.abc import Sequence
from dataclasses import dataclass

from asr.transcript import Transcript
from core.evidence import Layer
from events.hits import EventHit
from events.tree import EventTree

_BAND_GAP_MS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event at one place. `stage` is the root node's name, `name` the node's own.

    `quote` is what matched, `sentence` the whole utterance; `hit` the position in the hit list.
    """

    start_ms: int
    end_ms: int
    utterance: int | None
    role: str
    node: str
    stage: str
    name: str
    quote: str
    sentence: str
    layer: Layer
    score: float
    hit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBand:
    """A stretch of a call that belongs to one stage of the agent's process."""

    stage: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Entries sorted by start time, utterance and order of the tree; bands sorted by start."""

    entries: tuple[TimelineEntry, ...]
    bands: tuple[StageBand, ...]


def timeline(tree: EventTree, transcript: Transcript, hits: Sequence[EventHit]) -> Timeline:
    """The timeline of a call. Hits of nodes that the tree does not have are kept by their path."""
    rank = {node.path: place for place, node in enumerate(tree.walk())}
    order = sorted(
        range(len(hits)),
        key=lambda at: (
            hits[at].start_ms,
            hits[at].utterance or 0,
            rank.get(hits[at].node, len(rank)),
        ),
    )
    entries = tuple(_entry(transcript, hits[at], at) for at in order)
    return Timeline(entries=entries, bands=_bands(tree, transcript, entries))


def _entry(transcript: Transcript, hit: EventHit, at: int) -> TimelineEntry:
    utterances = transcript.utterances
    inside = hit.utterance is not None and hit.utterance < len(utterances)
    return TimelineEntry(
        start_ms=hit.start_ms,
        end_ms=hit.end_ms,
        utterance=hit.utterance,
        role=hit.role,
        node=hit.node,
        stage=hit.node.split("/", 1)[0],
        name=hit.node.rsplit("/", 1)[-1],
        quote=hit.text,
        sentence=utterances[hit.utterance].text
        if inside and hit.utterance is not None
        else hit.text,
        layer=hit.layer,
        score=hit.score,
        hit=at,
    )


def _bands(
    tree: EventTree, transcript: Transcript, entries: Sequence[TimelineEntry]
) -> tuple[StageBand, ...]:
    """Runs of entries of one stage; a band reaches to the end of its last utterance.

    Customer events interrupt no stage: they colour the entries, not the bands. A stage that
    falls silent for half a minute starts a new band when it returns.
    """
    stages = {node.name for node in tree.nodes if any(child.sop for child in node.walk())}
    ends = {u.index: u.end_ms for u in transcript.utterances}
    bands: list[StageBand] = []
    for entry in entries:
        if entry.stage not in stages:
            continue
        end = entry.end_ms if entry.utterance is None else ends.get(entry.utterance, entry.end_ms)
        last = bands[-1] if bands else None
        if last and last.stage == entry.stage and entry.start_ms - last.end_ms <= _BAND_GAP_MS:
            bands[-1] = StageBand(
                stage=last.stage, start_ms=last.start_ms, end_ms=max(last.end_ms, end)
            )
            continue
        if last and last.end_ms > entry.start_ms:  # One turn may serve two stages; the later wins.
            bands[-1] = StageBand(stage=last.stage, start_ms=last.start_ms, end_ms=entry.start_ms)
        bands.append(StageBand(stage=entry.stage, start_ms=entry.start_ms, end_ms=end))
    return tuple(band for band in bands if band.end_ms > band.start_ms)
