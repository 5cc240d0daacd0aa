"""How often the 95 % interval of an AUC contains the truth if few films are ill.

    python tools/auc_coverage_simulation.py --repeats 400

Each study has a fixed number of ill and of healthy patients with one to six films each. Scores are normal,
and films of one patient resemble each other (intraclass correlation 0.5). In the kind `hidden` a tenth of
the ill patients is hardly ill and each has one film; in the kind `wide` the scores of ill films vary more.
The truth is what 200,000 patients give. Counted are the package's interval, the same without its
correction for few patients (Student's t by all patients), and percentiles of the same draws.

The table goes into docs/explanation/statistics.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pneumoscope.evidence.statistics.intervals import Bootstrap, figure_of
from pneumoscope.evidence.statistics.ranking import auc_figure
from pneumoscope.metrics import roc_auc

Array = NDArray[np.float64]
LARGE = 100_000
"""Patients of either class for the truth."""
SAME = 0.5
"""Intraclass correlation of films of one patient."""
HIDDEN_SHARE, HIDDEN = 0.1, 0.3
"""Share of the ill patients who are hardly ill, and their distance as a share of the others'."""
PLAIN, HIDDEN_KIND, WIDE = "normal", "hidden", "wide"


@dataclass(frozen=True)
class Scenario:
    """One kind of study: patients of either class, AUC of normal scores, and their kind."""

    ill: int
    healthy: int
    auc: float
    kind: str = PLAIN


def scenarios() -> list[Scenario]:
    """All kinds of studies."""
    made = []
    for ill in (6, 10, 20, 60):
        made += [Scenario(ill, 200, auc) for auc in (0.8, 0.9, 0.96, 0.99)]
        made += [Scenario(ill, 200, 0.95, HIDDEN_KIND), Scenario(ill, 200, 0.93, WIDE)]
    return made


def study(
    rng: np.random.Generator, scenario: Scenario, ill: int, healthy: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_], Array]:
    """Patient, class and score of each film."""
    patients = ill + healthy
    alone = scenario.kind == HIDDEN_KIND
    films = np.ones(patients, int)
    if not alone:
        films = rng.choice([1, 2, 3, 6], patients, p=[0.6, 0.2, 0.12, 0.08])
    patient = np.repeat(np.arange(patients), films)
    positive = (np.arange(patients) < ill)[patient]
    same = 0.0 if alone else SAME
    noise = np.sqrt(same) * rng.normal(size=patients)[patient]
    noise += np.sqrt(1 - same) * rng.normal(size=len(patient))
    distance = np.full(len(patient), stats.norm.ppf(scenario.auc) * np.sqrt(2))
    if alone:
        distance[(rng.random(patients) < HIDDEN_SHARE)[patient]] *= HIDDEN
    if scenario.kind == WIDE:
        noise = np.where(positive, 1.5 * noise, noise)
    return patient, positive, distance * positive + noise


def count(scenario: Scenario, repeats: int, draws: int) -> tuple[float, Array]:
    """The true AUC, and the coverage of the three intervals."""
    _, positive, score = study(np.random.default_rng(5), scenario, LARGE, LARGE)
    truth = float(roc_auc(positive, score, np.ones((1, len(score))))[0])
    hits = np.zeros(3)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        patient, positive, score = study(rng, scenario, scenario.ill, scenario.healthy)
        boot = Bootstrap.of(patient.astype(str).tolist(), draws, seed)
        sample = boot.over(lambda w, y=positive, s=score: roc_auc(y, s, w))  # type: ignore[misc]
        package = auc_figure(sample, positive, boot)
        plain = figure_of(sample, boot, trials=scenario.ill, patients=boot.patients)
        low, high = np.nanpercentile(sample[1:], [2.5, 97.5])
        for k, ends in enumerate(
            ((package.low, package.high), (plain.low, plain.high), (low, high))
        ):
            if ends[0] is not None and ends[1] is not None:
                hits[k] += ends[0] <= truth <= ends[1]
    return truth, hits / repeats


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=400, help="studies of each kind")
    parser.add_argument("--draws", type=int, default=400, help="bootstrap draws of each study")
    parser.add_argument("--ill", type=int, help="only studies with so many ill patients")
    options = parser.parse_args()
    print("| ill of all | scores | AUC | package | t by all patients | percentiles |")
    print("|---|---|---|---|---|---|")
    for scenario in scenarios():
        if options.ill in (None, scenario.ill):
            truth, coverage = count(scenario, options.repeats, options.draws)
            cells = " | ".join(f"{share:.1%}" for share in coverage)
            whole = scenario.ill + scenario.healthy
            print(
                f"| {scenario.ill} of {whole} | {scenario.kind} | {truth:.3f} | {cells} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
