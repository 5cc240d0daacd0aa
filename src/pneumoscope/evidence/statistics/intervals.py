"""A figure with its 95 % interval, from draws of patients with all their films.

The interval is ``value -/+ t * SE`` on a scale without bounds (logit for figures in [0, 1]): SE is
the standard deviation over 2,000 draws of patients, t Student's with (patients - 1) degrees of
freedom. Percentiles of the draws cover too rarely near 1, where good models lie;
``tools/coverage_simulation.py`` measures both, and docs/explanation/statistics.md tells the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import special, stats

from pneumoscope.errors import UsageError
from pneumoscope.metrics import patient_draws, patient_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Scale = Literal["unit", "correlation", "positive", "real"]

LEVEL = 0.95
DRAWS = 2000
FEWEST_PATIENTS = 10
"""With fewer, a standard error says too little of itself: no interval."""
MOST_UNDEFINED = 0.01
"""Share of draws without the figure up to which the others may speak for all. Draws without a
class that n patients have are a share exp(-n): five patients of each class are enough."""
ALIKE = "every draw of patients gives the same value"
_CELLS = 200_000
"""Weights at once: with them fit a few intermediate results into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, or why one of them is missing.

    Attributes:
        value: On all films, in the figure's unit; None if it does not exist on these films.
        low: Lower end of the interval; None if there is no interval.
        high: Upper end, or None.
        note: Why value or interval are missing, or how the interval was made if not by draws of
            patients; ``""`` if there is nothing to say.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __str__(self) -> str:
        """For people: ``0.974 [0.960, 0.985]``."""
        if self.value is None:
            return f"not defined: {self.note}"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (no interval: {self.note})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Draws of patients; every figure that takes the same one is paired with the others.

    Draws are not stratified by class: the number of ill patients varies between draws as it would
    between repetitions of the study.

    Attributes:
        group: Number of each film's patient, (films,).
        counts: How often each patient is drawn, (draws + 1, patients). Row 0 is all ones: the
            films as they are.
    """

    group: NDArray[np.intp]
    counts: NDArray[np.integer[Any]]

    @classmethod
    def of(cls, patients: Sequence[str], draws: int = DRAWS, seed: int = 0) -> Bootstrap:
        """Draws for these films.

        Args:
            patients: One key per film; films with the same key are drawn together. Without
                patients, name every film differently.
            draws: Bootstrap samples, at least 2.
            seed: Of the draws.

        Raises:
            UsageError: Not one film.
        """
        if draws < 2:
            raise UsageError(f"{draws} bootstrap draws", "At least 2 are needed, 2000 are usual.")
        group = patient_groups(patients)
        number = int(group.max()) + 1
        drawn = patient_draws(number, draws, seed)
        # A patient drawn more than 65,535 times among as many does not happen.
        return cls(group, np.vstack([np.ones((1, number)), drawn]).astype(np.uint16))

    @property
    def films(self) -> int:
        return len(self.group)

    @property
    def patients(self) -> int:
        return self.counts.shape[1]

    def sums(self, columns: NDArray[Any]) -> Array:
        """Weighted sums over films of columns (films, k): (draws + 1, k)."""
        rows = np.zeros((self.patients, columns.shape[1]))
        np.add.at(rows, self.group, columns.astype(np.float64))
        # 200 draws of 5,000 patients are 8 MB as float64.
        parts = [self.counts[i : i + 200] for i in range(0, len(self.counts), 200)]
        return np.concatenate([part.astype(np.float64) @ rows for part in parts])

    def over(self, figure: Callable[[Array], Array]) -> Array:
        """A figure on all films and on every draw.

        Args:
            figure: Takes weights (some draws, films), gives (some draws,) or (some draws, k).

        Returns:
            (draws + 1,) or (draws + 1, k); row 0 is the figure on all films.
        """
        step = max(1, _CELLS // self.films)
        parts = [self.counts[i : i + step] for i in range(0, len(self.counts), step)]
        return np.concatenate([figure(part[:, self.group].astype(np.float64)) for part in parts])

    def patients_with(self, films: NDArray[np.bool_]) -> int:
        """How many patients have at least one of these films."""
        return len(np.unique(self.group[films]))

    def check(self, **arrays: NDArray[Any]) -> None:
        """Refuses arrays, by name, whose length is not the number of films, or that hold NaN.

        Raises:
            UsageError: Naming the array.
        """
        for name, array in arrays.items():
            if len(array) != self.films:
                raise UsageError(f"{name}: {len(array)} values for {self.films} films")
            bad = ~np.isfinite(np.asarray(array, np.float64)).reshape(self.films, -1).all(axis=1)
            if bad.any():
                raise UsageError(
                    f"{name} of film {int(np.argmax(bad))} is not a number",
                    "Leave films without it out.",
                )


def figure_of(
    sample: Array,
    boot: Bootstrap,
    scale: Scale = "unit",
    missing: str = "it does not exist on these films",
    trials: int = 0,
    biased: bool = False,
) -> Figure:
    """The figure with its interval, from its values on all films and on the draws.

    Args:
        sample: (draws + 1,), row 0 on all films; NaN where it does not exist.
        boot: What the draws were made with.
        scale: Bounds of the figure: ``"unit"`` [0, 1], ``"correlation"`` [-1, 1],
            ``"positive"`` [0, inf), ``"real"`` none.
        missing: Why the figure does not exist, if it does not.
        trials: For shares (and what is 1 only if that many independent trials all succeed): the
            number of patients they are of. At 0 and 1, where all draws agree, the interval is then
            Clopper and Pearson's of so many trials.
        biased: Chance makes the figure larger (a sum of squares of noisy differences). The
            interval then lies around the value less its bias, the mean excess of the draws, and
            need not hold the value itself.
    """
    value = float(sample[0])
    if not np.isfinite(value):
        return Figure(None, note=missing)
    problem = _no_interval(sample, boot)
    if problem:
        return Figure(value, note=problem)
    error = standard_error(sample, boot)
    if error < 1e-12 or not _inside(value, scale):
        return _at_the_bound(value, scale, trials)
    reach = stats.t.ppf(0.5 + LEVEL / 2, boot.patients - 1) * error
    centre = value
    if biased:
        excess = float(np.nanmean(sample[1:])) - value
        # A bias as large as the figure leaves the smallest figure that has a logarithm.
        centre = max(value - excess, 0.1 * value) if value > 0 else value
    low, high = _around(centre, reach, scale)
    return Figure(value, low, high)


def standard_error(sample: Array, boot: Bootstrap) -> float:
    """Standard error of a figure from its values on the draws.

    Draws of n patients vary by (n - 1) / n of the variance of n new patients.
    """
    drawn = sample[1:][np.isfinite(sample[1:])]
    return float(drawn.std(ddof=1) * np.sqrt(boot.patients / (boot.patients - 1)))


def _no_interval(sample: Array, boot: Bootstrap) -> str:
    if boot.patients == 1:
        return "all films are of one patient"
    if boot.patients < FEWEST_PATIENTS:
        return f"{boot.patients} patients are too few, {FEWEST_PATIENTS} are needed"
    undefined = float(np.mean(~np.isfinite(sample[1:])))
    if undefined > MOST_UNDEFINED:
        return (
            f"too few patients of a kind: the figure does not exist in {undefined:.0%} of the draws"
        )
    return ""


def _inside(value: float, scale: Scale) -> bool:
    lowest = {"unit": 0.0, "correlation": -1.0, "positive": 0.0, "real": -np.inf}[scale]
    highest = 1.0 if scale in ("unit", "correlation") else np.inf
    return lowest < value < highest


def _at_the_bound(value: float, scale: Scale, trials: int) -> Figure:
    if trials > 0 and scale == "unit" and value in (0.0, 1.0):
        other = ((1 - LEVEL) / 2) ** (1 / trials)
        note = f"exact interval of {trials} patients, as every draw gives the same"
        low, high = (other, 1.0) if value == 1.0 else (0.0, 1 - other)
        return Figure(value, low, high, note)
    return Figure(value, note=ALIKE)


def _around(value: float, reach: float, scale: Scale) -> tuple[float, float]:
    """Ends at ``value -/+ reach``, carried over to the unbounded scale by the delta method."""
    if scale == "unit":
        centre, width = special.logit(value), reach / (value * (1 - value))
        return float(special.expit(centre - width)), float(special.expit(centre + width))
    if scale == "correlation":
        centre, width = np.arctanh(value), reach / (1 - value**2)
        return float(np.tanh(centre - width)), float(np.tanh(centre + width))
    if scale == "positive":
        factor = np.exp(np.minimum(reach / value, 700.0))  # e^709 is the largest float64
        return float(value / factor), float(value * factor)
    return float(value - reach), float(value + reach)
