"""Which files below a data folder are films: not masks, whatever their format."""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.images.formats import has_film_ending
from pneumoscope.images.sources import is_system_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MASKS = r"(lung|left|right|binary)?masks?"
# People wear other masks: "without mask", "N95-mask", "oxygen mask".
_WORN = (
    r"(?!with[\s_\-]*mask$)"
    r"(?!(.*[\s_\-])?(no|non|without|wearing|k?n95|ffp\d?|face|facial|gas|surgical|oxygen|o2|breathing)"
    r"[\s_\-]*masks?)"
)
_BEHIND = r"([\s_\-]+(?![\s_\-]|(on|off|worn)([\s_\-]|$)).*)?"
_SEGMENTATION = re.compile(r"(lungs?[\s_\-]*)?seg(mentation)?s?", re.IGNORECASE)
# "masks", "lung masks", "ManualMask", "leftMask", "infection_masks", "masks_png"; "segmentations",
# "Ground-truths", "heatmaps" and "overlays" that a notebook drew.
_FOLDER = re.compile(
    rf"{_WORN}(^|.*[\s_\-]|(?-i:.*[a-z](?=M))){_MASKS}{_BEHIND}"
    rf"|{_SEGMENTATION.pattern}|annotations|ground[\s_\-]*truths?|gt|heat[\s_\-]*maps?|overlays?",
    re.IGNORECASE,
)
# "CHNCXR_0001_0_mask.png", "1_mask_left.png", "1Mask.png", "1_seg.png", "mask_covid_1.png".
_FILE = re.compile(
    rf"{_WORN}(.*[\s_\-.]|(?-i:.*[a-z0-9](?=M))){_MASKS}([\s_\-]*(lungs?|left|right|\d+))?"
    r"|.*[\s_\-.]seg(mentation)?|masks?[\s_\-].*",
    re.IGNORECASE,
)


def is_mask(path: PurePath) -> bool:
    """Whether a picture is a mask by the name of a folder or of the file.

    Args:
        path: Relative to the data folder, whose own name does not count.
    """
    return any(map(is_mask_folder, path.parts[:-1])) or bool(_FILE.fullmatch(path.stem))


def is_mask_folder(name: str) -> bool:
    """Whether a folder of this name contains masks."""
    return _FOLDER.fullmatch(name) is not None


def holds_masks(folder: Path) -> bool:
    """Whether a folder contains masks by its name.

    A set for segmentation is called like its masks, and has folders of films and of masks:
    ``Lung Segmentation/CXR_png`` and ``Lung Segmentation/masks``.
    """
    return is_mask_folder(folder.name) and not (
        _SEGMENTATION.fullmatch(folder.name)
        and any(is_mask_folder(inner.name) for inner in folders_in(folder))
    )


def stem_of(name: str) -> str:
    """A film's name without the ending of a picture; a UID, which has dots too, stays as it is."""
    return name.rpartition(".")[0] if has_film_ending(name) else name


def films_below(folder: Path) -> Iterator[Path]:
    """The films below a folder, sorted, folder by folder; without masks, hidden and other files."""
    return (path for path, is_masked in _pictures_below(folder) if not is_masked)


def masks_below(folder: Path) -> int:
    """Number of pictures below a folder that are masks by their names."""
    return sum(is_masked for _, is_masked in _pictures_below(folder))


def _pictures_below(root: Path) -> Iterator[tuple[Path, bool]]:
    """The pictures below a folder, and whether each is a mask, by its name or by that of a folder below the root."""

    @cache
    def of_masks(folder: Path) -> bool:
        return folder != root and (holds_masks(folder) or of_masks(folder.parent))

    for path in images.film_files(root):
        yield path, of_masks(path.parent) or is_mask(PurePath(path.name))


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder, sorted; without hidden ones and those of a system, such as recycle bins."""
    if not parent.is_dir():
        return []
    return sorted(p for p in parent.iterdir() if p.is_dir() and not is_system_folder(p.name))
