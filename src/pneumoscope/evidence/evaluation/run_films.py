"""The films of a training run, from the list in its folder: the bundle must not be judged by them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import Bundle

MANIFEST = "films.csv"
"""The list of films that `pneumoscope train` writes beside its bundle."""
TRAIN = "train"


@dataclass(frozen=True, slots=True)
class RunFilms:
    """The films of a run.

    Attributes:
        splits: File of each film, absolute, to ``"train"`` or ``"validation"``.
        hashes: SHA-256 of the pixels of all its films.
        trained: The same of its training films.
        patients: Patient keys of its training films.
    """

    splits: Mapping[Path, str]
    hashes: frozenset[str]
    trained: frozenset[str]
    patients: frozenset[str]


def run_films(bundle: Bundle) -> RunFilms | None:
    """The films of the run that wrote a bundle; None if there is no such list, or it is not readable."""
    file = bundle.path.parent / MANIFEST
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        splits = {(file.parent / row["path"]).resolve(): row["split"] for row in rows}
        trained = [row for row in rows if row["split"] == TRAIN]
        return RunFilms(
            splits=splits,
            hashes=frozenset(row["sha256"] for row in rows),
            trained=frozenset(row["sha256"] for row in trained),
            patients=frozenset(row["patient"] for row in trained),
        )
    except (OSError, KeyError, ValueError, csv.Error):
        return None
