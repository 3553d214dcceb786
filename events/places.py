"""Places in a call: the time of some characters of an utterance, and distances between hits."""

from asr.transcript import Role, Transcript, Utterance, Word
from core.span import Span
from events.tree import Anchor, Scope


def span_of(utterance: Utterance, start: int, end: int) -> Span:
    """The call time of the code points `[start, end)` of an utterance's raw text.

    From word times when there are any; otherwise characters are taken as equally long.
    """
    first: Word | None = None
    last: Word | None = None
    position = 0
    for word in utterance.words:
        text = word.text.strip()
        at = utterance.text.find(text, position) if text else -1
        if at >= end:
            break
        if at >= 0:
            position = at + len(text)
            if position > start:
                first, last = first or word, word
    if first is not None and last is not None:
        return Span(first.start_ms, max(first.start_ms, last.start_ms, last.end_ms))
    length = max(len(utterance.text), 1)
    duration = utterance.end_ms - utterance.start_ms
    return Span(
        utterance.start_ms + duration * min(start, length) // length,
        utterance.start_ms + duration * min(end, length) // length,
    )


def may_say(node: Role, utterance: Role) -> bool:
    """Whether an utterance of one role may hit a node of another: unknown goes with every role."""
    return node == utterance or "unknown" in (node, utterance)


def in_scope(scope: Scope | None, utterance: Utterance, transcript: Transcript) -> bool:
    """Whether an utterance lies inside the first/last limits of a scope; anchors aside."""
    if scope is None:
        return True
    utterances = transcript.utterances
    count = len(utterances)
    if scope.first_utterances is not None and utterance.index >= scope.first_utterances:
        return False
    if scope.last_utterances is not None and utterance.index < count - scope.last_utterances:
        return False
    if scope.first_s is not None:
        limit = utterances[0].start_ms + scope.first_s * 1000
        if utterance.start_ms >= limit:
            return False
    if scope.last_s is not None:
        limit = max(u.end_ms for u in utterances) - scope.last_s * 1000
        if utterance.end_ms <= limit:
            return False
    return True


def follows(anchor: Anchor, utterance: Utterance, before: list[Utterance]) -> bool:
    """Whether one of the utterances `before` precedes within the anchor's limits."""
    return any(_near(anchor, earlier, utterance) for earlier in before)


def precedes(anchor: Anchor, utterance: Utterance, after: list[Utterance]) -> bool:
    """Whether one of the utterances `after` follows within the anchor's limits."""
    return any(_near(anchor, utterance, later) for later in after)


def _near(anchor: Anchor, earlier: Utterance, later: Utterance) -> bool:
    distance = later.index - earlier.index
    if distance <= 0:
        return False
    if anchor.within_utterances is not None and distance > anchor.within_utterances:
        return False
    gap_ms = later.start_ms - earlier.end_ms
    return anchor.within_s is None or gap_ms <= anchor.within_s * 1000
