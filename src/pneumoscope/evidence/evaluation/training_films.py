"""The films that a bundle was trained on, if the data reproduce its split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope import data
from pneumoscope.data import listing
from pneumoscope.data.listing import Listing
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.data import FilmSet

    Progress = Callable[[int, int, str], None]


def training_films(
    root: Path, found: Listing, meta: BundleMeta, cache: Path | None, progress: Progress
) -> FilmSet | None:
    """The bundle's training and validation films, if these data give its very split again."""
    recipe, record = meta.recipe, meta.data
    wanted: Mapping[str, Any] = record.get("films", {})
    if not {"manifest_sha256", "split_seed"} <= record.keys() or not recipe:
        return None
    if not _counts_fit(found, meta, wanted):
        return None
    try:
        films = data.load(
            root,
            meta.source_size,
            task=meta.task,
            split=recipe["split"],
            share=recipe["validation"],
            seed=record["split_seed"],
            cache=cache,
            progress=lambda done, total: progress(done, total, "looking for training films"),
        )
    except DataError:  # other films than those of the training: it could read its own
        return None
    return films if films.manifest_sha256 == record["manifest_sha256"] else None


def _counts_fit(found: Listing, meta: BundleMeta, wanted: Mapping[str, Any]) -> bool:
    """Whether the data have as many films of each label as the training had: decodes nothing."""
    if not {"train", "validation"} <= wanted.keys():
        return False
    whole = {
        name: wanted["train"].get(name, 0) + wanted["validation"].get(name, 0)
        for name in meta.labels
    }
    for left_out in (("test", "validation"), ("test",)):
        try:
            labelled = listing.for_task(listing.without(found, *left_out), meta.task)
        except DataError:
            continue
        counts = {
            name: sum(t[i] == 1.0 for t in labelled.targets)
            for i, name in enumerate(labelled.names)
        }
        if counts == whole:
            return True
    return False
