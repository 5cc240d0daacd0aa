"""Where a training reads and writes. It needs no Keras, so a command can report a wrong path at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a training reads and writes.

    Attributes:
        data: Folder of the films.
        run: Run folder; the bundle is written into its folder ``bundle``.
        weights: ``"imagenet"`` for Keras' download, a file, the folder of a finished run, or ``"none"``.
        cache: Folder for decoded films; None for the user's cache.
        pictures: Folder of pictures that the gate learns to refuse, see
            `pneumoscope.train.gate.pictures`; None for drawn ones only.
        masks: Folders of lung masks, beside those that the data names.
        others: Data folder or manifest of chest films of other patients, which the gate learns to
            tell from the population's; None for those that the training data has.
        skip_broken: Whether films that cannot be read are left out.
        averaged: Folders of finished runs whose weights are averaged, in place of a training.
        limits_from: Folder of trainings that each left a source out: the limit of the positive verdict is
            to hold in these sources, too; None for the validation films only.
        soft_labels_from: Run folder whose soft labels are used; None if the recipe's own networks give them.
    """

    data: Path
    run: Path
    weights: str
    cache: Path | None = None
    pictures: Path | None = None
    masks: tuple[Path, ...] = ()
    others: Path | None = None
    skip_broken: bool = False
    averaged: tuple[Path, ...] = ()
    limits_from: Path | None = None
    soft_labels_from: Path | None = None
