"""CallReading: what one call's utterances say, worked out once for everything that looks at it."""

from collections.abc import Mapping
from functools import cached_property

from asr.transcript import Transcript, Utterance
from events.acts.reading import ActPlace, ActReader, ReadTurn, chances_by_row
from events.segments import segments, semantic_text
from events.semantic import Floats
from nlp.encoders.base import SentenceEncoder
from nlp.normalise import TextForms, forms


class CallReading:
    """One call prepared for the layers of a tree and for rules; each part is made when asked.

    Without an encoder there are no vectors, without a reader no turns.
    """

    def __init__(
        self,
        transcript: Transcript,
        encoder: SentenceEncoder | None = None,
        reader: ActReader | None = None,
    ) -> None:
        self.transcript = transcript
        self._encoder = encoder
        self._reader = reader

    @cached_property
    def forms(self) -> Mapping[int, TextForms]:
        """The matching forms of every utterance, by its index."""
        return {u.index: forms(u.text) for u in self.transcript.utterances}

    @cached_property
    def texts(self) -> list[tuple[Utterance, TextForms]]:
        """The utterances in which something was heard, with their forms; rows count these."""
        known = self.forms
        return [(u, known[u.index]) for u in self.transcript.utterances if known[u.index].heard]

    @cached_property
    def cut(self) -> list[list[tuple[int, int, str]]]:
        """The segments of each row: start, end, and the text that is encoded."""
        return [
            [
                (start, end, semantic_text(text.normalised[start:end]))
                for start, end in segments(text)
            ]
            for _, text in self.texts
        ]

    @cached_property
    def vectors(self) -> dict[str, Floats]:
        """The sentence vector of each text of `cut`, all encoded in one batch."""
        if self._encoder is None:
            return {}
        unique = list(dict.fromkeys(text for parts in self.cut for _, _, text in parts))
        return dict(zip(unique, self._encoder.encode(unique), strict=True))

    @cached_property
    def turns(self) -> list[ReadTurn]:
        """The turns with the chances of every act; none without a reader."""
        return [] if self._reader is None else self._reader.turns(self.texts, self.vectors)

    @cached_property
    def chances(self) -> Mapping[int, Floats]:
        """The chance of every act in the turn of each utterance, by its index; in label order."""
        texts = self.texts
        return {texts[row][0].index: found for row, found in chances_by_row(self.turns).items()}

    @cached_property
    def places(self) -> list[dict[str, ActPlace]]:
        """For each row the acts that reach their threshold there."""
        if self._reader is None:
            return [{} for _ in self.texts]
        return self._reader.places(self.turns, len(self.texts))

    @property
    def acts(self) -> Mapping[int, Mapping[str, ActPlace]] | None:
        """`places` by the index of the utterance, where there are any; None without a reader."""
        if self._reader is None:
            return None
        found = zip(self.texts, self.places, strict=True)
        return {utterance.index: places for (utterance, _), places in found if places}
