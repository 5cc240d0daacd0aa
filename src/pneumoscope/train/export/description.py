"""What ``bundle.json`` says about a training, except its gate and the limits of its heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.bundle import BundleMeta
from pneumoscope.data.sources import left_out_by, unsupported
from pneumoscope.records import Population, fold_of
from pneumoscope.train.data.films import SPLIT_SEED
from pneumoscope.train.recipe.reading import resolved

if TYPE_CHECKING:
    from pneumoscope.data import FilmSet
    from pneumoscope.train.recipe.settings import Recipe
    from pneumoscope.train.validation.calibrate import Calibrated

INTENDED_USE = (
    "Research and teaching on frontal chest radiographs. Not a medical device; not for diagnosis, "
    "triage or any decision about a patient."
)


def describe(
    recipe: Recipe, films: FilmSet, calibrated: Calibrated, validation: dict[str, Any]
) -> BundleMeta:
    """The content of ``bundle.json``, without ``gate`` and ``explanation``.

    Args:
        recipe: What was trained.
        films: All films, with their splits.
        calibrated: What was fitted on the validation films.
        validation: Figures on validation films.
    """
    sheet, negative = films.sheet, _negative_of(films)
    kinds = sheet.kinds_of(films.names, negative)
    return BundleMeta(
        name=recipe.name,
        version=recipe.version,
        task=films.task,
        labels=films.names,
        negative=negative,
        positive=positive_of(films),
        kinds=kinds,
        kinds_warning=sheet.warning_of(kinds),
        warnings=sheet.warnings,
        size=recipe.size,
        source_size=recipe.source_size,
        calibration=calibrated.calibration,
        conformal=calibrated.conformal,
        operating_points=calibrated.points,
        default_operating_point=calibrated.points[0].name,
        population=sheet.population
        or Population(f"the patients of the training films ({films.source})", None, ()),
        intended_use=INTENDED_USE,
        recipe=resolved(recipe),
        data={
            "source": films.source,
            "attribution": sheet.attribution,
            "licence": sheet.licence,
            **_split(recipe.split),
            "warnings": list(films.warnings),
            "manifest_sha256": films.manifest_sha256,
            "films_sha256": films.films_sha256,
            "split_seed": SPLIT_SEED,
            "films": {split: _films_of_each(films, split) for split in _splits(films)},
            **({"broken": len(films.broken)} if films.broken else {}),
            **_sources(films),
        },
        validation=validation,
    )


def positive_of(films: FilmSet) -> str:
    """Name of the verdict on a film that is not negative."""
    return films.sheet.positive_name(films.names, _negative_of(films))


def _negative_of(films: FilmSet) -> str | None:
    return None if films.task == "multilabel" else films.names[0]


def _split(split: str) -> dict[str, Any]:
    """How validation films were drawn, and the sources or the fold that were left out, if any were."""
    left_out = left_out_by(split)
    if fold := fold_of(split):
        return {"split": "patient", "fold": fold[0], "folds": fold[1]}
    return {"split": "patient", "left_out": list(left_out)} if left_out else {"split": split}


def _sources(films: FilmSet) -> dict[str, Any]:
    """Films by source, and the pairs of classes that no source has both of; nothing without sources."""
    by_split = {split: films.counts_by_source(split) for split in ("train", "validation")}
    if not any(by_split.values()):
        return {}
    pairs = unsupported(by_split["train"], films.names)
    population = {"population": list(films.population)} if films.population else {}
    return {**population, "sources": by_split, "unsupported": [list(pair) for pair in pairs]}


def _splits(films: FilmSet) -> tuple[str, ...]:
    """The splits that have films: those of a fold of a cross-validation are for testing."""
    return ("train", "validation", *(("test",) if len(films.rows("test")) else ()))


def _films_of_each(films: FilmSet, split: str) -> dict[str, int]:
    targets = films.targets[films.rows(split)]
    return {label: int((targets[:, i] == 1).sum()) for i, label in enumerate(films.names)}
