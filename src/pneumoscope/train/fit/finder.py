"""The learning-rate range test: shows the rates at which the loss falls, before a long training.

Starting from each phase's first weights, the rate rises step by step over six decades (L. N. Smith,
"Cyclical learning rates for training neural networks", 2017). It rises exponentially, with the stop
and the rule below, as in fastai's ``lr_find`` (Howard and Gugger, "fastai: a layered API for deep
learning", 2020).
"""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import TrainingError
from pneumoscope.files import replacing, write_text
from pneumoscope.train.data.batches import Position
from pneumoscope.train.fit import checkpoint, loop, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.data import FilmSet
    from pneumoscope.train.data.batches import Batch
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

PLOT, TABLE = "learning-rate.png", "learning-rate.csv"
STEPS = 100
LOWEST, HIGHEST = 1e-6, 1.0
SMOOTHING = 0.9
DIVERGED = 4.0
"""The test ends when the smoothed loss is this many times its lowest."""
SETTLING = 10
"""Steps before any rate is judged: until then the smoothed loss follows each batch."""
FALLEN = 0.9
"""Smaller decreases are within the noise of batches of 16 to 32 films."""
RULE = (
    "a tenth of the rate at which the smoothed loss was lowest (the rule 'minimum' of fastai's "
    "lr_find, Howard and Gugger 2020, after Smith's range test, 2017)"
)


@dataclass(frozen=True, slots=True)
class RangeTest:
    """The range test of one phase.

    Attributes:
        phase: Name of the phase.
        key: The recipe's key for its learning rate.
        own_rate: The learning rate in the recipe.
        rates: Learning rates, one per step.
        losses: The loss of each step's batch, before the step.
        smoothed: Exponential moving average of the losses, without the bias of its start.
        suggested: The rate by `RULE`; None if the loss did not fall at any rate.
    """

    phase: str
    key: str
    own_rate: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested: float | None


def find(
    recipe: Recipe, films: FilmSet, folder: Path, weights: str | None, progress: Progress
) -> tuple[RangeTest, ...]:
    """Tests every phase of a recipe and writes `PLOT` and `TABLE`.

    As in training, the second phase starts with a trained head. The head is trained for the steps of
    the first phase, at most `STEPS`.

    Args:
        recipe: What would be trained.
        films: Cached films with labels and splits.
        folder: Folder for the two files.
        weights: Pretrained weights, see `keras_model.build`.
        progress: Shows every step.

    Raises:
        TrainingError: The loss is not a number from the start.
    """
    # Averages, schedules and cached features do not matter to the test.
    plain = replace(recipe, cosine=False, ema=0.0, cached_views=0, patience=0)
    tests = []
    with tempfile.TemporaryDirectory() as scratch:
        trainer = loop.begin(plain, films, Path(scratch), weights, progress)
        trainer.model = start.network(plain, len(films.names), weights)
        for index, phase in enumerate(trainer.phases):
            before = checkpoint.current(trainer.model)
            tests.append(range_test(trainer, index))
            checkpoint.put(trainer.model, before)
            if index + 1 < len(trainer.phases):
                trainer.prepare(phase)
                steps = min(STEPS, phase.epochs * trainer.steps)
                for done, batch in enumerate(islice(_endless(trainer, index), steps), 1):
                    trainer.learn(batch)
                    progress.count(f"{phase.name}: training", done, steps)
    _write_table(tests, folder / TABLE)
    _plot(tests, folder / PLOT)
    return tuple(tests)


def smooth(losses: list[float]) -> list[float]:
    """Exponential moving average with `SMOOTHING`, divided by the sum of its weights so far."""
    average, values = 0.0, []
    for i, loss in enumerate(losses, 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        values.append(average / (1 - SMOOTHING**i))
    return values


def suggest(rates: list[float], smoothed: list[float]) -> float | None:
    """The rate by `RULE`; None if the smoothed loss never fell to `FALLEN` of its first value."""
    lowest = int(np.argmin(smoothed))
    if lowest < SETTLING or smoothed[lowest] > FALLEN * smoothed[SETTLING - 1]:
        return None
    return rates[lowest] / 10


def range_test(trainer: loop.Trainer, index: int) -> RangeTest:
    """Raises the rate step by step from the trainer's present weights, which are not restored."""
    phase = trainer.phases[index]
    optimizer = trainer.prepare(phase, STEPS)
    rates: list[float] = []
    losses: list[float] = []
    for rate, batch in zip(
        np.geomspace(LOWEST, HIGHEST, STEPS).tolist(), _endless(trainer, index), strict=False
    ):
        optimizer.learning_rate = rate
        loss = trainer.learn(batch)
        if not np.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
        trainer.progress.count(f"{phase.name}: range of rates", len(rates), STEPS)
        smoothed = smooth(losses)
        if len(rates) > SETTLING and smoothed[-1] > DIVERGED * min(smoothed):
            break
    trainer.progress.count(f"{phase.name}: range of rates", STEPS, STEPS)
    if not losses:
        raise TrainingError(
            f"the loss of {phase.name} is not a number from the start",
            "Try without mixed_precision, and look at what your network gives.",
        )
    smoothed = smooth(losses)
    key = "learning_rate" if phase.whole else "head_learning_rate"
    return RangeTest(
        phase=phase.name,
        key=key,
        own_rate=getattr(trainer.recipe, key),
        rates=tuple(rates),
        losses=tuple(losses),
        smoothed=tuple(smoothed),
        suggested=suggest(rates, smoothed),
    )


def _endless(trainer: loop.Trainer, index: int) -> Iterator[Batch]:
    for epoch in count():
        yield from trainer.batches.of(Position(index, epoch))


def _write_table(tests: list[RangeTest], path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("phase", "learning_rate", "loss", "smoothed"))
    for test in tests:
        for rate, loss, level in zip(test.rates, test.losses, test.smoothed, strict=True):
            writer.writerow((test.phase, f"{rate:.4g}", f"{loss:.6g}", f"{level:.6g}"))
    write_text(path, text.getvalue())


def _plot(tests: list[RangeTest], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, row = plt.subplots(
        1, len(tests), figsize=(5 * len(tests), 3.8), layout="constrained", squeeze=False
    )
    for axes, test in zip(row[0], tests, strict=True):
        axes.plot(test.rates, test.losses, ".", color="tab:grey", alpha=0.4, label="each batch")
        axes.plot(test.rates, test.smoothed, color="tab:blue", label="smoothed")
        axes.axvline(test.own_rate, color="tab:grey", linestyle=":", label="in the recipe")
        if test.suggested is not None:
            axes.axvline(test.suggested, color="tab:red", label=f"suggested: {test.suggested:.1e}")
        low, high = min(test.losses), 2 * max(test.smoothed[:SETTLING])
        axes.set_ylim(max(0.0, 0.9 * low), max(high, 1.1 * low))
        axes.set(xscale="log", xlabel=test.key, ylabel="loss", title=test.phase)
        axes.legend(frameon=False, fontsize="small")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    with replacing(path) as stream:
        figure.savefig(stream, format="png", dpi=120)
    plt.close(figure)
