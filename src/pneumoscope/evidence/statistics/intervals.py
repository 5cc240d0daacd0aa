"""A figure with its 95 % interval, from draws of patients with all their films.

The interval is ``value -/+ t * SE`` on an unbounded scale (logit for figures in [0, 1]): SE is the
standard deviation over 2,000 draws of patients, t is Student's with (patients - 1) degrees of
freedom, where patients are those on whom the figure rests: of a sensitivity, the ill ones.
Percentiles of the draws have too low a coverage near 1, where good models lie;
``tools/coverage_simulation.py`` measures both, docs/explanation/statistics.md gives the results.
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
    Scale = Literal["unit", "correlation", "positive", "real"] | tuple[float, float]
    Bias = Literal["none", "excess", "log odds"]
    """``"excess"``: a sum of squares of noisy differences, which chance makes larger. The interval is
    centred at the value minus the mean excess of the draws, and need not contain the value.
    ``"log odds"``: an AUC, whose log odds are too far from 0 on average. The interval is centred at the log
    odds minus this bias, of second order in the standard error.
    """

LEVEL = 0.95
DRAWS = 2000
FEWEST_PATIENTS = 10
"""With fewer patients the standard error is too uncertain for an interval."""
MOST_UNDEFINED = 0.01
"""Share of draws without the figure up to which an interval is made from the others. Of the draws a
share exp(-n) lacks a class that n patients have, so five patients of each class are enough."""
ALIKE = "every draw of patients gives the same value"
_RANGES = {
    "unit": (0.0, 1.0),
    "correlation": (-1.0, 1.0),
    "positive": (0.0, np.inf),
    "real": (-np.inf, np.inf),
}
_CELLS = 200_000
"""Weights at once: a few intermediate results of this size fit into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, or why one of them is missing.

    Attributes:
        value: On all films, in the figure's unit; None if it does not exist on these films.
        low: Lower end of the interval; None if there is no interval.
        high: Upper end, or None.
        note: Why the value or the interval is missing, or how the interval was made if not from draws
            of patients; else ``""``.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __str__(self) -> str:
        """Text such as ``0.974 [0.960, 0.985]``."""
        if self.value is None:
            return f"not defined: {self.note}"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (no interval: {self.note})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def cell(self, undefined: str) -> str:
        """Text for a cell of a table, which a reason for a missing interval would fill.

        Args:
            undefined: Stands for a value that does not exist.
        """
        if self.value is None:
            return undefined
        return f"{self.value:.3f}" if self.low is None or self.high is None else str(self)


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Draws of patients; figures from the same draws are paired.

    Draws are not stratified by class: the number of ill patients varies between draws as it would
    between repetitions of the study.

    Attributes:
        group: Number of each film's patient, (films,).
        counts: How often each patient is drawn, (draws + 1, patients). Row 0 is all ones: the
            original films.
    """

    group: NDArray[np.intp]
    counts: NDArray[np.integer[Any]]

    @classmethod
    def of(cls, patients: Sequence[str], draws: int = DRAWS, seed: int = 0) -> Bootstrap:
        """Draws for these films.

        Args:
            patients: One key per film; films with the same key are drawn together. If patients are
                not known, give every film a different key.
            draws: Bootstrap samples, at least 2.
            seed: Seed of the draws.

        Raises:
            UsageError: There are no films, or fewer than 2 draws.
        """
        if draws < 2:
            raise UsageError(f"{draws} bootstrap draws", "At least 2 are needed, 2000 are usual.")
        group = patient_groups(patients)
        number = int(group.max()) + 1
        drawn = patient_draws(number, draws, seed)
        # uint16 is enough: no patient is drawn more than 65,535 times.
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
            figure: Takes weights (some draws, films), returns (some draws,) or (some draws, k).

        Returns:
            (draws + 1,) or (draws + 1, k); row 0 is the figure on all films.
        """
        step = max(1, _CELLS // self.films)
        parts = [self.counts[i : i + step] for i in range(0, len(self.counts), step)]
        return np.concatenate([figure(part[:, self.group].astype(np.float64)) for part in parts])

    def patients_with(self, films: NDArray[np.bool_]) -> int:
        """Number of patients with at least one of these films."""
        return len(np.unique(self.group[films]))

    def check(self, **arrays: NDArray[Any]) -> None:
        """Rejects arrays, by name, whose length is not the number of films, or that contain NaN.

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
    *,
    patients: int = 0,
    bias: Bias = "none",
) -> Figure:
    """The figure with its interval, from its values on all films and on the draws.

    Args:
        sample: (draws + 1,), row 0 on all films; NaN where it does not exist.
        boot: The draws.
        scale: Range of the figure: ``"unit"`` [0, 1], ``"correlation"`` [-1, 1],
            ``"positive"`` [0, inf), ``"real"`` none, or the two ends of a range, on which the
            interval is not transformed. No interval leaves the range.
        missing: Why the figure does not exist, for that case.
        trials: For shares (and figures that are 1 only if that many independent trials all succeed):
            number of patients. At 0 and 1, where all draws agree, the interval is then that of
            Clopper and Pearson for so many trials.
        patients: Number of patients on whom the figure's standard error rests: of an AUC, those of
            the smaller class. 0 for ``trials`` or, without these, all patients.
        bias: What chance does to the figure, see `Bias`.
    """
    value = float(sample[0])
    if not np.isfinite(value):
        return Figure(None, note=missing)
    few = min(patients or trials or boot.patients, boot.patients)
    problem = _no_interval(sample, boot, few)
    if problem:
        return Figure(value, note=problem)
    error = standard_error(sample, boot, few)
    ends = _range(scale)
    if error < 1e-12 or (isinstance(scale, str) and not ends[0] < value < ends[1]):
        return _at_the_bound(value, scale, trials)
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, few - 1)) * error
    if bias == "excess":
        excess = float(np.nanmean(sample[1:])) - value
        low, high = _around(max(value - excess, ends[0]), reach, scale)
    elif bias == "log odds":
        low, high = _around_log_odds(value, reach, _log_odds_bias(value, error))
    else:
        low, high = _around(value, reach, scale)
    return Figure(value, max(low, ends[0]), min(high, ends[1]))


def standard_error(sample: Array, boot: Bootstrap, patients: int = 0) -> float:
    """Standard error of a figure from its values on the draws.

    Draws of n patients vary by (n - 1) / n of the variance of n new patients.

    Args:
        sample: (draws + 1,), row 0 on all films.
        boot: The draws.
        patients: n, see `figure_of`; 0 for all patients.
    """
    drawn = sample[1:][np.isfinite(sample[1:])]
    n = patients or boot.patients
    return float(drawn.std(ddof=1) * np.sqrt(n / (n - 1)))


def _no_interval(sample: Array, boot: Bootstrap, few: int) -> str:
    if boot.patients == 1:
        return "all films are of one patient"
    if boot.patients < FEWEST_PATIENTS:
        return f"{boot.patients} patients are too few, {FEWEST_PATIENTS} are needed"
    undefined = float(np.mean(~np.isfinite(sample[1:])))
    if undefined > MOST_UNDEFINED:
        return (
            f"too few patients of a kind: the figure does not exist in {undefined:.0%} of the draws"
        )
    return "too few patients of a kind: there is one" if few < 2 else ""


def _range(scale: Scale) -> tuple[float, float]:
    """The lowest and the highest value of a figure."""
    return _RANGES[scale] if isinstance(scale, str) else scale


def _at_the_bound(value: float, scale: Scale, trials: int) -> Figure:
    if trials > 0 and scale == "unit" and value in (0.0, 1.0):
        other = ((1 - LEVEL) / 2) ** (1 / trials)
        note = f"exact interval of {trials} patients, as every draw gives the same"
        low, high = (other, 1.0) if value == 1.0 else (0.0, 1 - other)
        return Figure(value, low, high, note)
    return Figure(value, note=ALIKE)


def _around(value: float, reach: float, scale: Scale) -> tuple[float, float]:
    """Ends at ``value -/+ reach``, transformed to the unbounded scale by the delta method."""
    if scale == "unit":
        return _around_log_odds(value, reach, 0.0)
    if scale == "correlation":
        centre, width = np.arctanh(value), reach / (1 - value**2)
        return float(np.tanh(centre - width)), float(np.tanh(centre + width))
    if scale == "positive":
        factor = np.exp(np.minimum(reach / value, 700.0))  # e^709 is the largest float64
        return float(value / factor), float(value * factor)
    return float(value - reach), float(value + reach)


def _around_log_odds(value: float, reach: float, bias: float) -> tuple[float, float]:
    centre, width = special.logit(value) - bias, reach / (value * (1 - value))
    return float(special.expit(centre - width)), float(special.expit(centre + width))


def _log_odds_bias(value: float, error: float) -> float:
    """Half of the variance times the second derivative of the log odds."""
    return 0.5 * (2 * value - 1) * (error / (value * (1 - value))) ** 2
