"""Which side says what: whether the acts of a call are those of its roles, or of exchanged ones."""

from dataclasses import replace

import numpy as np

from asr.transcript import Role, Transcript
from events.acts.features import Floats
from events.acts.model import ActModel
from events.acts.reading import act_reader
from events.reading import CallReading
from nlp.encoders.base import SentenceEncoder

_OTHER: dict[Role, Role] = {"agent": "customer", "customer": "agent", "unknown": "unknown"}
_LEAST_TURNS = 4  # of each side: in less, anybody might have said it
_LIMIT = 1e-4


def side_margin(
    transcript: Transcript, encoder: SentenceEncoder, reading: CallReading | None = None
) -> float | None:
    """By how much the acts speak for the roles as they are, against exchanged ones.

    The mean over turns of the difference in log odds of the likeliest act: of the role's own
    acts, and of the other role's. Below 0 the other assignment is likelier. None for a call
    without a few turns of both sides, and with vectors that the model was not trained on.
    `reading` is the transcript as somebody has read it already with the same encoder.
    """
    if any(utterance.role == "unknown" for utterance in transcript.utterances):
        known = tuple(u for u in transcript.utterances if u.role != "unknown")
        transcript, reading = replace(transcript, utterances=known), None
    turns = (reading or CallReading(transcript, encoder, act_reader(encoder))).turns
    roles = [read.turn.role for read in turns]
    if min(roles.count("agent"), roles.count("customer")) < _LEAST_TURNS:
        return None
    own = np.stack([read.chances for read in turns])
    exchanged = [replace(read.turn, role=_OTHER[read.turn.role]) for read in turns]
    other = ActModel.load().predict(exchanged, [read.vectors for read in turns])
    return float((_log_odds(own) - _log_odds(other)).mean())


def _log_odds(chances: Floats) -> Floats:
    """Per turn the log odds of its likeliest act."""
    best = np.clip(chances.max(axis=1), _LIMIT, 1 - _LIMIT)
    odds: Floats = np.log(best / (1 - best)).astype(np.float32)
    return odds
