"""What global statistics alone tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cv2")

import bright_films
from pneumoscope.data import Film, FilmSet
from pneumoscope.data.sheet import UNKNOWN
from pneumoscope.train.validation.baseline import statistics_baseline


def halves(*, viral: bool = False) -> FilmSet:
    """160 films, bright ill and dark healthy ones in turn; every third ill one viral if asked for.

    Half of them are for training: the trees need 20 films in a leaf.
    """
    films = bright_films.films()
    records = []
    for i in range(160):
        ill = i % 2
        is_viral = float(viral and ill and i % 3 == 0)
        split = "train" if i % 4 < 2 else "validation"
        records.append(Film(f"{i}.png", (1.0 - ill, ill - is_viral, is_viral), f"p{i}", "", split))
    return replace(
        films,
        films=tuple(records),
        pixels=np.concatenate([films.pixels] * 4),
        sheet=replace(UNKNOWN, kinds=("bacterial", "viral")),
    )


def test_brightness_alone_tells_bright_films() -> None:
    baseline = statistics_baseline(halves(), draws=20)
    assert set(baseline) == {"positive"}  # no viral film: the kinds cannot be compared
    assert baseline["positive"]["value"] == 1.0


def test_what_statistics_cannot_tell_is_chance() -> None:
    baseline = statistics_baseline(halves(viral=True), draws=20)
    assert baseline["positive"]["value"] == 1.0
    # Both kinds are equally bright.
    assert baseline["bacterial_against_viral"]["value"] == 0.5


def test_findings_are_asked_one_by_one() -> None:
    films = halves()
    targets = [(float(i % 2), None if i < 60 else float(i % 2), 1.0) for i in range(160)]
    records = tuple(
        Film(f.path, t, f.patient, f.sha256, f.split)
        for f, t in zip(films.films, targets, strict=True)
    )
    several = replace(films, task="multilabel", names=("edema", "mass", "device"), films=records)
    baseline = statistics_baseline(several, draws=20)
    assert set(baseline) == {"edema", "mass"}  # every film has the device
    assert baseline["edema"]["value"] == 1.0
    assert np.isfinite(baseline["mass"]["low"])
