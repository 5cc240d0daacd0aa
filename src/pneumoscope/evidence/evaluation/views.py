"""Labelled films as arrays, and the outputs of a bundle for changed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import p_positive
from pneumoscope.errors import UsageError
from pneumoscope.images import resample
from pneumoscope.runtime import NetworkOutputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.runtime import Classifier

    Step = Callable[[int, int], None]
    """Takes (steps done, steps in all)."""

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFilms:
    """Films with labels, as in `pneumoscope.data.FilmSet`.

    Attributes:
        pixels: uint8 (n, side, side), at the bundle's source size.
        targets: float (n, labels) in the order of the bundle's labels: one-hot for classes; for
            findings 1, 0 or NaN where unknown.
        patients: One key per film.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.floating]
    patients: Sequence[str]

    def check(self, meta: BundleMeta) -> None:
        """Rejects arrays that do not fit each other or the bundle.

        Raises:
            UsageError: Naming what does not fit.
        """
        n = len(self.pixels)
        if not n:
            raise UsageError("no films to measure")
        if self.pixels.ndim != 3 or self.pixels.dtype != np.uint8:
            raise UsageError(
                f"films {self.pixels.shape} of {self.pixels.dtype}, not uint8 (n, h, w)"
            )
        if self.targets.shape != (n, len(meta.labels)) or len(self.patients) != n:
            raise UsageError(
                f"targets {self.targets.shape} and {len(self.patients)} patients for {n} films and "
                f"the bundle's {len(meta.labels)} labels"
            )

    def some(self, most: int, seed: int = 0) -> LabelledFilms:
        """A random sample of at most so many films, in their order."""
        if len(self.pixels) <= most:
            return self
        rows = sample_of(np.arange(len(self.pixels)), most, seed)
        return LabelledFilms(
            self.pixels[rows], self.targets[rows], [self.patients[row] for row in rows]
        )


def sample_of(rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """At most so many of the rows, drawn at random, in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def network_inputs(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The network's inputs for films at the source size: uint8 (n, size, size)."""
    return np.stack([resample(film, size) for film in pixels])


def outputs_of(classifier: Classifier, inputs: NDArray[np.uint8]) -> NetworkOutputs:
    """The network's outputs for inputs (n, size, size), batch by batch; without ``features``."""
    parts = [
        classifier.run(inputs[i : i + _BATCH, ..., None]) for i in range(0, len(inputs), _BATCH)
    ]
    fields = [part.lungs for part in parts if part.lungs is not None]
    return NetworkOutputs(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.heatmaps for part in parts]),
        np.concatenate([part.embedding for part in parts]),
        lungs=np.concatenate(fields) if fields else None,
    )


def score_of(
    probabilities: NDArray[np.floating], meta: BundleMeta, finding: str | None
) -> NDArray[np.float64]:
    """Scores that rank the films, (n,): P(positive), or the probability of one class or finding.

    Raises:
        UsageError: See `column_of`.
    """
    column = column_of(meta, finding)
    if column is None:
        return p_positive(probabilities, meta.labels.index(str(meta.negative)))
    return np.asarray(probabilities[:, column], np.float64)


def truth_of(
    targets: NDArray[np.floating], meta: BundleMeta, finding: str | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which films are positive, and for which this is known: bool (n,) each.

    Raises:
        UsageError: See `column_of`.
    """
    column = column_of(meta, finding)
    if column is None:
        values = 1 - targets[:, meta.labels.index(str(meta.negative))]
    else:
        values = targets[:, column]
    return values == 1, ~np.isnan(values)


def column_of(meta: BundleMeta, finding: str | None) -> int | None:
    """Position of a class or finding; None for P(positive).

    Raises:
        UsageError: There is no such label, or none was named for a bundle with several findings.
    """
    if finding is None and meta.negative is None:
        raise UsageError(
            "the bundle knows several findings", f"Name one of {', '.join(meta.labels)}."
        )
    if finding is not None and finding not in meta.labels:
        raise UsageError(f"no label {finding}", f"The bundle knows {', '.join(meta.labels)}.")
    return None if finding is None else meta.labels.index(finding)
