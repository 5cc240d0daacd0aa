"""Draws a contact sheet of held-out films with heat, lung outline and verdict, to be looked at.

    python tools/contact_sheet.py runs/children --out sheet.png
    python tools/contact_sheet.py samples --bundle runs/children/bundle --out samples.png

Of a run folder, draws validation films at random: ill ones first, then as many healthy ones. Of a folder
without ``films.csv``, draws all pictures. Red text marks a verdict that is wrong. Also prints which share of
the heat is left of the middle, where the patient's right lung is, on the ill films that are called ill.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import open_bundle
from pneumoscope.records import REFUSED, UNDETERMINED, Prediction
from pneumoscope.render import heatmap
from pneumoscope.runtime import Classifier

SIDE, COLUMNS, LINE = 224, 10, 16
"""Side of a film, films in a row, height of the text below a film; pixels."""


class Film(NamedTuple):
    """A film, and whether it is ill; None if nobody knows."""

    path: Path
    ill: bool | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", default=None, help="the run's by default")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--source", default="", help="only films of this source")
    args = parser.parse_args()
    classifier = Classifier(open_bundle(args.bundle or args.folder / "bundle"))
    films = drawn(args.folder, args.films, args.source)
    if not films:
        parser.error(f"{args.folder}: no films")
    read = [(film, *reading(classifier, film)) for film in films]
    tiles = [tile(*item) for item in read]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[i : i + COLUMNS], 1) for i in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(args.out), np.concatenate(rows)[..., ::-1])
    print(f"{args.out}: {len(films)} films")
    heats = [p.heatmap for film, _, p in read if film.ill and p.called == p.positive]
    shares = [h[:, : h.shape[1] // 2].sum() / h.sum() for h in heats if h is not None]
    if shares:
        print(f"heat left of the middle on {len(shares)} ill films: {np.mean(shares):.3f}")


def drawn(folder: Path, count: int, source: str) -> list[Film]:
    """Validation films of a run, half of them ill; or all pictures of another folder."""
    table = folder / "films.csv"
    if not table.is_file():
        return [Film(p, None) for p in sorted(folder.iterdir()) if p.suffix in (".png", ".jpg")]
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "validation"]
    rng = np.random.default_rng(0)
    films = []
    for ill in (True, False):
        kind = [
            folder / row["path"]
            for row in rows
            if (row["normal"] != "1") == ill and source in ("", row.get("source", ""))
        ]
        films += [Film(kind[i], ill) for i in rng.permutation(len(kind))[: count // 2]]
    return films


def reading(classifier: Classifier, film: Film) -> tuple[NDArray[np.uint8], Prediction]:
    """The film as the network sees it, uint8 (size, size), and what is said about it."""
    prepared = classifier.prepare(film.path)
    return prepared.pixels, classifier.judge([prepared])[0]


def tile(film: Film, pixels: NDArray[np.uint8], prediction: Prediction) -> NDArray[np.uint8]:
    """uint8 RGB (SIDE + LINE, SIDE, 3)."""
    grey = cv2.resize(pixels, (SIDE, SIDE)).astype(np.float32) / 255
    heat = prediction.heatmap
    healthy = heatmap.is_healthy(prediction.called, prediction.findings)
    picture = heatmap.overlay(
        grey,
        np.zeros((1, 1), np.float32) if heat is None else heat,  # none on a refused film
        healthy=healthy,
        lungs=prediction.lungs,
    )
    below: NDArray[Any] = np.zeros((LINE, SIDE, 3), np.uint8)
    wrong = (
        film.ill is not None
        and prediction.label not in (REFUSED, UNDETERMINED)
        and (prediction.label == prediction.positive) != film.ill
    )
    truth = {True: "ill: ", False: "healthy: ", None: ""}[film.ill]
    text = f"{truth}{prediction.label} {prediction.p_positive:.2f}"
    colour = (255, 90, 90) if wrong else (255, 255, 255)
    cv2.putText(below, text, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return np.concatenate([picture, below])


if __name__ == "__main__":
    main()
