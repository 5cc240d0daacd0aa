"""A folder of pictures that the gate learns to refuse."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from pneumoscope.train.gate import pictures


def collection(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(1)
    rows = []
    for i, (kind, held) in enumerate((("photograph", "False"), ("photograph", "True"), ("ct-slice", "False"))):  # fmt: skip
        Image.fromarray(rng.integers(0, 256, (120, 100, 3), np.uint8)).save(folder / f"{i}.png")
        rows.append({"file": f"{i}.png", "kind": kind, "held_out": held})
    with (folder / pictures.MANIFEST).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["file", "kind", "held_out"])
        writer.writeheader()
        writer.writerows(rows)
    return folder
