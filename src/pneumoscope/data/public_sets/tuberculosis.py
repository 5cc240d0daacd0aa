"""The tuberculosis sets of Shenzhen and Montgomery County (Jaeger et al. 2014), labelled by file name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope.data.film_files import films_below, masks_below
from pneumoscope.data.folders import classes_with_films
from pneumoscope.data.listing import Entry, Listing, one_hot

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("normal", "abnormal")
"""What the last digit of a name says: 0 or 1. Abnormal films show signs of tuberculosis."""
_NAME = re.compile(r"(CHN|MCU)CXR_(\d+)_([01])", re.IGNORECASE)
_SOURCES = {"CHN": "Shenzhen", "MCU": "Montgomery"}


def tuberculosis_films(root: Path) -> list[Path]:
    """The films below a folder that are called like ``CHNCXR_0001_0.png``.

    Returns:
        Nothing if half of the films or more have other names, or if several folders of the root have films
        and one has another name: those folders are classes.
    """
    films, others = _by_name(root)
    if others and (len(others) >= len(films) or len(classes_with_films(root)) > 1):
        return []
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
    warnings = []
    if masks := masks_below(root):
        warnings.append(f"pictures that are masks by their names, left out: {masks:,}")
    if others := _by_name(root)[1]:
        warnings.append(f"films whose names tell no class, left out: {len(others):,}")
    return Listing(
        layout="tuberculosis",
        findings=False,
        names=NAMES,
        entries=tuple(entries),
        source="Chest films of Shenzhen and Montgomery County (Jaeger et al. 2014), folder "
        f"{root.resolve().name}",
        warnings=tuple(warnings),
    )


def _by_name(root: Path) -> tuple[list[Path], list[Path]]:
    """The films whose names tell a class, and the others."""
    films: list[Path] = []
    others: list[Path] = []
    for path in films_below(root):
        (films if _NAME.fullmatch(path.stem) else others).append(path)
    return films, others
