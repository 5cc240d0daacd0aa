"""Predictions of an evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

import pyarrow.parquet

from evaluations import BRIGHT, DARK, QUICK, Run, folders
from pneumoscope import images
from pneumoscope.bundle import Bundle
from pneumoscope.evidence.audit.listing import open_films
from pneumoscope.evidence.evaluation import work
from pneumoscope.evidence.evaluation.film_predictions import embed, predict_films, predict_pixels
from pneumoscope.runtime import load as load_bundle


def test_one_predicts_as_the_product_does(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:3], PNEUMONIA=BRIGHT[:3])
    evaluate(tiny_bundle.path, films, *QUICK)
    table = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    classifier = load_bundle(tiny_bundle)
    for row in table:
        prediction = classifier.predict(films / row["path"])
        assert row["p_positive"] == prediction.p_positive
        assert row["call:balanced"] == prediction.label


def test_predictions_of_pixels_are_those_of_files(tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = folders(tmp_path / "films", NORMAL=DARK[:5])
    classifier = load_bundle(tiny_bundle)
    entries = open_films(films)[0].entries
    hashes = [entry.name for entry in entries]
    store = work.Work(tmp_path / "work")
    done: list[tuple[int, int]] = []
    by_file = predict_films(entries, hashes, classifier, store, lambda *at: done.append(at))
    assert done[-1] == (5, 5)
    assert by_file.broken == {}
    side = tiny_bundle.meta.source_size
    pixels = np.stack([images.model_input(images.read(e.path), side) for e in entries])
    by_pixels = predict_pixels(pixels, hashes, classifier, store)
    assert by_pixels == pytest.approx(by_file.p, abs=2e-3)
    black = predict_pixels(pixels, hashes, classifier, store, ("black", np.zeros_like))
    assert np.ptp(black, axis=0).max() == 0.0
    vectors = embed(pixels, hashes, classifier, store)
    assert vectors.shape == (5, 64)
    (tmp_path / "films" / "NORMAL" / "NORMAL00.png").unlink()
    # Stored results are used: the file is not read again.
    again = predict_films(entries, hashes, classifier, store, lambda *at: None)
    assert again.p.tolist() == by_file.p.tolist()
    other = predict_films(entries, ["other", *hashes[1:]], classifier, store, lambda *at: None)
    assert other.broken[0].code == "MissingFile"
    assert other.scores[0] is None
