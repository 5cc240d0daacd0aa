"""Whether the probabilities and the UNDETERMINED of a training run keep their promise.

python tools/verdicts.py runs/flagship

Reads validation.npz and the bundle of a run folder and prints Markdown. Films are split by patient, 20
times: the calibration is fitted on half of the patients and measured on the others; sets are made of
two thirds (so that they support an error of 1 %) and measured on the others. The films also chose
the recipe and the thresholds, so the figures are optimistic; no test film is used.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.bundle import BundleMeta, open_bundle
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.reliability import calibration_error
from pneumoscope.metrics import expected_calibration_error, patient_groups
from pneumoscope.train.validation import predictions
from pneumoscope.train.validation.calibrate import calibrated, conformal_scores, fit_calibration
from pneumoscope.train.validation.classes import p_among_films
from pneumoscope.train.validation.predictions import PLAIN, Validation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SPLITS = 20
ERRORS = (0.01, 0.02, 0.05, 0.10)


def main(run: Path) -> None:
    meta = open_bundle(run / "bundle").meta
    if meta.negative is None:
        raise SystemExit(f"{run}: a bundle for several findings; these tables are for classes")
    shipped = predictions.load(run / predictions.FILE)
    undone = {n: meta.calibration.undo(p, 0) for n, p in shipped.probabilities.items()}
    raw = Validation(shipped.truth, shipped.patients, undone)
    normal = int((~shipped.ill).sum())
    print(
        f"{len(shipped.truth)} films ({normal} normal) of {len(set(shipped.patients))} patients.\n"
    )
    calibration_table(raw, shipped, meta.calibration.prevalence)
    print()
    coverage_table(shipped, meta)


def calibration_table(raw: Validation, shipped: Validation, prevalence: float | None) -> None:
    """ECE before, after, and on patients that the calibration was not fitted on."""
    print("| ECE of P(positive) | plain | mean over perturbations | worst perturbation |")
    print("|---|---|---|---|")
    for name, errors in (
        ("before calibration", errors_of(raw)),
        ("fitted on the same films", errors_of(shipped, prevalence)),
    ):
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in errors)} |")
    apart = np.array(
        [
            errors_of(calibrated(part(raw, ~fits), fit_calibration(part(raw, fits))))
            for fits in draws(raw, 1 / 2)
        ]
    )
    cells = (
        f"{errors.mean():.3f} ({errors.min():.3f} to {errors.max():.3f})" for errors in apart.T
    )
    print(f"| fitted on other patients, {SPLITS} splits | {' | '.join(cells)} |")
    p = p_among_films(shipped, PLAIN, prevalence)
    boot = Bootstrap.of(list(shipped.patients))
    chance = calibration_error(shipped.ill, p, boot).by_chance
    print(f"\nChance alone gives {chance:.3f} on all plain films, and more on half of them.")


def errors_of(
    validation: Validation, prevalence: float | None = None
) -> tuple[float, float, float]:
    """ECE plain, mean over perturbations, and of the worst one."""
    each = {
        name: expected_calibration_error(
            validation.ill, p_among_films(validation, name, prevalence)
        )
        for name in validation.probabilities
    }
    plain = each.pop(PLAIN)
    return plain, float(np.mean(list(each.values()))), max(each.values())


def coverage_table(v: Validation, meta: BundleMeta) -> None:
    """Coverage of sets, share of undetermined films and error of the others; then the kinds."""
    several = len(meta.labels) > 2
    tables = [
        [
            *("coverage normal", "coverage positive", "UNDETERMINED", "of normal", "of positive"),
            "wrong among the others",
        ],
        *(
            [
                [
                    *(f"coverage {name}" for name in meta.labels[1:]),
                    "kind named, of films labelled positive",
                    "kind right, of ill films with a named kind",
                ]
            ]
            if several
            else []
        ),
    ]
    rows = [[_shares(v, fits, meta, error) for fits in draws(v, 2 / 3)] for error in ERRORS]
    first = 0
    for columns in tables:
        print(f"| error | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for error, each in zip(ERRORS, rows, strict=True):
            shares = np.array(each)[:, first : first + len(columns)]
            sides = zip(
                np.nanmean(shares, 0), np.nanmin(shares, 0), np.nanmax(shares, 0), strict=True
            )
            cells = (f"{m:.3f} ({a:.2f} to {b:.2f})" for m, a, b in sides)
            print(f"| {error:.0%} | {' | '.join(cells)} |")
        print()
        first += len(columns)


def _shares(v: Validation, fits: NDArray[np.bool_], meta: BundleMeta, error: float) -> list[float]:
    scores = conformal_scores(part(v, fits), meta.labels, meta.positive)
    if scores is None:
        raise SystemExit("too few films for conformal sets")
    limits, rest = scores.at(error), part(v, ~fits)
    p, ill = rest.p_positive(), rest.ill
    well_limit, ill_limit = limits.questions[meta.positive]
    holds_well, holds_ill = 1 - p >= well_limit, p >= ill_limit
    called = p >= meta.operating_point().threshold
    clear = (holds_ill == called) & (holds_well == ~called)
    figures = [holds_well[~ill].mean(), holds_ill[ill].mean()]
    figures += [(~clear).mean(), (~clear)[~ill].mean(), (~clear)[ill].mean()]
    figures.append((called != ill)[clear].mean())
    if limits.kinds:
        shares = rest.probabilities[PLAIN][:, 1:] / p[:, None]
        sets = shares >= np.array(list(limits.kinds.values()))
        figures += [sets[rest.truth == k + 1, k].mean() for k in range(sets.shape[1])]
        single = (sets.sum(axis=1) == 1) & clear & called
        right = sets.argmax(axis=1) + 1 == rest.truth
        figures.append(single[clear & called].mean())
        figures.append(right[single & ill].mean() if (single & ill).any() else np.nan)
    return [float(value) for value in figures]


def draws(v: Validation, share: float) -> Iterator[NDArray[np.bool_]]:
    """The films of a random share of the patients, again and again."""
    group = patient_groups(v.patients)
    patients = int(group.max()) + 1
    rng = np.random.default_rng(0)
    for _ in range(SPLITS):
        drawn = np.zeros(patients, bool)
        drawn[rng.permutation(patients)[: round(share * patients)]] = True
        yield drawn[group]


def part(v: Validation, rows: NDArray[np.bool_]) -> Validation:
    return Validation(
        v.truth[rows],
        tuple(np.array(v.patients)[rows].tolist()),
        {name: p[rows] for name, p in v.probabilities.items()},
        tuple(np.array(v.sources)[rows].tolist()) if v.sources else (),
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
