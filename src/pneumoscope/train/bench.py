"""Speed of training, compared with the network alone and with training as in notebooks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.data.cache import cached
from pneumoscope.errors import DataError
from pneumoscope.train.data.batches import AHEAD, Position
from pneumoscope.train.data.films import load_films
from pneumoscope.train.fit import loop
from pneumoscope.train.fit.tracing import FEW_STEPS
from pneumoscope.train.network import keras_model
from pneumoscope.train.progress import Progress

if TYPE_CHECKING:
    from pneumoscope.data import FilmSet
    from pneumoscope.train.data.batches import Batch
    from pneumoscope.train.recipe.settings import Recipe


_WARM = AHEAD + 1
_SAMPLE = 300
"""Films that are decoded into an empty cache."""
_SIZED = 30
"""Films whose size is measured."""


def measure(
    recipe: Recipe, root: Path, cache: Path | None, progress: Progress, steps: int, rounds: int
) -> dict[str, Any]:
    """Films per second of several ways to train, measured in turns so that other load affects all.

    Args:
        recipe: The recipe, whose last phase is measured.
        root: Data folder.
        cache: Folder for decoded films; None for the user's cache.
        progress: Shows how many rounds are done.
        steps: Steps of each way in a round.
        rounds: Number of rounds; medians over them are reported.

    Returns:
        ``random``: the network on one batch in memory, the upper limit; ``later``: this training
        with decoded films, augmentation and averaging; ``decode``: reading and resizing files into
        an empty cache; ``first``: the first epoch, which builds the cache before it trains,
        calculated from these two; ``notebook``: decoding and augmenting film by film in every
        epoch, as Keras' ImageDataGenerator does, on the same network; ``later_share``,
        ``speedup_first``, ``speedup_later``: ratios; ``films`` and ``megapixels``: the number of
        training films and their median size.

    Raises:
        DataError: Keras cannot read films of this kind.
    """
    films = load_films(recipe, root, cache, progress)
    paths = [films.files[row] for row in films.rows("train")]
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(recipe, films, Path(folder), progress, steps)
        ready = next(trainer.batches.of(Position(len(trainer.phases) - 1, 0, 0)))
        notebook = _notebook(trainer, paths, recipe, ready)
        seconds = _rounds(trainer, ready, notebook, progress, steps, rounds)
        sample = paths[:: max(1, len(paths) // _SAMPLE)]
        began = time.perf_counter()
        cached(sample, recipe.source_size, Path(folder), lambda _done, _total: None)
        decode = len(sample) / (time.perf_counter() - began)
    films_per_round = steps * recipe.batch_size
    rates = {name: films_per_round / median(times) for name, times in seconds.items()}
    ratios = [r / o for r, o in zip(seconds["random"], seconds["later"], strict=True)]
    first = 1 / (1 / decode + 1 / rates["later"])
    return {
        **rates,
        "decode": decode,
        "first": first,
        "later_share": median(ratios),
        "later_share_range": [min(ratios), max(ratios)],
        "speedup_first": first / rates["notebook"],
        "speedup_later": rates["later"] / rates["notebook"],
        "films": len(paths),
        "megapixels": median(
            images.read(path).pixels.size / 1e6 for path in sample[:: max(1, len(sample) // _SIZED)]
        ),
        "recipe": recipe.name,
        "steps": steps,
        "rounds": rounds,
    }


def _trainer(
    recipe: Recipe, films: FilmSet, folder: Path, progress: Progress, steps: int
) -> loop.Trainer:
    """A trainer in the recipe's last phase, with enough batches in an epoch for one round."""
    # New views each time: cached features would measure another network.
    fresh = replace(recipe, cached_views=0)
    trainer = loop.begin(fresh, films, folder, None, progress)
    trainer.freezes = recipe.batch_norm_frozen  # as with pretrained weights
    # If there are fewer films than a round takes, they are repeated.
    batches = trainer.batches
    batches.steps = max(batches.steps, steps + _WARM)
    batches.rows = np.resize(batches.rows, batches.steps * recipe.batch_size)
    trainer.model = keras_model.build(recipe, len(films.names), None)
    # With a graph, as in a training of many films.
    trainer.prepare(trainer.phases[-1], FEW_STEPS + 1)
    return trainer


def _rounds(
    trainer: loop.Trainer,
    ready: Batch,
    notebook: Callable[[], None],
    progress: Progress,
    steps: int,
    rounds: int,
) -> dict[str, list[float]]:
    """Seconds of each round by way of training; a first round warms up and is not counted."""
    last = len(trainer.phases) - 1
    seconds: dict[str, list[float]] = {"random": [], "later": [], "notebook": []}
    for round_ in range(rounds + 1):
        batches = trainer.batches.of(Position(last, round_, 0))
        # Batches prepared before the clock starts would make augmentation look free.
        for _ in range(_WARM):
            trainer.learn(next(batches))
        ways: dict[str, Callable[[], object]] = {
            "later": lambda batches=batches: trainer.learn(next(batches)),  # type: ignore[misc]
            "random": lambda: _floor(trainer, ready),
            "notebook": notebook,
        }
        for name, step in ways.items():
            began = time.perf_counter()
            for _ in range(steps):
                step()
            if round_:
                seconds[name].append(time.perf_counter() - began)
            if name == "later":
                batches.close()  # waits for batches that are still being prepared
        progress.count("measuring", round_ + 1, rounds + 1)
    return seconds


def _floor(trainer: loop.Trainer, batch: Batch) -> None:
    x, y, weight = batch
    trainer.trainee.train_on_batch(x, y, sample_weight=weight)


def _notebook(
    trainer: loop.Trainer, paths: list[Path], recipe: Recipe, ready: Batch
) -> Callable[[], None]:
    """One step as in notebooks: files decoded and augmented one by one, in the training's thread.

    Targets and weights are those of a ready batch.
    """
    from tensorflow import keras as tf_keras

    pictures = tf_keras.preprocessing.image
    generator = pictures.ImageDataGenerator(
        rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1,
        horizontal_flip=True,
    )  # fmt: skip
    try:
        pictures.load_img(paths[0])
    except OSError as error:
        raise DataError(
            f"{paths[0]}: Keras' ImageDataGenerator cannot read it",
            "Name a folder of JPEG or PNG films, as the notebooks have.",
        ) from error
    size, rng = (recipe.size, recipe.size), np.random.default_rng(0)

    def step() -> None:
        films = []
        for i in rng.integers(0, len(paths), recipe.batch_size):
            film = pictures.load_img(paths[i], color_mode="grayscale", target_size=size)
            films.append(generator.random_transform(pictures.img_to_array(film)))
        x = np.stack(films).astype(np.uint8)
        # A film that is composed of two comes with its parts; those of the ready batch serve as well.
        more = ready[0][1:] if isinstance(ready[0], tuple) else ()
        _floor(trainer, ((x, *more) if more else x, *ready[1:]))

    return step
