"""Two small bundles for two populations, told apart by the age or by the grey level of a film."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.bundle import GATE, Bundle, write_bundle
from pneumoscope.decision.gate import OTHER_PATIENTS
from pneumoscope.records import Population
from tiny import tiny_files, tiny_meta

CHILDREN = Population("children in tests", (1.0, 5.0), ())
ADULTS = Population("adults in tests", (18.0, 90.0), ())
LIMIT = 0.5


def population_bundle(
    folder: Path, *, dark: bool | None = None, slope: float = 20, **changes: Any
) -> Bundle:
    """The tiny bundle with a gate that takes dark films, or bright ones, for its own population.

    With m the film's mean grey level / 255, the log odds of other patients are ``slope`` times
    m - 0.5 for ``dark``, and the opposite for not ``dark``; without it the gate has no such score.
    """
    parts = folder.with_name(f"{folder.name}-parts")
    files = tiny_files(parts, features=True)
    mean = np.full(64, slope / 64, np.float32)
    heads = {
        "kinds": np.array(["frontal"]),
        "weights": np.zeros((64, 1), np.float32),
        "bias": np.zeros(1, np.float32),
        "mirror": np.append(0 * mean, np.float32(-9.0)),
    }
    limits = {}
    if dark is not None:
        others = np.append(mean, np.float32(-slope / 2))
        heads["others"] = others if dark else -others
        limits[OTHER_PATIENTS] = LIMIT
    np.savez(parts / GATE, **heads)
    files[GATE] = parts / GATE
    measured = {"plain": {"films": 10, "refused": 0.1}}
    meta = tiny_meta(
        **({"name": folder.name, "gate": {"limits": limits, "measured": measured}} | changes)
    )
    return write_bundle(folder, meta, files)


def children_and_adults(folder: Path) -> dict[str, Bundle]:
    """``children``, of dark films and kinds of pneumonia, and ``adults``, of bright films, ABNORMAL."""
    adults = {
        "labels": ("normal", "opacity", "other"),
        "positive": "ABNORMAL",
        "kinds": (),
        "kinds_warning": "",
        "population": ADULTS,
    }
    return {
        "children": population_bundle(folder / "children", dark=True, population=CHILDREN),
        "adults": population_bundle(folder / "adults", dark=False, **adults),
    }
