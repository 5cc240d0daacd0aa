"""Predictions of validation films under every condition, and their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pneumoscope import data
from pneumoscope.data.stress import stress_suite
from pneumoscope.errors import DataError
from pneumoscope.train.validation import predictions
from pneumoscope.train.validation.baseline import statistics_baseline
from pneumoscope.train.validation.predictions import Validation


@pytest.mark.slow
def test_the_run_gives_every_condition(films_folder: Path, tmp_path: Path) -> None:
    films = data.load(
        films_folder, 224, task="multiclass", share=0.25, seed=0, cache=tmp_path / "cache"
    )

    def predict(x: np.ndarray) -> np.ndarray:
        p = x.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - p, p / 2, p / 2], axis=1)

    steps: list[tuple[int, int]] = []
    v = predictions.predict_all(predict, films, 96, lambda done, total: steps.append((done, total)))
    assert set(v.probabilities) == {"plain", *stress_suite()}
    assert steps[-1] == (len(v.probabilities), len(v.probabilities))
    assert v.p_positive("brightness-up").mean() > v.p_positive().mean()
    baseline = statistics_baseline(films, draws=20)
    assert 0 <= baseline["positive"]["value"] <= 1


def test_a_validation_survives_its_file(tmp_path: Path) -> None:
    truth, patients = np.array([0, 1, 2]), ("a", "a", "b")
    probabilities = {
        "plain": np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]),
        "blur": np.full((3, 3), 1 / 3),
    }
    sources = ("north", "", "south")
    predictions.save(
        Validation(truth, patients, probabilities, sources), tmp_path / "validation.npz"
    )
    again = predictions.load(tmp_path / "validation.npz")
    assert (again.patients, again.sources) == (patients, sources)
    assert (again.truth == truth).all()
    assert np.allclose(again.p_positive(), [0.3, 0.8, 0.9])
    assert np.allclose(again.p_positive("blur"), 2 / 3)
    assert list(again.probabilities) == ["plain", "blur"]
    assert [p.name for p in tmp_path.iterdir()] == ["validation.npz"]


def test_sources_of_other_films_are_no_record(tmp_path: Path) -> None:
    path = tmp_path / "validation.npz"
    probabilities = {"plain": np.array([[0.7, 0.3], [0.2, 0.8]])}
    predictions.save(Validation(np.array([0, 1]), ("a", "b"), probabilities, ("north",)), path)
    with pytest.raises(DataError, match="not a validation record"):
        predictions.load(path)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 1.5])
def test_probabilities_that_are_none_are_no_record(tmp_path: Path, wrong: float) -> None:
    path = tmp_path / "validation.npz"
    blur = np.array([[0.7, 0.3], [wrong, 0.8]])
    probabilities = {"plain": np.array([[0.7, 0.3], [0.2, 0.8]]), "blur": blur}
    predictions.save(Validation(np.array([0, 1]), ("a", "b"), probabilities), path)
    with pytest.raises(DataError, match="not a validation record"):
        predictions.load(path)


@pytest.mark.parametrize("content", [None, b"", b"PK but not a zip file", b"PK\3\4 cut short"])
def test_a_file_without_a_validation(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "validation.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="not a validation record") as caught:
        predictions.load(path)
    assert "Run the training's command again" in caught.value.hint


def test_a_damaged_validation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "validation.npz"
    probabilities = {"plain": np.array([[0.7, 0.3], [0.2, 0.8]])}
    predictions.save(Validation(np.array([0, 1]), ("a", "b"), probabilities), path)
    whole = path.read_bytes()
    compressed = whole.index(b"truth.npy") + 60
    needs_version = whole.index(b"PK\1\2") + 6  # in the archive's index
    changed = [
        whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :] for i in (compressed, needs_version)
    ]
    for damaged in (whole[:200], whole[:-10], *changed):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="not a validation record"):
            predictions.load(path)
