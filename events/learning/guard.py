"""The guard: labelled dialogues that ship with the product, which no head may get much worse on."""

from functools import lru_cache
from importlib import resources

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.acts.corpus import Dialogue, parse_dialogues
from events.acts.labels import ACTS
from events.learning.fitting import LabelledTurn
from events.learning.head import act_target
from events.matching import TreeMatcher

_TURN_MS = 5000

Guard = tuple[list[LabelledTurn], list[LabelledTurn]]


def guard_turns(matcher: TreeMatcher) -> Guard:
    """The guard as a tree sees it: turns to fit beside, and turns to test on.

    Labels are those of the acts that the tree's nodes name. No dialogue is in both parts.
    """
    parts: Guard = ([], [])
    linked = set(matcher.targets.values())
    for at, dialogue in enumerate(_dialogues()):
        parts[at % 2].extend(_turns(matcher, dialogue, linked))
    return parts


def _turns(matcher: TreeMatcher, dialogue: Dialogue, linked: set[str]) -> list[LabelledTurn]:
    found = []
    for turn in matcher.turn_odds(as_transcript(dialogue)):
        said = frozenset[str]().union(*(dialogue.turns[at].labels for at in turn.utterances))
        labels = {
            act_target(act): act in said
            for act in ACTS
            if act_target(act) in linked and act_target(act) in turn.odds
        }
        found.append(LabelledTurn(call="", features=turn.features, odds=turn.odds, labels=labels))
    return found


def as_transcript(dialogue: Dialogue) -> Transcript:
    """A written dialogue as a transcript: one utterance for each turn, five seconds apart."""
    utterances = tuple(
        Utterance(
            index=at,
            channel=int(turn.role == "customer"),
            role=turn.role,
            start_ms=at * _TURN_MS,
            end_ms=(at + 1) * _TURN_MS,
            text=turn.text,
            normalised=turn.text,
        )
        for at, turn in enumerate(dialogue.turns)
    )
    facts = AudioFacts(len(utterances) * _TURN_MS, 8000, 2, "written", "none")
    return Transcript(facts, EngineInfo("written"), utterances)


@lru_cache(maxsize=1)
def _dialogues() -> tuple[Dialogue, ...]:
    text = (resources.files("events.learning") / "guard.txt").read_text(encoding="utf-8")
    return parse_dialogues(text, "guard.txt")
