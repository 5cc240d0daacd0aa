"""Drawn data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def drawn_set(root: Path, normal: int = 24, pneumonia: int = 40) -> Path:
    """A data folder in the Kermany layout with drawn films: nobody's, told apart by opacities."""
    pytest.importorskip("cv2")
    from pneumoscope.train.data import phantom

    films = phantom.films(2 * max(normal, pneumonia), 224, seed=5)[..., 0]
    for folder in ("NORMAL", "PNEUMONIA"):
        (root / "train" / folder).mkdir(parents=True)
    for i in range(normal):
        name = f"IM-{i // 2:04d}-{i % 2:04d}.jpeg"
        Image.fromarray(films[2 * i]).save(root / "train" / "NORMAL" / name, quality=90)
    for i in range(pneumonia):
        kind = "virus" if i % 4 >= 2 else "bacteria"
        name = f"person{i // 2}_{kind}_{i}.jpeg"
        film = films[2 * i + 1].astype(np.int16) + 20 * (kind == "virus")
        picture = Image.fromarray(np.clip(film, 0, 255).astype(np.uint8))
        picture.save(root / "train" / "PNEUMONIA" / name, quality=90)
    return root


def draw(root: Path, *names: str) -> Path:
    """Writes a small drawn film, each another one, under every name below a folder."""
    pytest.importorskip("cv2")
    from pneumoscope.train.data import phantom

    films = phantom.films(len(names), 96, seed=7)[..., 0]
    for name, film in zip(names, films, strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(film).save(path)
    return root


def name_films(root: Path, *names: str) -> Path:
    """Writes an empty file under every name: enough for what lists films and decodes none."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root
