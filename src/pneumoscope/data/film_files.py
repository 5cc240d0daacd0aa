"""Which files below a data folder are films: not masks, whatever their format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.images.formats import has_film_ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePath

# "masks", "lung masks", "ManualMask", "leftMask", "infection_masks"; "segmentations", "Ground-truths",
# "heatmaps" and "overlays" that a notebook drew.
_FOLDER = re.compile(
    r"(^|.*[\s_\-]|(?-i:.*[a-z](?=M)))masks?"
    r"|(lung[\s_\-]*)?seg(mentation)?s?|annotations|ground[\s_\-]*truths?|gt|heat[\s_\-]*maps?|overlays?",
    re.IGNORECASE,
)
# "CHNCXR_0001_0_mask.png", "mask_covid_1.png".
_FILE = re.compile(r".*[\s_\-.](lung)?masks?|masks?[\s_\-].*", re.IGNORECASE)


def is_mask(path: PurePath) -> bool:
    """Whether a picture is a mask by the name of a folder or of the file.

    Args:
        path: Relative to the data folder, whose own name does not count.
    """
    return any(_FOLDER.fullmatch(part) for part in path.parts[:-1]) or bool(
        _FILE.fullmatch(path.stem)
    )


def is_mask_folder(name: str) -> bool:
    """Whether a folder of this name contains masks."""
    return _FOLDER.fullmatch(name) is not None


def stem_of(name: str) -> str:
    """A film's name without the ending of a picture; a UID, which has dots too, stays as it is."""
    return name.rpartition(".")[0] if has_film_ending(name) else name


def films_below(folder: Path) -> Iterator[Path]:
    """The films below a folder, sorted, folder by folder; without masks, hidden and other files."""
    return (path for path in images.film_files(folder) if not is_mask(path.relative_to(folder)))


def masks_below(folder: Path) -> int:
    """Number of pictures below a folder that are masks by their names."""
    return sum(is_mask(path.relative_to(folder)) for path in images.film_files(folder))


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder, sorted; without hidden ones and macOS' shadow folders."""
    if not parent.is_dir():
        return []
    return sorted(
        p for p in parent.iterdir() if p.is_dir() and p.name[0] != "." and p.name != "__MACOSX"
    )
