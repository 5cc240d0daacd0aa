"""What three habits of notebooks cost, from finished runs: docs/explanation/notebook-habits.md.

python tools/notebook_mistakes.py --patient RUN... --film RUN... --flip RUN... --no-flip RUN...

Runs of one recipe, split by patient and by film, with and without horizontal flips; the runs after
--flip and --no-flip in the order of their seeds.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.metrics import interval_text, patient_bootstrap
from pneumoscope.train import leaderboard
from pneumoscope.train.validation import classes, predictions

DRAWS = 10_000
FILMS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("patient", "film", "flip", "no-flip"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, metavar="RUN")
    given = parser.parse_args()
    sixteen(given.patient)
    print()
    by_film(given.patient, given.film)
    print()
    flips(given.flip, given.no_flip)


def sixteen(folders: Sequence[Path]) -> None:
    """How far the accuracy on 8 + 8 validation films, as the Kaggle set has them, is from that on all."""
    print("| run | films | accuracy at 0.5, classes equal | middle 95 % of 8 + 8 films |")
    print("|---|---|---|---|")
    rng = np.random.default_rng(0)
    drawn = []
    for folder in folders:
        (run,) = leaderboard.find([folder])
        v = run.validation
        right = (v.p_positive() >= 0.5) == v.ill
        half = FILMS // 2
        accuracy = np.mean(
            [
                right[rng.permuted(np.tile(np.flatnonzero(side), (DRAWS, 1)), axis=1)[:, :half]]
                for side in (v.ill, ~v.ill)
            ],
            axis=(0, 2),
        )
        drawn.append(accuracy)
        whole = (right[v.ill].mean() + right[~v.ill].mean()) / 2
        low, high = np.percentile(accuracy, [2.5, 97.5])
        print(f"| {folder.name} | {len(right)} | {whole:.3f} | {low:.3f} to {high:.3f} |")
    perfect = np.mean([(a == 1).mean() for a in drawn])
    print(f"\nAll {FILMS} right, so that nothing is left to choose by: {perfect:.0%} of the draws.")


def by_film(patient: Sequence[Path], film: Sequence[Path]) -> None:
    """Figures of a split by film, apart for patients with and without films in training."""
    print("| split | validation films | AUC | accuracy at 0.5 |")
    print("|---|---|---|---|")
    for folders, name in ((patient, "by patient"), (film, "by film")):
        for folder in folders:
            (run,) = leaderboard.find([folder])
            v = run.validation
            keys = np.array(v.patients)
            groups = {"all": np.ones(len(keys), bool)}
            if name == "by film":
                known = np.isin(keys, sorted(_training_patients(folder)))
                groups |= {"patient also in training": known, "patient not in training": ~known}
            for group, rows in groups.items():
                auc = _interval(lambda w, r=rows, x=v: _auc(x, w, r), v.patients)
                accuracy = _interval(lambda w, r=rows, x=v: _accuracy(x, w, r), v.patients)
                print(f"| {name}, {folder.name} | {group}: {rows.sum()} | {auc} | {accuracy} |")


def flips(flip: Sequence[Path], no_flip: Sequence[Path]) -> None:
    """The same recipe without horizontal flips, minus the recipe with them, on the same films."""
    print("| condition | AUC with flips | without | difference |")
    print("|---|---|---|---|")
    pairs = [
        [leaderboard.find([folder])[0].validation for folder in pair]
        for pair in zip(flip, no_flip, strict=True)
    ]
    if any(a.patients != b.patients for a, b in pairs):
        raise SystemExit("the runs were validated on different films")
    conditions = list(pairs[0][0].probabilities)
    aucs = {
        c: np.mean(
            [[_auc(v, np.ones((1, len(v.truth))), c=c)[0] for v in pair] for pair in pairs], 0
        )
        for c in conditions
    }
    worst = min((c for c in conditions if c != predictions.PLAIN), key=lambda c: aucs[c].mean())
    for condition in (predictions.PLAIN, worst):

        def difference(w: NDArray[np.float64], c: str = condition) -> NDArray[np.float64]:
            return np.mean([_auc(b, w, c=c) - _auc(a, w, c=c) for a, b in pairs], axis=0)

        with_, without = aucs[condition]
        text = _interval(difference, pairs[0][0].patients)
        print(f"| {condition} | {with_:.4f} | {without:.4f} | {text} |")


def _training_patients(folder: Path) -> set[str]:
    with (folder / "films.csv").open(encoding="utf-8", newline="") as stream:
        return {row["patient"] for row in csv.DictReader(stream) if row["split"] == "train"}


def _auc(
    v: predictions.Validation,
    w: NDArray[np.float64],
    rows: NDArray[np.bool_] | None = None,
    c: str = predictions.PLAIN,
) -> NDArray[np.float64]:
    kept = w if rows is None else w * rows
    return classes.measures(v, 0.5, c)["auc"](kept)


def _accuracy(
    v: predictions.Validation, w: NDArray[np.float64], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    return classes.measures(v, 0.5)["accuracy"](w * rows)


def _interval(figure: Callable[[NDArray[Any]], NDArray[Any]], patients: Sequence[str]) -> str:
    return interval_text(asdict(patient_bootstrap(figure, patients)))


if __name__ == "__main__":
    main()
