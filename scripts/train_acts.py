"""Train the dialogue-act model: labelled corpus in, `events/acts/model.npz` and figures out.

Run `make train-acts`. The same corpus, encoder and machine give the same file, bit for bit.
`--report FILE` also writes the held-out figures (leave one author out, leave one industry out).
"""

import argparse
import io
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # Before numpy: sums keep their order.

import numpy as np

from core.settings import NlpSettings
from events.acts import stacking, training
from events.acts.corpus import load_corpus
from events.acts.industries import industry_group
from events.acts.measuring import Figures, figures
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
    print(f"{len(corpus)} dialogues, {len(data.turns) // 2} turns", flush=True)
    fits = [training.fit(data, role) for role in ("agent", "customer")]
    authors = [dialogue.author for dialogue in data.dialogues]
    version = (FOLDER / "corpus" / "VERSION").read_text().strip()
    model = stacking.train(data, fits, authors, encoder.encoder_id, version)
    write_arrays(pack(model), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB", flush=True)
    if arguments.report:
        industries = [industry_group(dialogue.industry) for dialogue in data.dialogues]
        report = {
            name: figures(data, fits, groups)
            for name, groups in (("author", authors), ("industry", industries))
        }
        content = {name: asdict(found) for name, found in report.items()}
        arguments.report.write_text(json.dumps(content, ensure_ascii=False, indent=1))
        for name, found in report.items():
            _show(name, found)


def _show(name: str, found: Figures) -> None:
    for kind, table in found.tables.items():
        for part in ("micro", "violations"):
            row = table[part]
            print(
                f"{name} left out, {kind}, {part}: P {row['precision']:.3f} "
                f"R {row['recall']:.3f} F1 {row['f1']:.3f}"
            )
        print(f"{name} left out, {kind}, macro F1 {table['macro']['f1']:.3f}")
    print("  ".join(f"{group} {f1:.3f}" for group, f1 in found.groups.items()))
    print("  ".join(f"{at:.1f}: {p:.3f}/{r:.3f}" for at, p, r in found.curve))
    print(f"Brier {found.brier:.4f}")


if __name__ == "__main__":
    main()
