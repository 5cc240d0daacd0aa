from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from bright_films import SIZE, films
from pneumoscope.train.validation import localise

if TYPE_CHECKING:
    from pneumoscope.decision.explain import Run


def seeing(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heat of every class wherever the film is bright: a network that looks where it should."""
    grey = x[..., 0].reshape(len(x), 8, 8, 8, 8).mean(axis=(2, 4))
    heat = np.maximum(grey - 100, 0)
    p = np.tile([0.2, 0.5, 0.3], (len(x), 1))
    return p, np.repeat(heat[:, None], 3, axis=1)


def blind(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All heat in one cell, whatever the film shows."""
    heat = np.zeros((len(x), 3, 8, 8))
    heat[:, :, 1, 1] = 1
    return np.tile([0.2, 0.5, 0.3], (len(x), 1)), heat


def cold(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.tile([0.2, 0.5, 0.3], (len(x), 1)), np.zeros((len(x), 3, 8, 8))


@pytest.mark.parametrize(("run", "expected"), [(seeing, 1.0), (blind, 0.5), (cold, 0.5)])
def test_pointing(run: Run, expected: float) -> None:
    record = localise.measure(run, films(), SIZE, draws=100)
    assert record["films"] == 40
    assert record["pointing"]["value"] == pytest.approx(expected, abs=0.02)


def test_one_peak_for_all_films_shows() -> None:
    assert localise.measure(blind, films(), SIZE, draws=10)["same_peak"] == 1.0


def test_several_findings_point_to_any_of_them() -> None:
    given = films()
    targets = [(0.0, 0.0) if film.targets[0] else (0.0, 1.0) for film in given.films]
    records = tuple(
        replace(film, targets=values) for film, values in zip(given.films, targets, strict=True)
    )
    several = replace(
        given, task="multilabel", names=("Mass", "Edema"), negative=None, films=records
    )

    def run(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, heat = seeing(x)
        return p[:, 1:], heat[:, 1:]

    record = localise.measure(run, several, SIZE, draws=100)
    assert record is not None
    assert record["pointing"]["value"] == pytest.approx(1.0, abs=0.02)
    unknown = tuple(replace(film, targets=(None, film.targets[1])) for film in records)
    assert localise.measure(run, replace(several, films=unknown), SIZE, draws=10) is None
