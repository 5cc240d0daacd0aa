"""Whether films may have been training films."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)


from command_line import run
from evaluated import evaluated_film
from evaluations import BRIGHT, DARK, QUICK, folders
from pneumoscope.bundle import Bundle
from pneumoscope.evidence.evaluation.evaluated_films import TrainingOverlap
from pneumoscope.evidence.evaluation.overlap import overlap_of


def test_doubts_about_training_films_stand_beside_the_figures(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:6], PNEUMONIA=BRIGHT[:6])
    done = run("evaluate", tiny_bundle.path, films, "--out", tmp_path / "out", *QUICK)
    assert done.returncode == 0
    assert f"note: {tiny_bundle.meta.name}" in done.stdout
    assert "training film, or is of a training patient, is not known" in done.stdout


def overlap_with(training: Any, source: str) -> TrainingOverlap:
    films = [
        evaluated_film(pixels_sha256="x", patient="p1"),
        evaluated_film(pixels_sha256="y", patient="p2"),
        evaluated_film(pixels_sha256="x", patient="p2", keyed=False),
    ]
    meta = SimpleNamespace(data={"source": source})
    classifier = SimpleNamespace(bundle=SimpleNamespace(meta=meta))
    predicted = SimpleNamespace(training=training, classifier=classifier, run=None)
    return overlap_of(predicted, SimpleNamespace(films=films, source="a set"))  # type: ignore[arg-type]


def test_films_and_patients_of_the_training_are_counted() -> None:
    trained = [SimpleNamespace(sha256="x", patient="p1"), SimpleNamespace(sha256="z", patient="p2")]
    training = SimpleNamespace(films=trained, rows=lambda _split: np.array([0, 1]))
    overlap = overlap_with(training, "a set")
    # Two films have the pixels x; p1 and p2 are training patients, the third film has no key.
    assert (overlap.known, overlap.films, overlap.patients) == (True, 2, 2)
    assert overlap.words == (
        "2 of 3 films have the pixels of a training film, 2 are of a training patient: figures are too good"
    )
    other = [SimpleNamespace(sha256="z", patient="p3")]
    apart = overlap_with(SimpleNamespace(films=other, rows=lambda _split: np.array([0])), "a set")
    assert (apart.films, apart.patients) == (0, 0)
    assert "none is of a training patient" in apart.words


def test_an_unknown_split_is_named() -> None:
    same, other = overlap_with(None, "a set"), overlap_with(None, "another set")
    assert (same.known, same.films, other.known) == (False, None, False)
    assert "its split cannot be reproduced" in same.words
    assert "is not known" in other.words
