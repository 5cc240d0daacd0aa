"""The trainings of a cross-validation, checked before the first begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope.errors import DataError
from pneumoscope.records import fold_split
from pneumoscope.train.data.films import check_films, load_films
from pneumoscope.train.folds.results import folder_of

if TYPE_CHECKING:
    from pneumoscope.data import FilmSet
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One training of a cross-validation.

    Attributes:
        number: From 1.
        recipe: The recipe, with the split that keeps the fold for testing.
        films: All films, those of the fold in the split ``"test"``.
    """

    number: int
    recipe: Recipe
    films: FilmSet

    @property
    def folder(self) -> str:
        """Name of its run folder."""
        return folder_of(self.number)


def plan(recipe: Recipe, paths: Paths, progress: Progress) -> tuple[Fold, ...]:
    """The trainings of a recipe with folds, in their order; decodes the films.

    Args:
        recipe: Its ``folds`` is the number of trainings.
        paths: As for one training.
        progress: Shows how many films are decoded.

    Raises:
        DataError: See `load_films`; also if a class has too few patients for the folds, or if the films
            outside a fold cannot be trained on.
    """
    folds = []
    for number in range(1, recipe.folds + 1):
        changed = replace(recipe, split=fold_split(number, recipe.folds), folds=0)
        films = load_films(
            changed, paths.data, paths.cache, progress, paths.masks, skip_broken=paths.skip_broken
        )
        try:
            check_films(films)
        except DataError as error:
            raise DataError(f"without fold {number}: {error}", error.hint) from error
        folds.append(Fold(number, changed, films))
    return tuple(folds)
