"""The tuberculosis sets of Shenzhen and Montgomery County (Jaeger et al. 2014), labelled by file name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope.data.film_files import films_below, masks_below
from pneumoscope.data.listing import Entry, Listing, one_hot

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("normal", "abnormal")
"""What the last digit of a name says: 0 or 1. Abnormal films show signs of tuberculosis."""
_NAME = re.compile(r"(CHN|MCU)CXR_(\d+)_([01])", re.IGNORECASE)
_SOURCES = {"CHN": "Shenzhen", "MCU": "Montgomery"}


def tuberculosis_films(root: Path) -> list[Path]:
    """The films below a folder, if all are called like ``CHNCXR_0001_0.png``; else nothing."""
    films = []
    for path in films_below(root):
        if not _NAME.fullmatch(path.stem):
            return []
        films.append(path)
    return films


def read_tuberculosis(films: list[Path], root: Path) -> Listing:
    """Lists the films that `tuberculosis_films` found. Every film is of another patient."""
    entries = []
    for path in films:
        match = _NAME.fullmatch(path.stem)
        if match is None:
            continue
        entries.append(
            Entry(
                path=path,
                name=path.relative_to(root).as_posix(),
                values=one_hot(int(match[3]), len(NAMES)),
                patient=f"{match[1].upper()}CXR_{match[2]}",
                keyed=True,
                split=None,
                source=_SOURCES[match[1].upper()],
            )
        )
    masks = masks_below(root)
    return Listing(
        layout="tuberculosis",
        findings=False,
        names=NAMES,
        entries=tuple(entries),
        source="Chest films of Shenzhen and Montgomery County (Jaeger et al. 2014), folder "
        f"{root.resolve().name}",
        warnings=(f"pictures that are masks by their names, left out: {masks:,}",) if masks else (),
    )
