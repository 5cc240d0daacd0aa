"""The films that a recipe trains on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import data
from pneumoscope.data.cache import cache_home, cached, cached_readable
from pneumoscope.data.sources import left_out_by
from pneumoscope.errors import DataError
from pneumoscope.train.data.lung_masks import cached_masks
from pneumoscope.train.validation.scores import measurable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

SPLIT_SEED = 20180222
"""One split for all recipes, so that their figures can be compared (the day of Kermany's paper)."""
OTHERS = 2000
"""Films of other patients, at most, from which the gate learns."""
NO_MASKS_HINT = (
    "Name their folder with --masks DIR. `pneumoscope data masks DATA --bundle children --to DIR` draws masks, and "
    "other recipes, such as flagship, need none."
)
"""For a recipe that reads the lungs, and films without lung masks."""
_SIDES = ("train", "validation")


def load_films(
    recipe: Recipe,
    root: Path,
    cache: Path | None,
    progress: Progress,
    masks: Sequence[Path] = (),
    *,
    skip_broken: bool = False,
) -> data.FilmSet:
    """Reads, decodes and splits the films of a data folder.

    Args:
        recipe: Its task, split and source size are used.
        root: The data folder or manifest.
        cache: Folder for decoded films; None for the user's cache.
        progress: Shows how many films are decoded.
        masks: Folders of lung masks, beside those that the data names.
        skip_broken: Whether films that cannot be read are left out.

    Raises:
        DataError: See `pneumoscope.data.load` and `population_of`; also if the recipe needs lung masks
            and no training film has one.
    """
    reads_lungs = recipe.head == "lungs"
    if reads_lungs and not masks:
        listing = data.find(root, recipe.negative)
        if not any(entry.mask for entry in listing.entries):  # before any film is decoded
            raise _no_masks(root)
    films = split_films(
        recipe, root, cache, progress.counter("reading films"), masks, skip_broken=skip_broken
    )
    if not reads_lungs:
        return films
    paths = films.masks or (None,) * len(films.films)
    counter = progress.counter("reading lung masks")
    lungs = cached_masks(paths, cache or cache_home(), counter)
    if not lungs.known[films.rows("train")].any():
        raise _no_masks(root)
    return replace(films, lungs=lungs)


def _no_masks(root: Path) -> DataError:
    return DataError(f"{root}: no training film has a lung mask", NO_MASKS_HINT)


def split_films(
    recipe: Recipe,
    root: Path,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    masks: Sequence[Path] = (),
    *,
    skip_broken: bool = False,
) -> data.FilmSet:
    """As `load_films`, without the pixels of lung masks.

    Args:
        recipe: Its task, split and source size are used.
        root: The data folder or manifest.
        cache: Folder for decoded films; None for the user's cache.
        progress: Called with (films done, films in all) while films are decoded.
        masks: Folders of lung masks, beside those that the data names.
        skip_broken: Whether films that cannot be read are left out.
    """
    return data.load(
        root,
        recipe.source_size,
        task=recipe.task,
        split=recipe.split,
        share=recipe.validation,
        seed=SPLIT_SEED,
        masks=masks,
        population=population_of(recipe),
        negative=recipe.negative,
        skip_broken=skip_broken,
        cache=cache,
        progress=progress,
    )


def population_of(recipe: Recipe) -> tuple[str, ...]:
    """The recipe's population without the sources that its split leaves out; empty for all patients.

    Raises:
        DataError: The split leaves the whole population out.
    """
    left_out = left_out_by(recipe.split)
    population = tuple(source for source in recipe.population if source not in left_out)
    if recipe.population and not population:
        raise DataError(
            f"the population of the recipe, {', '.join(recipe.population)}, is left out",
            "Leave a part of it out, or another source.",
        )
    return population


def other_patients(
    films: data.FilmSet,
    root: Path | None,
    cache: Path | None,
    progress: Progress,
    *,
    skip_broken: bool = False,
) -> NDArray[np.uint8]:
    """Films of patients outside the population, from which the gate learns to recognise them.

    Args:
        films: The films of the training; those of sources outside its population count.
        root: Another data folder or manifest, all of whose films count; its labels are not used.
        cache: Folder for decoded films; None for the user's cache.
        progress: Shows how many films are decoded.
        skip_broken: Whether films that cannot be read are left out.

    Returns:
        uint8 (n, side, side) of the side of ``films``, at most `OTHERS` of each; n may be 0.

    Raises:
        DataError: The folder cannot be listed, or a film cannot be read.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    side = films.pixels.shape[1]
    drawn = np.sort(rng.permutation(np.flatnonzero(~films.in_population))[:OTHERS])
    parts = [films.pixels[drawn]]
    if root is not None:
        paths = [entry.path for entry in data.find(root).entries]
        chosen = [paths[i] for i in np.sort(rng.permutation(len(paths))[:OTHERS])]
        counter = progress.counter("reading films of other patients")
        read = cached_readable if skip_broken else cached
        parts.append(read(chosen, side, cache or cache_home(), counter)[0])
    return np.concatenate(parts)


def check_films(films: data.FilmSet) -> None:
    """Raises `DataError` if the task cannot be learned, or cannot be measured, on these films."""
    if films.task == "multilabel":
        _check_findings(films)
        return
    for split in _SIDES:
        if set(films.labels[films.rows(split)]) != set(range(len(films.names))):
            raise DataError("too few patients to hold some out of every class", "Add films.")
    if films.negative is None:
        raise DataError(
            f"no class of {', '.join(films.names)} means that nothing was found",
            "Name it with --negative NAME (in a recipe: negative), or call the class NORMAL.",
        )


def _check_findings(films: data.FilmSet) -> None:
    if len(films.names) < 2:
        raise DataError(
            f"only one finding, {films.names[0]}", "Use the task binary for one finding."
        )
    learnable, measured = (set(measurable(films.targets[films.rows(s)]).tolist()) for s in _SIDES)
    if unknown := [name for i, name in enumerate(films.names) if i not in learnable]:
        raise DataError(
            f"no training films are known both with and without {', '.join(unknown)}",
            "Leave the column out, or add films.",
        )
    if not measured:
        raise DataError(
            "no finding has validation films both with and without it",
            "Add films, or hold out more patients.",
        )
