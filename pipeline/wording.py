"""The vocabulary of a call: what the recogniser is told, and what its text is corrected towards."""

from functools import lru_cache

from asr.transcript import Transcript
from events.document import parse_tree
from events.tree import EventTree
from nlp.tokenizer import domain_words
from nlp.vocabulary import Vocabulary, as_recognised, correct_transcript

MOST_HOTWORDS = 20
"""The decoder reads them before every window; the more there are, the less each one says."""


def hotwords_of(tree: EventTree, campaign: str | None) -> tuple[str, ...]:
    """The words that the recogniser is told before a call, the campaign's own first."""
    vocabulary = tree.vocabulary
    return vocabulary.terms_for(campaign)[:MOST_HOTWORDS] if vocabulary.hotwords else ()


def corrected(transcript: Transcript, tree: EventTree, campaign: str | None) -> Transcript:
    """The transcript corrected towards the tree's and the campaign's terms and the trade's.

    Whatever another vocabulary corrected before is taken back. With `correction` off, the text
    is as recognised. Text that people wrote is never touched.
    """
    if transcript.engine.engine == "reference":
        return transcript
    if not tree.vocabulary.correction:
        return as_recognised(transcript)
    return correct_transcript(transcript, _vocabulary(tree.vocabulary.terms_for(campaign)))


@lru_cache(maxsize=16)
def tree_of(document: str, name: str) -> EventTree:
    """The tree of a stored document, parsed once.

    Raises:
        AppError: `bad-tree`.
    """
    return parse_tree(document, name)


@lru_cache(maxsize=64)
def _vocabulary(terms: tuple[str, ...]) -> Vocabulary:
    return Vocabulary((*domain_words(), *terms))
