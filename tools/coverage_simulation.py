"""How often 95 % intervals contain the truth, on simulated studies with several films a patient.

    python tools/coverage_simulation.py --repeats 1000

Each study draws patients with one to six films. A film's score is normal around a patient's own
level, so films of one patient resemble each other (intraclass correlation 0.5); P(positive) follows
by Bayes' rule, sharpened by a temperature of 0.7, so that it is miscalibrated by a known amount. The truth is
what two million patients give. Three ways from the same draws of patients to an interval are
counted: the package's own (`pneumoscope.evidence.statistics.intervals`), percentiles, and BCa.

The table goes into docs/explanation/statistics.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pneumoscope.evidence.statistics import brier, decision_curve, reliability
from pneumoscope.evidence.statistics import recalibration as calibration
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import ranking_samples

Array = NDArray[np.float64]
SHARPER = 1 / 0.7
AT = 0.5
LARGE = 2_000_000
"""Patients of the truth: its error is under a fiftieth of the narrowest interval here."""
SCALES = {"mcc": "correlation", "kappa": "correlation", "auc difference": "real"}
SCALES |= {"lr_positive": "positive", "lr_negative": "positive"}
LEFT_OUT = {"f1", "kappa", "lr_negative", "prevalence", "npv"}
"""Near relatives of what is shown."""


@dataclass(frozen=True)
class Scenario:
    """One kind of study.

    Attributes:
        patients: How many.
        distance: Between the means of the two classes, in standard deviations of a film's score.
        prevalence: Share of ill patients.
    """

    patients: int
    distance: float
    prevalence: float


SCENARIOS = (
    Scenario(50, 1.5, 0.5),
    Scenario(550, 2.8, 0.7),
    Scenario(550, 3.5, 0.7),
)


@dataclass(frozen=True, eq=False)
class Study:
    """Simulated films: patient, class, P(positive), and another model's score."""

    patient: NDArray[np.intp]
    positive: NDArray[np.bool_]
    p: Array
    other: Array


def study(rng: np.random.Generator, scenario: Scenario, patients: int) -> Study:
    """Draws a study."""
    films = rng.choice([1, 2, 3, 6], patients, p=[0.6, 0.2, 0.12, 0.08])
    patient = np.repeat(np.arange(patients), films)
    positive = (rng.random(patients) < scenario.prevalence)[patient]
    spread = np.sqrt(0.5) * (rng.normal(size=patients)[patient] + rng.normal(size=len(patient)))
    score = scenario.distance * positive + spread
    # log of the likelihood ratio of two normals, plus the log odds of the prevalence
    honest = scenario.distance * (score - scenario.distance / 2)
    honest += special.logit(scenario.prevalence)
    p = special.expit(SHARPER * honest)
    return Study(patient, positive, p, score + 0.5 * rng.normal(size=len(score)))


def samples(s: Study, boot: Bootstrap) -> dict[str, Array]:
    """Values of the figures on the study and on its draws."""
    first = ranking_samples(s.positive, s.p, boot)
    second = ranking_samples(s.positive, s.other, boot)
    ranked = {**first, "auc difference": first["roc_auc"] - second["roc_auc"]}
    return ranked | threshold_samples(s.positive, s.p >= AT, boot)


def own_figures(s: Study, boot: Bootstrap) -> dict[str, Figure]:
    """Figures that only the package's own way is counted for."""
    score = brier.brier(s.positive, s.p, boot)
    line = calibration.recalibration(s.positive, s.p, boot)
    risk = decision_curve.risk_coverage((s.p >= AT) == s.positive, np.abs(s.p - AT), boot, (0.8,))
    return {
        "ECE": reliability.calibration_error(s.positive, s.p, boot).ece,
        "Brier score": score.score,
        "Brier reliability": score.reliability,
        "Brier resolution": score.resolution,
        "calibration slope": line.slope,
        "calibration in the large": line.in_the_large,
        "net benefit at 0.2": decision_curve.decision_curve(s.positive, s.p, boot, (0.2,)).model[0],
        "risk at coverage 0.8": risk.risks[0],
        "AURC": risk.aurc,
    }


def truths(scenario: Scenario) -> dict[str, float]:
    """The figures of two million patients."""
    s = study(np.random.default_rng(99), scenario, LARGE)
    boot = Bootstrap(s.patient, np.ones((1, LARGE), np.uint16))
    values = {name: float(x[0]) for name, x in samples(s, boot).items()}
    twice = Bootstrap(s.patient, np.ones((3, LARGE), np.uint16))
    others = {name: x.value for name, x in own_figures(s, twice).items()}
    return values | {name: float(x) for name, x in others.items() if x is not None}


def percentiles(sample: Array) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile of the draws."""
    low, high = np.nanpercentile(sample[1:], [2.5, 97.5])
    return float(low), float(high)


def bca(sample: Array, left_out: Array) -> tuple[float, float]:
    """Efron's BCa interval (1987), from values without one patient each."""
    drawn = sample[1:][np.isfinite(sample[1:])]
    influence = left_out[np.isfinite(left_out)].mean() - left_out[np.isfinite(left_out)]
    bottom = 6 * (influence**2).sum() ** 1.5
    a = (influence**3).sum() / bottom if bottom > 0 else 0.0
    below = (drawn < sample[0]).mean() + 0.5 * (drawn == sample[0]).mean()
    z0 = special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    z = z0 + special.ndtri(np.array([0.025, 0.975]))
    low, high = np.percentile(drawn, 100 * special.ndtr(z0 + z / (1 - a * z)))
    return float(low), float(high)


def count(scenario: Scenario, repeats: int, draws: int) -> dict[str, list[float]]:
    """Per figure: coverage by our own interval, percentiles and BCa, and studies counted."""
    truth = truths(scenario)
    hits = {name: np.zeros(4) for name in truth}
    for seed in range(repeats):
        s = study(np.random.default_rng(seed), scenario, scenario.patients)
        boot = Bootstrap.of(s.patient.astype(str).tolist(), draws, seed)
        without = 1 - np.eye(scenario.patients, dtype=np.uint16)
        left_out = samples(s, Bootstrap(boot.group, without))
        for name, sample in samples(s, boot).items():
            figure = figure_of(sample, boot, SCALES.get(name, "unit"))  # type: ignore[arg-type]
            if figure.low is None or figure.high is None:
                continue
            ends = [(figure.low, figure.high), percentiles(sample), bca(sample, left_out[name])]
            hits[name] += [*(low <= truth[name] <= high for low, high in ends), 1]
        for name, figure in own_figures(s, boot).items():
            if figure.low is not None and figure.high is not None:
                hits[name] += [figure.low <= truth[name] <= figure.high, np.nan, np.nan, 1]
    coverage = {}
    for name, counted in hits.items():
        if name not in LEFT_OUT and counted[3]:
            coverage[name] = [truth[name], *(counted[:3] / counted[3]), counted[3] / repeats]
    return coverage


def main() -> None:
    """Prints one table for each kind of study."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000, help="studies of each kind")
    parser.add_argument("--draws", type=int, default=2000, help="bootstrap draws of each study")
    parser.add_argument("--only", type=int, help="number of one kind of study, from 0")
    options = parser.parse_args()
    chosen = SCENARIOS if options.only is None else SCENARIOS[options.only : options.only + 1]
    for scenario in chosen:
        print(f"\n{scenario}, {options.repeats} studies, {options.draws} draws\n")
        print("| figure | truth | coverage | by percentiles | by BCa | studies with an interval |")
        print("|---|---|---|---|---|---|")
        for name, row in count(scenario, options.repeats, options.draws).items():
            shares = ["" if np.isnan(x) else f"{x:.1%}" for x in row[1:]]
            print(f"| {name} | {row[0]:.3f} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
