"""Finished runs, and predictions that were made elsewhere."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import META, Bundle, open_bundle
from pneumoscope.errors import DataError
from pneumoscope.files import cause
from pneumoscope.records import AVERAGE, fold_of
from pneumoscope.train.folds.record import RECORD, finished_folds
from pneumoscope.train.folds.results import pooled, read_folds, thresholds
from pneumoscope.train.validation import classes, findings, learning, predictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pneumoscope.metrics import Weighted
    from pneumoscope.train.folds.results import FoldResult
    from pneumoscope.train.validation.predictions import Validation


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One finished run: its bundle and its predictions of the validation films.

    Attributes:
        bundle: Its bundle; of a cross-validation that of the first fold.
        validation: Predictions of the validation films; of a cross-validation those of all films, each
            by the network that has not seen it.
        folds: The folds of a cross-validation; else empty.
    """

    bundle: Bundle
    validation: Validation
    folds: tuple[FoldResult, ...] = ()

    @property
    def title(self) -> str:
        """Name and version of its recipe, and the number of folds, or the runs that it is the average of.

        An average is no further seed of its recipe.
        """
        start = str(self.bundle.meta.validation["start_weights"]["name"])
        if start.startswith(AVERAGE):
            members = re.sub(r" \([0-9a-f]{12}\)", "", start)
            return f"{self.bundle.title}, {members}"
        return f"{self.bundle.title}, {len(self.folds)} folds" if self.folds else self.bundle.title

    @property
    def recipe(self) -> dict[str, Any]:
        """Its recipe; of a cross-validation without the fold."""
        return {**self.bundle.meta.recipe, **({"split": "patient"} if self.folds else {})}

    @property
    def trainings(self) -> tuple[Mapping[str, Any], ...]:
        """The records of its trainings: one, or one for each fold."""
        bundles = [fold.bundle for fold in self.folds] or [self.bundle]
        return tuple(bundle.meta.validation for bundle in bundles)

    def measures(self, condition: str = predictions.PLAIN) -> dict[str, Weighted]:
        """Its figures at its default operating point; for several findings, their mean AUC."""
        return self.measures_of(self.validation, condition)

    def measures_of(
        self, films: Validation, condition: str = predictions.PLAIN
    ) -> dict[str, Weighted]:
        """The same figures on other films."""
        if self.bundle.meta.task == "multilabel":
            return {"auc": findings.macro_auc(films, condition)}
        if self.folds:
            return classes.measures(films, thresholds(self.folds), condition)
        return classes.measures(films, self.bundle.meta.operating_point().threshold, condition)

    def learned_nothing(self, draws: int) -> tuple[str, ...]:
        """Why it is of no use; empty for other runs."""
        if self.folds:
            return tuple(
                f"fold {fold.number}: {'; '.join(reasons)}"
                for fold in self.folds
                if (reasons := fold.bundle.meta.validation.get("learned_nothing", ()))
            )
        meta = self.bundle.meta
        return learning.learned_nothing(self.validation, meta.labels, meta.points(), draws)


def find(folders: Iterable[Path]) -> list[Run]:
    """The finished runs and cross-validations in or below some folders.

    Raises:
        DataError: No folder contains a run, or a run cannot be read.
    """
    folders = list(folders)
    runs = []
    for folder in folders:
        for file in sorted({*folder.glob(RECORD), *folder.glob(f"*/{RECORD}")}):
            if number := finished_folds(file):
                folds = read_folds(file.parent, number)
                runs.append(Run(folds[0].bundle, pooled(folds), folds))
        for meta in sorted({*folder.glob(f"bundle/{META}"), *folder.glob(f"*/bundle/{META}")}):
            bundle = open_bundle(meta.parent)
            if fold_of(str(bundle.meta.recipe.get("split", ""))) is not None:
                continue  # a part of a cross-validation
            runs.append(Run(bundle, predictions.load(meta.parents[1] / predictions.FILE)))
    if not runs:
        names = ", ".join(map(str, folders))
        raise DataError(
            f"{names}: no finished run there", "Name the folder that contains your runs."
        )
    return runs


def blind_predictions(files: Iterable[Path]) -> dict[str, dict[str, Validation]]:
    """Predictions per film that were made elsewhere: name of a set to SHA-256 of a bundle to films.

    Args:
        files: JSON, one record or a list of them: ``set`` (its name), ``bundle_sha256``, ``labels``
            (class names in the bundle's order), ``negative`` (the first of them) and ``films``, each
            with ``label`` (a class name), ``patient`` and ``probabilities`` (class name to
            probability). Of a bundle with several findings, ``labels`` are their names, ``negative`` is
            None, and films have ``targets`` (name to 1, 0, or None if it is not known) in place of
            ``label``.

    Raises:
        DataError: A file is missing or has other content.
    """
    by_set: dict[str, dict[str, Validation]] = {}
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            for record in content if isinstance(content, list) else [content]:
                by_bundle = by_set.setdefault(str(record["set"]), {})
                by_bundle[str(record["bundle_sha256"])] = _recorded(record)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f"{file}: not a record of predictions ({cause(error)})",
                "It needs set, bundle_sha256, labels, negative and films.",
            ) from error
    return by_set


def _recorded(record: dict[str, Any]) -> Validation:
    names, films = record["labels"], record["films"]
    if record["negative"] is None:
        truth = np.array([[_target(f["targets"][n]) for n in names] for f in films], np.float32)
    elif len(names) < 2 or names[0] != record["negative"]:
        raise ValueError("labels must be those of the bundle, the negative one first")
    else:
        truth = np.array([names.index(f["label"]) for f in films], np.intp)
    if not films:
        raise ValueError("it has no films")
    p = [[_probability(f["probabilities"][n]) for n in names] for f in films]
    return predictions.Validation(
        truth, tuple(str(f["patient"]) for f in films), {predictions.PLAIN: np.array(p)}
    )


def _target(value: Any) -> float:
    if value not in (0, 1, None):
        raise ValueError(f"target {value!r}: neither 0, 1 nor null")
    return math.nan if value is None else float(value)


def _probability(value: Any) -> float:
    # Python reads NaN in JSON as a number, and an AUC of it would be a number too. A network may round
    # to a little more than 1.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not -1e-6 <= value <= 1 + 1e-6:
        raise ValueError(f"probability {value!r}: no number between 0 and 1")
    return float(value)
