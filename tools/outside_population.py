"""Measures what it costs, and what it saves, that no class is named outside the population.

    python tools/outside_population.py --data PNEUMOSCOPE_DATA

Reads the validation films of ``chest_xray`` and, of each class of each collection in
``hospitals/manifest.csv`` (columns path, label, source, patient), all films or 400 drawn at random, with
the shipped bundle. Prints the table of docs/explanation/safe-verdicts.md: shares of all films with
patient-clustered 95 % intervals. A film without a patient counts as one.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import pneumoscope
from pneumoscope import data
from pneumoscope.decision.gate import OUTSIDE
from pneumoscope.metrics import patient_bootstrap
from pneumoscope.records import REFUSED, UNDETERMINED, Prediction
from pneumoscope.train.data.films import SPLIT_SEED

MOST = 400


class Film(NamedTuple):
    """One film, its collection and class, and its patient."""

    path: Path
    group: str
    patient: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    root = parser.parse_args().data
    films = [*children(root / "chest_xray"), *hospitals(root / "hospitals")]
    reader = pneumoscope.load()
    outcomes = reader.predict_many(film.path for film in films)
    predictions = [outcome.prediction for outcome in outcomes]
    positive = " or ".join(dict.fromkeys(bundle.meta.positive for bundle in reader.bundles))
    columns: dict[str, Callable[[Prediction], bool]] = {
        "outside": lambda p: p.label != REFUSED and is_outside(p),
        f"{positive} without the rule": lambda p: without_the_rule(p) == p.positive,
        positive: lambda p: p.label == p.positive,
        UNDETERMINED: lambda p: p.label == UNDETERMINED,
    }
    print(f"| films | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
    for group in dict.fromkeys(film.group for film in films):
        rows = [
            (film.patient, p)
            for film, p in zip(films, predictions, strict=True)
            if film.group == group and p is not None
        ]
        cells = [share([(patient, holds(p)) for patient, p in rows]) for holds in columns.values()]
        print(f"| {group} ({len(rows)}) | {' | '.join(cells)} |")


def children(root: Path) -> Iterator[Film]:
    films = data.load(root, 224, task="multiclass", share=0.15, seed=SPLIT_SEED)
    for row in films.rows("validation"):
        name = films.names[int(films.labels[row])]
        yield Film(films.files[row], f"children, {name}", films.films[row].patient)


def hospitals(root: Path) -> Iterator[Film]:
    with (root / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        films = [
            Film(
                root / row["path"],
                f"{row['source']}, {row['label']}",
                row["patient"] or row["path"],
            )
            for row in csv.DictReader(stream)
        ]
    rng = np.random.default_rng(0)
    for group in sorted({film.group for film in films}):
        members = [film for film in films if film.group == group]
        yield from (members[i] for i in sorted(rng.permutation(len(members))[:MOST]))


def is_outside(p: Prediction) -> bool:
    return any(reason.code == OUTSIDE for reason in p.gate.reasons)


def without_the_rule(p: Prediction) -> str:
    """The label that the film would have if the rule did not exist."""
    withheld = p.label == UNDETERMINED and is_outside(p) and p.classes == (p.called,)
    return p.called if withheld else p.label


def share(rows: list[tuple[str, bool]]) -> str:
    values = np.array([holds for _, holds in rows], float)
    figure = patient_bootstrap(
        lambda w: w @ values / w.sum(axis=1), [patient for patient, _ in rows], 2000
    )
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


if __name__ == "__main__":
    main()
