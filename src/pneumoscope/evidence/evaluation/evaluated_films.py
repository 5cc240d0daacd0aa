"""The films of an evaluation, and whether they can have been training films: values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.data.boxes import Box
    from pneumoscope.data.check import Broken


@dataclass(frozen=True, slots=True)
class EvaluatedFilm:
    """One film of an evaluation.

    Attributes:
        path: Relative to the data folder.
        label: Its class, or its findings joined by ``" | "``.
        patient: Key of the patient; of the film itself where patients are not known.
        keyed: Whether ``patient`` is a patient's key.
        split: ``"train"``, ``"validation"``, ``"test"``, or ``""`` if unknown.
        file_sha256: SHA-256 of the file's bytes.
        pixels_sha256: SHA-256 of its pixels at 224 x 224, as in training manifests.
        columns: The requested columns of the manifest with this film's values (``""`` if unknown).
        source: Hospital or collection, or ``""``.
        mask: File of its lung mask, or None.
        boxes: What a reader drew; None if nobody looked.
        facts: ``"age"``, ``"sex"`` and ``"view"`` as far as the data's table gives them.
    """

    path: str
    label: str
    patient: str
    keyed: bool
    split: str
    file_sha256: str
    pixels_sha256: str
    columns: Mapping[str, str]
    source: str = ""
    mask: Path | None = None
    boxes: tuple[Box, ...] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages in years.

    Attributes:
        known: Number of films with an age.
        median: Median age; None if none is known, as the other two.
        low: First quartile.
        high: Third quartile.
    """

    known: int
    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Demographics:
    """The films of one label, or all.

    Attributes:
        label: The label; ``""`` for all films.
        films: Number of films.
        patients: Number of patients.
        ages: Their ages.
        counts: ``"sex"``, ``"view"`` and ``"source"`` to the number of films by value; facts that no
            film has are left out.
    """

    label: str
    films: int
    patients: int
    ages: Ages
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """The films that every bundle was evaluated on.

    Attributes:
        name: Name of the data folder or manifest.
        source: Where the films come from, a sentence without its full stop.
        layout: See `data.listing.Listing`.
        split: ``"validation"``, ``"test"``, ``"train"`` or ``"all"``: the films that were taken.
        chosen: Why these films, a sentence.
        films: Those that could be read.
        pixels: uint8 (films, 224, 224); not written to metrics.json.
        patients: Number of patients; where keys are missing each film counts as one.
        keyed: Number of films with a patient's key.
        broken: Films that could not be read.
        warnings: What is doubtful, in sentences.
        limits: The limitations of these films, in sentences.
        sha256: SHA-256 of the list of films (paths and file hashes).
        left_out: Reason to the number of films of the data that are not among them.
        demographics: Age, sex, view and source, of all films and by label; empty if none is known.
    """

    name: str
    source: str
    layout: str
    split: str
    chosen: str
    films: tuple[EvaluatedFilm, ...]
    pixels: NDArray[np.uint8]
    patients: int
    keyed: int
    broken: tuple[Broken, ...]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    sha256: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    demographics: tuple[Demographics, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingOverlap:
    """Whether these films can have been training films of a bundle.

    Attributes:
        known: Whether the bundle's training films can be identified in these data.
        films: Number of films with the pixels of a training film; None if unknown.
        patients: Number of films of training patients; None if unknown.
        words: The same as a sentence.
    """

    known: bool
    films: int | None
    patients: int | None
    words: str

    @property
    def doubtful(self) -> bool:
        """Whether training films may be, or are, among the evaluated ones."""
        return not self.known or bool(self.films) or bool(self.patients)
