"""Train the dialogue-act model: labelled corpus in, `events/acts/model.npz` and a report out.

Run `make train-acts`. The same corpus, encoder and machine give the same file, bit for bit.
`--report FILE` also writes the held-out figures (leave one author out, leave one industry out).
"""

import argparse
import io
import json
import os
import zipfile
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # Before numpy: sums keep their order.

import numpy as np

from core.settings import NlpSettings
from events.acts import training
from events.acts.corpus import load_corpus
from events.acts.industries import industry_group
from events.acts.model import pack
from nlp.encoders.loading import load_encoder

FOLDER = Path(__file__).parents[1] / "events" / "acts"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_arrays(arrays: dict[str, np.ndarray], path: Path) -> None:
    """An npz whose bytes depend on the arrays alone (numpy's own carries the time)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue(),
                          zipfile.ZIP_DEFLATED)  # fmt: skip


def main() -> None:
    """Train, write the model, and print the held-out figures when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / "model.npz")
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    corpus = load_corpus(FOLDER / "corpus")
    encoder = load_encoder(NlpSettings())
    data = training.read_corpus(corpus, encoder)
    print(f"{len(corpus)} dialogues, {len(data.turns) // 2} turns")
    authors = [dialogue.author for dialogue in data.dialogues]
    version = (FOLDER / "corpus" / "VERSION").read_text().strip()
    model = training.train(data, authors, encoder.encoder_id, version)
    size = (data.contexts.shape[1], training.FREQUENCIES, training.GAMMA)
    write_arrays(pack(model, size), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")
    if arguments.report:
        industries = [industry_group(dialogue.industry) for dialogue in data.dialogues]
        report = {
            f"{name}, {part}": table
            for name, groups in (("author", authors), ("industry", industries))
            for part, table in training.figures(data, groups).items()
        }
        arguments.report.write_text(json.dumps(report, ensure_ascii=False, indent=1))
        for name, rows in report.items():
            print(name, rows["micro"], "macro", rows["macro"])


if __name__ == "__main__":
    main()
