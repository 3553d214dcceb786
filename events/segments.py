"""Segments: the stretches of an utterance that get a sentence vector of their own."""

import re

from nlp.normalise import TextForms

_SHORTEST = 3
_LONGEST = 60
_WINDOW = 24
_STEP = 12
_NUMBER = re.compile(r"\d+(?:\.\d+)?%?")


def semantic_text(text: str) -> str:
    """The text that is encoded: normalised, with all numbers alike.

    Sentence vectors of "2000 块" and "9800 块" are far apart; what is said is the same.
    """
    return _NUMBER.sub("100", text)


def segments(text: TextForms) -> list[tuple[int, int]]:
    """Spans of `normalised`: clauses and sentences, each once; long runs in windows.

    Recognisers often leave punctuation out, and a long run says too much for one vector. Never
    empty: a text that is too short to divide is one segment.
    """
    spans: list[tuple[int, int]] = []
    for start, end in dict.fromkeys((*text.clauses, *text.sentences)):
        if end - start <= _LONGEST:
            spans.append((start, end))
        elif (start, end) in text.clauses:
            spans += [(at, min(at + _WINDOW, end)) for at in range(start, end - _STEP, _STEP)]
    fitting = [span for span in spans if span[1] - span[0] >= _SHORTEST]
    return fitting or [(0, len(text.normalised))]
