"""Measures the shipped bundles together: which population each film gets, and what is called ill.

    python tools/populations.py chest_xray both

Reads the validation films of children (the Kaggle set) and those of adults (the manifest that the recipe
``adults`` was trained on), which no network has seen, and lets each film choose its population. Prints the
table of docs/explanation/safe-verdicts.md: shares of all films of a source and class with patient-clustered
95 % intervals. A film without a patient counts as one. The last column is the AUC within a source.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import pneumoscope
from pneumoscope.decision.gate import is_outside
from pneumoscope.metrics import patient_bootstrap, roc_auc
from pneumoscope.records import REFUSED, UNDETERMINED, Prediction
from pneumoscope.train.data.films import split_films
from pneumoscope.train.recipe.reading import load as load_recipe


class Film(NamedTuple):
    """One film, its source and class, its patient, and whether it is ill."""

    path: Path
    source: str
    label: str
    patient: str
    ill: bool


Judged = list[tuple[Film, Prediction]]
COLUMNS: dict[str, Callable[[Prediction], bool]] = {
    "read as an adult": lambda p: p.population == "adults",
    "REFUSED": lambda p: p.label == REFUSED,
    "outside": lambda p: p.label != REFUSED and is_outside(p.gate),
    "called ill": lambda p: p.label == p.positive,
    "called NORMAL": lambda p: p.label == "NORMAL",
    "UNDETERMINED": lambda p: p.label == UNDETERMINED,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("children", type=Path)
    parser.add_argument("adults", type=Path)
    args = parser.parse_args()
    films = [*held_out(args.children, "children"), *held_out(args.adults, "adults")]
    outcomes = pneumoscope.load().predict_many(film.path for film in films)
    predictions = [outcome.prediction for outcome in outcomes]
    judged = [(f, p) for f, p in zip(films, predictions, strict=True) if p is not None]
    print(f"| films | {' | '.join(COLUMNS)} | AUC |\n|{'---|' * (2 + len(COLUMNS))}")
    for source in dict.fromkeys(film.source for film in films):
        of_source = [(film, p) for film, p in judged if film.source == source]
        for label in dict.fromkeys(film.label for film, _ in of_source):
            rows = [(film, p) for film, p in of_source if film.label == label]
            cells = [share(rows, holds) for holds in COLUMNS.values()]
            print(f"| {source}, {label} ({len(rows)}) | {' | '.join(cells)} | {auc(of_source)} |")


def held_out(root: Path, recipe_name: str) -> Iterator[Film]:
    """The validation films of a recipe, as its training splits them."""
    films = split_films(load_recipe(recipe_name), root)
    labels = classes(root)
    for row in films.rows("validation"):
        film, path = films.films[row], films.files[row]
        label = labels.get(path.resolve()) or films.names[int(films.labels[row])]
        ill = bool(films.labels[row])
        yield Film(path, film.source or recipe_name, label, film.patient or str(path), ill)


def classes(root: Path) -> dict[Path, str]:
    """The finest class of each film of a manifest."""
    table = root / "manifest.csv"
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as stream:
        return {(root / row["path"]).resolve(): row["label"] for row in csv.DictReader(stream)}


def share(rows: Judged, holds: Callable[[Prediction], bool]) -> str:
    values = np.array([holds(p) for _, p in rows], float)
    return figure(lambda w: w @ values / w.sum(axis=1), [film.patient for film, _ in rows])


def auc(rows: Judged) -> str:
    """AUC of P(ill) within a source, whatever the gate says; nothing for one class."""
    ill = np.array([film.ill for film, _ in rows])
    if ill.all() or not ill.any():
        return ""
    p = np.array([prediction.p_positive for _, prediction in rows])
    return figure(lambda w: roc_auc(ill, p, w), [film.patient for film, _ in rows])


def figure(of: Callable[[np.ndarray], np.ndarray], patients: Sequence[str]) -> str:
    value = patient_bootstrap(of, patients, 2000)
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


if __name__ == "__main__":
    main()
