"""Trainings that each leave one source of films out; all are planned and checked before the first begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from pneumoscope import data
from pneumoscope.data.listing import Labelled, for_task, without
from pneumoscope.data.masks import with_masks
from pneumoscope.data.sources import JOIN, leave_out, left_out_by
from pneumoscope.errors import DataError, UsageError
from pneumoscope.records import LEAVE_OUT
from pneumoscope.train.data.films import NO_MASKS_HINT, population_of
from pneumoscope.train.data.source_sampling import groups_of, shares_without

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.data.listing import Listing
    from pneumoscope.train.recipe.settings import Recipe

ALL = "all"
"""Stands for every source, or for every group of ``source_shares``."""


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """One training of the plan.

    Attributes:
        name: The sources that it leaves out, joined by ``+``.
        recipe: The recipe, with the split that leaves them out.
    """

    name: str
    recipe: Recipe

    @property
    def folder(self) -> str:
        """Name of its run folder: the name of the sources, without characters that a path cannot have."""
        return f"leave-out-{quote(self.name, safe=JOIN)}"


def plan(
    recipe: Recipe, root: Path, names: Sequence[str], masks: Sequence[Path] = ()
) -> tuple[LeaveOut, ...]:
    """The trainings of a recipe that leave sources out, one after the other; decodes nothing.

    Args:
        recipe: Its split is replaced.
        root: The data folder or manifest.
        names: Sources, or groups of sources joined by ``+``; ``"all"`` for each group of the recipe's
            ``source_shares``, or without these for each source that has films for training, except
            for the whole of the recipe's population.
        masks: Folders of lung masks, beside those that the data names.

    Raises:
        UsageError: The recipe has the task multilabel, or ``"all"`` is not the only name.
        DataError: See `data.find` and `sources.leave_out`; also if the films name no source or a single
            one, or if the films that remain cannot be trained on: one class, or one in a group of
            ``source_shares``, or no lung mask for a recipe that needs some.
    """
    if recipe.task == "multilabel":
        raise UsageError(
            "--leave-out compares healthy and ill films, and the task multilabel has no healthy class",
            "Use a recipe with the task binary or multiclass.",
        )
    listing = with_masks(data.find(root, recipe.negative), masks)
    known = sorted({e.source for e in listing.entries if e.split != "test"} - {""})
    if not known:
        raise DataError(
            f"{root}: no training film names its source (hospital or collection)",
            "`pneumoscope data manifest north=DIR south=DIR` writes a manifest with sources.",
        )
    if len(known) == 1:
        raise DataError(
            f"{root}: all training films are from the source {known[0]!r}",
            "Leaving a source out needs films of two or more.",
        )
    groups = _groups(recipe, known, names)
    trainings = tuple(
        LeaveOut(name, replace(recipe, split=f"{LEAVE_OUT}{name}")) for name in groups
    )
    for training in trainings:
        _check(training, listing)
    return trainings


def _groups(recipe: Recipe, known: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    if ALL not in names:
        by_sources: dict[frozenset[str], str] = {}
        for name in names:
            by_sources.setdefault(frozenset(name.split(JOIN)), name)
        return tuple(by_sources.values())
    if len(set(names)) > 1:
        raise UsageError(
            f"--leave-out {ALL} is every source already", f"Use {ALL}, or name the sources."
        )
    groups = tuple(group for group, _ in recipe.source_shares) or tuple(known)
    whole = {*recipe.population}
    return tuple(group for group in groups if not whole or whole - {*group.split(JOIN)})


def _check(training: LeaveOut, listing: Listing) -> None:
    """Raises `DataError` if the films that remain cannot be trained on."""
    recipe = training.recipe
    try:
        rest = leave_out(listing, recipe.split)
        labelled = for_task(without(rest, "test"), recipe.task)
        _check_classes(labelled, population_of(recipe))
        if recipe.head == "lungs" and not any(entry.mask for entry in labelled.entries):
            raise DataError("no film that remains has a lung mask", NO_MASKS_HINT)
        if recipe.source_shares:
            _check_shares(recipe, labelled)
    except DataError as error:
        left_out = {*left_out_by(recipe.split)}
        divided = [
            group
            for group, _ in recipe.source_shares
            if left_out & {*group.split(JOIN)} and not left_out >= {*group.split(JOIN)}
        ]
        hint = f"Leave the whole group out: --leave-out {divided[0]}." if divided else error.hint
        raise DataError(f"--leave-out {training.name}: {error}", hint) from error


def _check_classes(labelled: Labelled, population: Sequence[str]) -> None:
    classes = {
        labelled.names[target.index(1.0)]
        for entry, target in zip(labelled.entries, labelled.targets, strict=True)
        if not population or entry.source in population
    }
    if missing := [name for name in labelled.names if name not in classes]:
        whose = f" of the population {', '.join(population)}" if population else ""
        raise DataError(
            f"no film of the class {', '.join(missing)}{whose} remains", "Leave another source out."
        )


def _check_shares(recipe: Recipe, labelled: Labelled) -> None:
    shares = shares_without(recipe.source_shares, left_out_by(recipe.split))
    if not shares:
        raise DataError(
            "no group of source_shares remains", "Leave out a source of several, or of a group."
        )
    groups_of(
        np.arange(len(labelled.entries)),
        [entry.source for entry in labelled.entries],
        np.array([target.index(1.0) > 0 for target in labelled.targets]),
        shares,
    )
