"""Drawn chests that differ as films do, and folders of them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.train.data import phantom

Film = NDArray[np.uint8]


def chests(count: int, seed: int = 3) -> list[Film]:
    """uint8 (224, 224): drawn chests that share their shapes but each have vessels of their own."""
    rng = np.random.default_rng(seed)
    films = phantom.films(count, 224, seed=seed)[..., 0].astype(np.float32)
    grain = [cv2.GaussianBlur(rng.normal(0, 120, (224, 224)), (0, 0), 3) for _ in films]
    return list(np.clip(films + np.stack(grain), 0, 255).astype(np.uint8))


def jpeg(film: Film, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(film).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def saved(film: Film, quality: int) -> Film:
    return np.array(Image.open(io.BytesIO(jpeg(film, quality))))


def folder(root: Path, classes: Mapping[str, Sequence[Film]], quality: Mapping[str, int]) -> Path:
    """A folder per class with the films as JPEG, at the quality of the class."""
    for name, films in classes.items():
        (root / name).mkdir(parents=True)
        for i, film in enumerate(films):
            (root / name / f"{i:03d}.jpg").write_bytes(jpeg(film, quality[name]))
    return root
