"""Collected pictures that the gate learns to refuse: photographs, other radiographs, phantoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pneumoscope import images
from pneumoscope.data.table_files import read_rows
from pneumoscope.errors import DataError, ImageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MANIFEST = "manifest.csv"
"""In a folder of pictures: ``file``, ``kind`` and ``held_out`` (``True`` for those not to learn from)."""

CHEST_LIKE: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *("ct-slice", "mr-slice", "ultrasound", "phantom", "scintigram", "other-radiograph"),
            *("drr-abdomen", "drr-axial", "drr-skull"),
        ),
        "not-a-chest",
    ),
    "drr-lateral": "not-frontal",
}
"""Kind of a collected picture to the gate's reason; any other kind is not a radiograph."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Collected pictures that are not chest films.

    Attributes:
        films: uint8 (n, source_size, source_size).
        kinds: Kind of each, such as ``"photograph"``.
        held_out: bool (n,), pictures that the gate must not learn from.
    """

    films: NDArray[np.uint8]
    kinds: tuple[str, ...]
    held_out: NDArray[np.bool_]


def read_pictures(folder: Path, side: int) -> Pictures:
    """Pictures of a folder with a `MANIFEST`, as ``tools/gate_material.py`` writes it.

    Args:
        folder: The folder.
        side: Side in pixels to which the pictures are resampled.

    Raises:
        DataError: There is no manifest, or it lists something that cannot be read.
    """
    try:
        _, rows = read_rows(folder / MANIFEST)
        films = [images.model_input(images.read(folder / row["file"]), side, side) for row in rows]
        return Pictures(
            np.stack(films),
            tuple(row["kind"] for row in rows),
            np.array([_truth(row["held_out"]) for row in rows]),
        )
    except (DataError, KeyError, ValueError, ImageError) as error:
        raise DataError(
            f"{folder}: no collection of pictures ({cause(error)})",
            f"It needs {MANIFEST} with the columns file, kind and held_out.",
        ) from error


def _truth(text: str) -> bool:
    """Value of ``held_out``; an unclear one must not silently count as "learn from it"."""
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    if value is None:
        raise ValueError(f"held_out is {text!r}, neither True nor False")
    return value
