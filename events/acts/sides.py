"""Which side says what: whether the acts of a call are those of its roles, or of exchanged ones."""

from collections.abc import Sequence

import numpy as np

from asr.transcript import Role, Transcript
from events.acts.features import Floats, Turn, read_turn
from events.acts.model import ActModel
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms, forms

_OTHER: dict[Role, Role] = {"agent": "customer", "customer": "agent", "unknown": "unknown"}
_LEAST_TURNS = 4  # of each side: in less, anybody might have said it
_LIMIT = 1e-4


def side_margin(transcript: Transcript, encoder: SentenceEncoder) -> float | None:
    """By how much the acts speak for the roles as they are, against exchanged ones.

    The mean over turns of the difference in log odds of the likeliest act: of the role's own
    acts, and of the other role's. Below 0 the other assignment is likelier. None for a call
    without a few turns of both sides, and with vectors that the model was not trained on.
    """
    turns = _turns(transcript)
    roles = [role for role, _ in turns]
    if min(roles.count("agent"), roles.count("customer")) < _LEAST_TURNS:
        return None
    model = ActModel.load()
    if not model.fits(encoder):
        return None
    as_they_are = [read_turn(role, texts) for role, texts in turns]
    exchanged = [read_turn(_OTHER[role], texts) for role, texts in turns]
    kept = [row for row, turn in enumerate(as_they_are) if turn.segment_texts]
    own = _log_odds([as_they_are[row] for row in kept], model, encoder)
    other = _log_odds([exchanged[row] for row in kept], model, encoder)
    return float((own - other).mean())


def _turns(transcript: Transcript) -> list[tuple[Role, list[TextForms]]]:
    """Consecutive utterances of one role together."""
    turns: list[tuple[Role, list[TextForms]]] = []
    for utterance in transcript.utterances:
        text = forms(utterance.text)
        if not text.heard or utterance.role == "unknown":
            continue
        if turns and turns[-1][0] == utterance.role:
            turns[-1][1].append(text)
        else:
            turns.append((utterance.role, [text]))
    return turns


def _log_odds(turns: Sequence[Turn], model: ActModel, encoder: SentenceEncoder) -> Floats:
    """Per turn the log odds of its likeliest act."""
    vectors = [encoder.encode(list(turn.segment_texts)) for turn in turns]
    best = np.clip(model.predict(turns, vectors).max(axis=1), _LIMIT, 1 - _LIMIT)
    odds: Floats = np.log(best / (1 - best)).astype(np.float32)
    return odds
