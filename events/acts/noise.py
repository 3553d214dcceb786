"""Recogniser noise for training: characters replaced by others that sound alike.

Made from the corpus itself: a character may become any other that occurs in it with the same
syllable, or with one that accents and recognisers merge with it, the more often the more
frequent. Deterministic for a seed.
"""

import random
from collections import Counter
from collections.abc import Iterable

from nlp.phonetics import fuzzy_syllable, syllables

_MERGED_WEIGHT = 0.25  # A merged sound (n/l, an/ang) is confused less often than the same one.


class Homophones:
    """Characters that sound alike, weighted by how often texts use them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sounds: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for text in texts:
            for character, sound in zip(text, syllables(text), strict=True):
                if "一" <= character <= "鿿":
                    counts[character] += 1
                    self._sounds.setdefault(character, sound)
        self._alike: dict[str, list[tuple[str, float]]] = {}
        for character, count in sorted(counts.items()):
            sound = self._sounds[character]
            self._alike.setdefault(sound, []).append((character, float(count)))
            merged = f"~{fuzzy_syllable(sound)}"
            self._alike.setdefault(merged, []).append((character, count * _MERGED_WEIGHT))

    def confuse(self, text: str, rate: float, chance: random.Random) -> str:
        """`text` with about `rate` of its characters misheard, a few of them dropped.

        Half of the texts lose their punctuation too, as recognisers leave it out.
        """
        bare = chance.random() < 0.5
        heard: list[str] = []
        for character in text:
            if character in self._sounds:
                draw = chance.random()
                if draw < rate:
                    heard.append(self._misheard(character, chance))
                    continue
                if draw < rate * 1.15:
                    continue
            elif bare and not character.isalnum():
                continue
            heard.append(character)
        return "".join(heard) or text

    def _misheard(self, character: str, chance: random.Random) -> str:
        sound = self._sounds[character]
        alike = [*self._alike[sound], *self._alike[f"~{fuzzy_syllable(sound)}"]]
        others = [(other, weight) for other, weight in alike if other != character]
        if not others:
            return character
        names = [name for name, _ in others]
        return chance.choices(names, [weight for _, weight in others])[0]
