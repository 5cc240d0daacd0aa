"""The films that a bundle was trained on, if the data reproduce its split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope import data
from pneumoscope.data.listing import for_task, without
from pneumoscope.data.sources import leave_out
from pneumoscope.data.spelling import with_negative
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.data import FilmSet
    from pneumoscope.data.listing import Listing

    Progress = Callable[[int, int, str], None]


def training_films(
    root: Path, listing: Listing, meta: BundleMeta, cache: Path | None, progress: Progress
) -> FilmSet | None:
    """The bundle's training and validation films; None if these data do not reproduce its split.

    Args:
        root: Data folder or manifest.
        listing: Its films.
        meta: Metadata of the bundle, with the record of its training.
        cache: Folder for decoded films; None for the user's.
        progress: Called with (films done, films in all, step).
    """
    recipe, record = meta.recipe, meta.data
    wanted: Mapping[str, Any] = record.get("films", {})
    if not {"manifest_sha256", "split_seed"} <= record.keys() or not recipe:
        return None
    try:
        negative = recipe.get("negative", "")
        named = with_negative(listing, negative)
        if not _counts_match(leave_out(named, recipe["split"]), meta, wanted):
            return None
        films = data.load(
            root,
            meta.source_size,
            task=meta.task,
            split=recipe["split"],
            share=recipe["validation"],
            seed=record["split_seed"],
            population=record.get("population", ()),
            negative=negative,
            skip_broken=bool(record.get("broken")),
            cache=cache,
            progress=lambda done, total: progress(done, total, "looking for training films"),
        )
    except DataError:  # not the training's films, which it could read
        return None
    return films if films.manifest_sha256 == record["manifest_sha256"] else None


def _counts_match(listing: Listing, meta: BundleMeta, wanted: Mapping[str, Any]) -> bool:
    """Whether the data have as many films of each label as the training; decodes nothing."""
    if not {"train", "validation"} <= wanted.keys():
        return False
    # A training of a cross-validation also has the films of its fold, for testing.
    trained = {name: sum(counts.get(name, 0) for counts in wanted.values()) for name in meta.labels}
    for splits in (("test", "validation"), ("test",)):
        try:
            labelled = for_task(without(listing, *splits), meta.task)
        except DataError:
            continue
        counts = {
            name: sum(t[i] == 1.0 for t in labelled.targets)
            for i, name in enumerate(labelled.names)
        }
        if not set(meta.labels) <= counts.keys():
            continue  # folders NORMAL and PNEUMONIA, kinds in the bundle
        surplus = [counts[name] - trained[name] for name in meta.labels]
        # Broken films were left out of the training.
        if min(surplus) >= 0 and sum(surplus) == meta.data.get("broken", 0):
            return True
    return False
