"""SOP report: which steps of the tree a call executed, in what order, and what cannot be told.

A step without a hit is `missed` only when the call was heard: when its role has untranscribed
speech where the step could have been said, the step is `undecidable`. Untranscribed speech
counts from 2 s in total, or from 10 % of that role's speech when that is at least half a second;
less than that hides no sentence. A step does not apply to a call that never became a
conversation (`EventTree.conversation`), nor when none of its `applies_after` events occurred.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from asr.transcript import ROLE_NAMES, Role, Transcript
from core.span import Span, total_ms
from events.hits import EventHit, SopReport, SopState, StepState
from events.tree import EventNode, EventTree, Scope

UNHEARD_MS = 2000
"""Untranscribed speech of a role from which its unhit steps are undecidable."""

UNHEARD_SHARE = 0.1
"""The same as a share of that role's speech."""

_UNHEARD_FLOOR_MS = 500


def sop_report(tree: EventTree, transcript: Transcript, hits: Sequence[EventHit]) -> SopReport:
    """The state of every SOP step of `tree` in a call with these hits."""
    call = _Call(transcript, hits)
    idle = _no_conversation(tree, call)
    steps = [_step(node, rank, call, idle) for rank, node in enumerate(tree.steps())]
    steps = _ranked(steps, hits)
    return SopReport(
        steps=tuple(steps), coverage=_coverage(steps), order_adherence=_adherence(steps)
    )


class _Call:
    """One call with its hits; what several steps ask for is worked out once."""

    def __init__(self, transcript: Transcript, hits: Sequence[EventHit]) -> None:
        self.transcript = transcript
        self.hits = hits
        self._speech: dict[Role, int] = {}
        self._places: dict[str, list[int]] = {}
        for at, hit in enumerate(hits):
            path = hit.node
            self._places.setdefault(path, []).append(at)
            while "/" in path:
                path = path.rpartition("/")[0]
                self._places.setdefault(path, []).append(at)

    @cached_property
    def whole(self) -> Span:
        """The time from the start of the recording to the end of all that is known of the call."""
        ends = (utterance.end_ms for utterance in self.transcript.utterances)
        return Span(0, max(self.transcript.audio.duration_ms, 1, *ends))

    @cached_property
    def recorded(self) -> Span:
        """The time of the recording."""
        return Span(0, max(self.transcript.audio.duration_ms, 1))

    def hits_of(self, path: str) -> tuple[int, ...]:
        """Positions of the hits of a node and its descendants."""
        return tuple(self._places.get(path, ()))

    def heard(self, role: Role) -> bool:
        return any(u.text and u.role in (role, "unknown") for u in self.transcript.utterances)

    def unheard_ms(self, role: Role, window: Span) -> int:
        """Untranscribed speech of a role inside a window, 0 when it is negligible."""
        gaps = [
            Span(max(g.start_ms, window.start_ms), min(g.end_ms, window.end_ms))
            for g in self.transcript.untranscribed
            if g.role in (role, "unknown")
            and g.start_ms < window.end_ms
            and g.end_ms > window.start_ms
        ]
        unheard = total_ms(gaps)
        if unheard < _UNHEARD_FLOOR_MS:
            return 0
        share = unheard / max(self._speech_ms(role), 1)
        return unheard if unheard >= UNHEARD_MS or share >= UNHEARD_SHARE else 0

    def _speech_ms(self, role: Role) -> int:
        if role not in self._speech:
            self._speech[role] = _speech_ms(self.transcript, role)
        return self._speech[role]


def _speech_ms(transcript: Transcript, role: Role) -> int:
    measured = [span for s in transcript.speech if s.role == role for span in s.spans]
    if measured:
        return total_ms(measured)
    said = [u.span for u in transcript.utterances if u.role == role]
    gaps = [Span(g.start_ms, g.end_ms) for g in transcript.untranscribed if g.role == role]
    return total_ms([*said, *gaps])


def _no_conversation(tree: EventTree, call: _Call) -> str:
    """Why the call is no conversation, empty when it is one or cannot be told."""
    limits, transcript = tree.conversation, call.transcript
    spoken = [u for u in transcript.utterances if u.text]
    if transcript.audio.duration_ms < limits.min_duration_s * 1000:
        return f"通话不足 {limits.min_duration_s} 秒"
    turns = sum(1 for u in spoken if u.role in ("customer", "unknown"))
    if turns < limits.min_customer_utterances and not call.unheard_ms("customer", call.recorded):
        return f"客户只说了 {turns} 句，未形成对话"
    return ""


def _step(node: EventNode, rank: int, call: _Call, idle: str) -> StepState:
    found = call.hits_of(node.path)
    state, reason = _state(node, call, found, idle)
    return StepState(
        node=node.path,
        state=state,
        required=node.required,
        expected=node.expected,
        weight=node.weight,
        reason=reason,
        hits=found,
        expected_rank=rank,
    )


def _state(node: EventNode, call: _Call, found: tuple[int, ...], idle: str) -> tuple[SopState, str]:
    if found:
        utterance = call.hits[found[0]].utterance
        return "executed", f"第 {(utterance or 0) + 1} 句命中"
    if idle:
        return "not_applicable", idle
    if node.applies_after and not any(call.hits_of(path) for path in node.applies_after):
        return _not_triggered(node, call)
    who = ROLE_NAMES[node.role]
    if not call.heard(node.role):
        return "undecidable", f"没有{who}的转写"
    unheard = call.unheard_ms(node.role, _window(node.scope, call))
    if unheard:
        return "undecidable", f"{who}有 {unheard / 1000:.1f} 秒语音未转写"
    return "missed", "未命中"


def _not_triggered(node: EventNode, call: _Call) -> tuple[SopState, str]:
    names = "、".join(path.rsplit("/", 1)[-1] for path in node.applies_after)
    unheard = call.unheard_ms("customer", call.recorded)
    if unheard:
        return "undecidable", f"客户有 {unheard / 1000:.1f} 秒语音未转写，无法判断是否出现{names}"
    return "not_applicable", f"没有出现{names}"


def _window(scope: Scope | None, call: _Call) -> Span:
    """The time in which a step's scope lets it match; anchors aside."""
    utterances = call.transcript.utterances
    start, end = call.whole.start_ms, call.whole.end_ms
    if scope is None or not utterances:
        return call.whole
    count = len(utterances)
    if scope.first_utterances is not None and scope.first_utterances < count:
        end = min(end, utterances[scope.first_utterances].start_ms)
    if scope.first_s is not None:
        end = min(end, utterances[0].start_ms + scope.first_s * 1000)
    if scope.last_utterances is not None and scope.last_utterances < count:
        start = max(start, utterances[count - scope.last_utterances - 1].end_ms)
    if scope.last_s is not None:
        start = max(start, utterances[-1].end_ms - scope.last_s * 1000)
    return Span(min(start, end), end)


def _ranked(steps: list[StepState], hits: Sequence[EventHit]) -> list[StepState]:
    def first(step: StepState) -> int:
        return min(hits[at].start_ms for at in step.hits)

    executed = sorted((s for s in steps if s.hits), key=lambda s: (first(s), s.expected_rank))
    place = {step.node: rank for rank, step in enumerate(executed)}
    return [replace(s, actual_rank=place[s.node]) if s.hits else s for s in steps]


def _coverage(steps: Sequence[StepState]) -> float | None:
    counted = [s for s in steps if s.expected and s.state in ("executed", "missed")]
    total = sum(step.weight for step in counted)
    if total <= 0:
        return None
    return sum(step.weight for step in counted if step.state == "executed") / total


def _adherence(steps: Sequence[StepState]) -> float | None:
    """Share of pairs of executed steps that came in the tree's order."""
    order = [step.actual_rank for step in steps if step.actual_rank is not None]
    pairs = [(a, b) for at, a in enumerate(order) for b in order[at + 1 :]]
    return sum(a < b for a, b in pairs) / len(pairs) if pairs else None
