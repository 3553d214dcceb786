"""Make the labelled dialogues and ordinary sentences that ship with the product, from the corpus.

Run `python scripts/make_reference.py`. Writes `events/learning/guard.txt` (whole dialogues that
heads of trees are held to) and `events/nodes/background.txt` (ordinary sentences that nodes made
by users are contrasted with). Every author and industry is in both; no dialogue is in both.
"""

import random
from pathlib import Path

from events.acts.corpus import Dialogue, load_corpus
from events.segments import segments
from nlp.normalise import forms

ROOT = Path(__file__).parents[1] / "events"
GUARD_EVERY = 11
BACKGROUND_EVERY = 6
SENTENCES = 600
_SIDES = {"agent": "坐", "customer": "客"}
_WANTED = 14


def main() -> None:
    """Write both files."""
    corpus = load_corpus(ROOT / "acts" / "corpus")
    guard = [dialogue for at, dialogue in enumerate(corpus) if at % GUARD_EVERY == 5]
    rest = [dialogue for dialogue in corpus if dialogue not in guard]
    lines = [_told(dialogue) for dialogue in guard]
    (ROOT / "learning" / "guard.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    sentences = [f"{_SIDES[role]}: {text}" for role in _SIDES for text in _sentences(rest, role)]
    (ROOT / "nodes" / "background.txt").write_text("\n".join(sentences) + "\n", encoding="utf-8")


def _told(dialogue: Dialogue) -> str:
    head = f"## {dialogue.name} | {dialogue.industry} | {dialogue.style} | {dialogue.outcome}"
    lines = [head]
    for turn in dialogue.turns:
        marks = [
            f"#{label.rsplit('/', 1)[-1]}" if "/" in label else f"!{label}"
            for label in sorted(turn.labels)
        ]
        lines.append(" ".join([f"{_SIDES[turn.role]}: {turn.text}", *marks]))
    return "\n".join(lines)


def _sentences(dialogues: list[Dialogue], role: str) -> list[str]:
    """One clause of some turns of a side: the longest that people would say in one breath."""
    found = []
    for dialogue in dialogues[::BACKGROUND_EVERY]:
        for turn in dialogue.turns:
            if turn.role == role:
                text = forms(turn.text)
                cut = [text.normalised[start:end] for start, end in segments(text)]
                found.append(max(cut, key=lambda part: (min(len(part), _WANTED), part)))
    unique = list(dict.fromkeys(found))
    random.Random(1).shuffle(unique)
    return sorted(unique[:SENTENCES])


if __name__ == "__main__":
    main()
