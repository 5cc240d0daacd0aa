"""Do the heatmaps of a network mark what they claim to show? Measured without any drawn boxes.

No film of the set says where its pneumonia lies. But if the left half of a film belongs to a healthy
child and the right half to an ill one, the heat of the ill class belongs on the right: the pointing
game on composed pictures (Böhle et al. 2021), here with both halves in their anatomical place.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.evidence.statistics.intervals import Bootstrap, figure_of
from pneumoscope.images import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.decision.explain import Run


def measure(run: Run, films: FilmSet, size: int, draws: int = 2000) -> dict[str, Any] | None:
    """Two figures on the heatmaps of the validation films.

    Args:
        run: The exported network.
        films: All films; those of the split ``"validation"`` are used.
        size: Side of the network's input in pixels.
        draws: Number of draws of the patient bootstrap.

    Returns:
        ``pointing``: share of the ill class's heat on the ill half of composed films, with
        interval over the patients of the ill halves (0.5 is chance, 1 perfect); ``films``, how many
        were composed; ``same_peak``: share of the films of the ill classes whose peak lies in the
        one most frequent cell (1 / cells would be chance; anatomy alone makes it larger). None
        if there are no ill or no healthy films. For several findings, the map is that of the
        most probable one.
    """
    halves = composed(films, size)
    if halves is None:
        return None
    first = 0 if films.task == "multilabel" else 1
    shares = ill_shares(_heat(run, halves.films, first), halves.ill_left)
    boot = Bootstrap.of(halves.patients, draws)
    pointing = figure_of(boot.over(lambda w: w @ shares / w.sum(axis=1)), boot)
    rows = films.rows("validation")
    ill = rows[_kinds(films.targets[rows], films.task)[0]]
    inputs = np.stack([resample(films.pixels[row], size) for row in ill])
    peaks = _heat(run, inputs, first).reshape(len(ill), -1).argmax(axis=1)
    return {
        "films": len(shares),
        "pointing": asdict(pointing),
        "same_peak": float(np.bincount(peaks).max() / len(ill)),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """Films of a healthy and an ill half, each pair twice: first with the ill half left, then right.

    Attributes:
        films: uint8 (n, size, size).
        ill_left: bool (n,), whether the left half is the ill one.
        patients: Patient of each film's ill half.
    """

    films: NDArray[np.uint8]
    ill_left: NDArray[np.bool_]
    patients: tuple[str, ...]


def composed(films: FilmSet, size: int) -> Composed | None:
    """Composes validation films; None if there are no ill or no healthy ones.

    For several findings, a film is ill with any of them, and healthy if it is known to have none.
    """
    rows = films.rows("validation")
    ill, healthy = _kinds(films.targets[rows], films.task)
    if not len(ill) or not len(healthy):
        return None
    rng = np.random.default_rng(0)
    count = min(len(ill), len(healthy))
    chosen = [rows[rng.permutation(kind)[:count]] for kind in (ill, healthy)]
    ill_films, healthy_films = (
        np.stack([resample(films.pixels[row], size) for row in picked]) for picked in chosen
    )
    left, right = healthy_films.copy(), healthy_films.copy()
    left[:, :, : size // 2] = ill_films[:, :, : size // 2]
    right[:, :, size // 2 :] = ill_films[:, :, size // 2 :]
    patients = tuple(films.films[row].patient for row in chosen[0])
    sides = np.repeat([True, False], count)
    return Composed(np.concatenate([left, right]), sides, patients * 2)


def ill_shares(heat: NDArray[np.floating[Any]], ill_left: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the heat (n, h, w) on the ill half, (n,); 0.5 where there is none: it points nowhere."""
    half = heat.shape[2] // 2
    # A middle column belongs to neither half.
    left, right = heat[:, :, :half].sum(axis=(1, 2)), heat[:, :, -half:].sum(axis=(1, 2))
    whole = left + right
    share = np.where(ill_left, left, right) / np.maximum(whole, 1e-12)
    return np.asarray(np.where(whole > 0, share, 0.5), np.float64)


def _kinds(
    targets: NDArray[np.floating[Any]], task: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the ill films and of the healthy ones."""
    if task == "multilabel":
        return np.flatnonzero((targets == 1).any(1)), np.flatnonzero((targets == 0).all(1))
    return np.flatnonzero(targets[:, 0] == 0), np.flatnonzero(targets[:, 0] == 1)


def _heat(run: Run, inputs: NDArray[np.uint8], first: int) -> NDArray[np.float64]:
    """The map of the most probable class from ``first`` on, which a positive verdict shows: (n, h, w)."""
    maps = []
    for i in range(0, len(inputs), 64):
        p, heat = run(inputs[i : i + 64, ..., None])
        maps.append(heat[np.arange(len(p)), first + p[:, first:].argmax(axis=1)])
    return np.concatenate(maps).astype(np.float64)
