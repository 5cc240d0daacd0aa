"""Measures whether the heat lies on the ill side of films of which one side is ill.

    python tools/side_of_heat.py runs/adults

Nobody drew which side of a film is ill. So one side of each held-out ill film is replaced by that of a healthy
held-out film, both ways, as in training (`pneumoscope.train.data.compositions`). Prints, by source and by the
side that is left ill, the share of these films that are called ill at P(ill) > 0.5; and of those the share of the
heat on the ill side, and the share of films with the peak there, with patient-clustered 95 % intervals. A bundle
that favours a side of the picture differs between the two sides. The side that is left may have been healthy:
most illnesses here are of both lungs, but not all, so 1 cannot be reached.

A second table has whole ill films, as they are and mirrored: the share of the heat on the left of the picture, and the
share of films with the peak there. A bundle that follows the patient exchanges the sides; one that favours a side of the
picture does not. Below it is the share of films whose peak is on the same lung both times.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import open_bundle
from pneumoscope.data.masks import read_mask
from pneumoscope.images import model_input, read, resample
from pneumoscope.metrics import patient_bootstrap
from pneumoscope.train.data.compositions import with_side_of
from pneumoscope.train.data.lung_masks import sides_of
from pneumoscope.train.export.exported import ExportedNetwork

SIDE = 224
SIDES = ("left", "right")
WHOLE = 300
"""Whole films, at most."""


class Film(NamedTuple):
    """Pixels uint8 (SIDE, SIDE), lungs uint8 (2, SIDE, SIDE), and the patient."""

    pixels: NDArray[np.uint8]
    lungs: NDArray[np.uint8]
    patient: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path, help="run folder of a training with lung masks")
    parser.add_argument("--bundle", default=None, help="the run's by default")
    parser.add_argument("--films", type=int, default=120, help="ill films of each source, at most")
    args = parser.parse_args()
    bundle = open_bundle(args.bundle or args.run / "bundle")
    network = ExportedNetwork(bundle.path / "model.onnx")
    with (args.run / "films.csv").open(encoding="utf-8", newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if r["split"] == "validation" and r["mask"]]
    print("| source | ill side | films | called ill | heat on the ill side | peak there |")
    print("|---|---|---|---|---|---|")
    for source in sorted({row.get("source", "") for row in rows}):
        of_source = [row for row in rows if row.get("source", "") == source]
        ill = loaded(args.run, [r for r in of_source if r["normal"] != "1"][: args.films])
        healthy_rows = [r for r in of_source if r["normal"] == "1"] or [
            r for r in rows if r["normal"] == "1"
        ]
        healthy = loaded(args.run, healthy_rows[: len(ill)])
        for side in SIDES if ill and healthy else ():
            cells = measured(network, ill, healthy, side, bundle.meta.size)
            print(f"| {source or 'all'} | {side} | {cells} |")
    ill_rows = np.array([row for row in rows if row["normal"] != "1"])
    drawn = np.random.default_rng(0).permutation(len(ill_rows))[:WHOLE]
    whole = loaded(args.run, ill_rows[drawn].tolist())
    print("\n| ill films | films called ill | heat on the left of the picture | peak there |")
    print("|---|---|---|---|")
    seen, on_left = [], []
    for name, step in (("as they are", 1), ("mirrored", -1)):
        films = np.stack([resample(film.pixels[:, ::step], bundle.meta.size) for film in whole])
        called, shares, peak = on_side(network, films, "left")
        patients = [f.patient for f, yes in zip(whole, called, strict=True) if yes]
        seen.append(called)
        on_left.append(np.zeros(len(whole), bool))
        on_left[-1][called] = peak
        print(
            f"| {name} | {len(shares)} | {interval(shares, patients)} | {interval(peak, patients)} |"
        )
    both = seen[0] & seen[1]
    same_lung = (on_left[0] != on_left[1])[both]
    patients = [f.patient for f, yes in zip(whole, both, strict=True) if yes]
    print(f"\nPeak on the same lung, {len(patients)} films: {interval(same_lung, patients)}")


def loaded(run: Path, rows: Sequence[dict[str, str]]) -> list[Film]:
    films = []
    for row in rows:
        pixels = model_input(read(run / row["path"]), SIDE, SIDE)
        lungs = sides_of(read_mask(run / row["mask"], SIDE).lungs).astype(np.uint8) * 255
        films.append(Film(pixels, lungs, row["patient"] or row["path"]))
    return films


def measured(
    network: ExportedNetwork, ill: list[Film], healthy: list[Film], side: str, size: int
) -> str:
    """The cells of one row of the table, from the number of films on."""
    composed = []
    for i, film in enumerate(ill):
        partner = healthy[i % len(healthy)]
        made = with_side_of(
            film.pixels, film.lungs, partner.pixels, partner.lungs, left=side == "right"
        )
        composed.append(resample(made, size))
    called, shares, peak = on_side(network, np.stack(composed), side)
    if not called.any():
        return f"{len(ill)} | 0.00 | |"
    patients = [film.patient for film in ill]
    of_called = [p for p, yes in zip(patients, called, strict=True) if yes]
    cells = (
        interval(called, patients),
        interval(shares, of_called),
        interval(peak, of_called),
    )
    return f"{len(ill)} | {' | '.join(cells)}"


def on_side(
    network: ExportedNetwork, films: NDArray[np.uint8], side: str
) -> tuple[NDArray[np.bool_], NDArray[np.floating[Any]], NDArray[np.bool_]]:
    """Which films (n, size, size) are called ill; of these, the share of heat on a side, and whether the peak is there."""
    outputs = network.outputs(np.ascontiguousarray(films)[..., None])
    called = 1 - outputs["probabilities"][:, 0] > 0.5
    heat = outputs["heatmaps"][called, 1:].sum(axis=1)
    half = heat.shape[2] // 2
    of_side = heat[:, :, :half] if side == "left" else heat[:, :, half:]
    column = heat.reshape(len(heat), -1).argmax(axis=1) % heat.shape[2]
    peak = (column < half) if side == "left" else (column >= half)
    return called, of_side.sum(axis=(1, 2)) / heat.sum(axis=(1, 2)), peak


def interval(values: NDArray[Any], patients: list[str]) -> str:
    x = np.asarray(values, np.float64)
    figure = patient_bootstrap(lambda w: (w @ x) / w.sum(axis=1), tuple(patients))
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


if __name__ == "__main__":
    main()
