"""Pictures in a run folder: training curves and augmented films."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.files import replacing, write_png
from pneumoscope.images import resample
from pneumoscope.train.data import lung_batches
from pneumoscope.train.data.augment import augment
from pneumoscope.train.network import regions

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.data import FilmSet
    from pneumoscope.train.recipe.settings import Recipe

CURVES, SHEET = "curves.png", "augmented.png"
_ROWS, _COLUMNS, _GAP = 4, 8, 4


def curves(log: Path, target: Path) -> None:
    """Loss and metrics by epoch, from a run's log, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with log.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    epochs = np.arange(1, len(rows) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for axes, names in ((left, ("loss", "validation_loss")), (right, ("auc", "accuracy"))):
        for name in names:
            key = name if "loss" in name else f"validation_{name}"
            label = key.replace("_", " ").replace("auc", "AUC")
            axes.plot(epochs, [float(row[key]) for row in rows], marker=".", label=label)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        border = sum(row["phase"] == "head" for row in rows)
        if 0 < border < len(rows):
            axes.axvline(border + 0.5, color="grey", linestyle=":", linewidth=1)
    left.set_ylabel("loss")
    right.set_ylabel("on validation films")
    with replacing(target) as stream_out:
        figure.savefig(stream_out, format="png", dpi=120)
    plt.close(figure)


def contact_sheet(recipe: Recipe, films: FilmSet, target: Path) -> None:
    """Training films unchanged (first column) and as the network may see them, as PNG.

    If the recipe composes films of two, the last two columns are composed as it says.
    """
    rng = np.random.default_rng(recipe.seed)
    rows = films.rows("train")
    # A film from each part of the list: films are sorted by class.
    chosen = rows[np.linspace(0, len(rows) - 1, _ROWS).astype(int)]
    side = recipe.size
    step = side + _GAP
    sheet = np.full((_ROWS * step - _GAP, _COLUMNS * step - _GAP), 255, np.uint8)
    batches = [
        augment(films.pixels[chosen], side, rng, recipe.augment) for _ in range(_COLUMNS - 1)
    ]
    # Distant partners: neighbouring films are often of the same class.
    partners = np.roll(np.arange(_ROWS), _ROWS // 2)
    if recipe.head == "lungs":
        for batch in batches[-2:]:
            batch[:] = lung_batches.draw(films, chosen, partners, 1, recipe, rng).films[..., 0]
    elif recipe.regions:
        for batch in batches[-2:]:
            kept = regions.draw(_ROWS, _ROWS * 4, 1.0, rng)
            batch[:] = regions.compose(batch, partners, kept)
    plain = np.stack([resample(films.pixels[row], side) for row in chosen])
    for column, views in enumerate([plain, *batches]):
        for row, view in enumerate(views):
            sheet[row * step : row * step + side, column * step : column * step + side] = view
    write_png(target, sheet)
