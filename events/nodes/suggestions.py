"""Suggestions of built-in acts for nodes that users describe with examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from events.acts.features import Floats, piece_turns
from events.acts.labels import ACTS, LABELS, act_role
from events.acts.model import ActModel
from events.document import load_pack
from events.segments import semantic_text
from events.tree import EventNode
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import forms

LEAST_CONFIDENCE = 0.5
_GENERAL_PACK = "电销通用"
_DESCRIPTION_WEIGHT = 1.5
_FALLING = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class ActSuggestion:
    """A built-in act that a node seems to mean; `confidence` in [0, 1]."""

    act: str
    confidence: float


def suggest_act(node: EventNode, encoder: SentenceEncoder, model: ActModel) -> ActSuggestion | None:
    """The act that fits a node best, None when none fits well enough.

    What the act model says of each example counts most; the name and the description of the node
    against those of the act count like one or two examples, and counter-examples against it.
    """
    if not node.match.examples or not model.fits(encoder):
        return None
    best: ActSuggestion | None = None
    examples = _chances(node, node.match.examples, encoder, model)
    against = _chances(node, node.match.counter_examples, encoder, model)
    meant = _description_scores(node, encoder)
    for act in ACTS:
        if node.role not in (act_role(act), "unknown"):
            continue
        column = LABELS.index(act)
        limit = model.threshold(act)
        # At the threshold an example speaks for the act as much as against it.
        support = [min(1.0, float(row[column]) / (2.0 * limit)) for row in examples]
        total = sum(support) + _DESCRIPTION_WEIGHT * meant[act]
        confidence = total / (len(support) + _DESCRIPTION_WEIGHT)
        if len(against):
            confidence -= _FALLING * float((against[:, column] >= limit).mean())
        if best is None or confidence > best.confidence:
            best = ActSuggestion(act=act, confidence=round(max(confidence, 0.0), 4))
    return best if best is not None and best.confidence >= LEAST_CONFIDENCE else None


def _chances(
    node: EventNode, texts: Sequence[str], encoder: SentenceEncoder, model: ActModel
) -> Floats:
    """Probabilities of all labels for sentences read as turns, shape (sentences, labels)."""
    folded = [semantic_text(forms(text).normalised) for text in texts]
    total: Floats = np.zeros((len(folded), len(LABELS)), dtype=np.float32)
    if not folded:
        return total
    vectors = encoder.encode(folded)
    for role in ("agent", "customer"):
        if node.role in (role, "unknown"):
            total = total + model.piece_chances(role, piece_turns(role, folded), vectors)
    return total


def _description_scores(node: EventNode, encoder: SentenceEncoder) -> dict[str, float]:
    """How near the node's name and description are to those of each act, in [0, 1]."""
    own = [f"{node.name} {node.description}".strip()]
    acts = act_descriptions()
    vectors = encoder.encode([*own, *(acts[act] for act in ACTS)])
    scores = np.clip(vectors[1:] @ vectors[0], 0.0, 1.0)
    named = {act: float(act.rsplit("/", 1)[-1] == node.name) for act in ACTS}
    return {act: max(float(score), named[act]) for act, score in zip(ACTS, scores, strict=True)}


def act_descriptions() -> dict[str, str]:
    """Act -> its name and what the general pack says of it."""
    told = {act: act.rsplit("/", 1)[-1] for act in ACTS}
    for node in load_pack(_GENERAL_PACK).walk():
        if node.match.act in told:
            told[node.match.act] = f"{node.name} {node.description}".strip()
    return told
