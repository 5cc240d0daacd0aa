"""Lung masks of films, drawn by a network that looks for lungs.

Hand-drawn masks exist for few collections. A network that was trained on them gives masks for films of
other hospitals, which the next training takes like drawn ones. Look at some before you use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pneumoscope.data.masks import mask_name
from pneumoscope.errors import BundleMismatch, ImageError
from pneumoscope.files import write_png
from pneumoscope.images import SOURCE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.runtime.classifier import Classifier

SIDE = SOURCE_SIZE
"""Side of a mask in pixels; the network's field is much coarser."""
_LEAST = 0.02
"""Share of the picture that both lungs cover at least; the smallest of V7's 5,205 drawn masks covers 0.14."""


@dataclass(frozen=True, slots=True)
class DrawnMasks:
    """What `draw_masks` did.

    Attributes:
        written: Masks that were written.
        empty: Names of films on which the network sees no lungs; they get no mask.
        unreadable: Names of films that cannot be read, each with the reason.
    """

    written: int
    empty: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]


def draw_masks(
    classifier: Classifier,
    films: Sequence[tuple[str, Path]],
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> DrawnMasks:
    """Writes a mask for each film, as `pneumoscope.data.masks` reads them.

    Args:
        classifier: With a bundle whose network looks for lungs.
        films: Name of each film, a relative path with ``/``, and its file.
        folder: Gets ``NAME.png`` for the film ``NAME.jpeg``, see `mask_name`: grey, 255 on the lungs, 0 elsewhere.
        progress: Called with (films done, films in all).

    Raises:
        BundleMismatch: The bundle's network does not look for lungs.
        DiskFull: A mask does not fit.
    """
    written, empty, unreadable = 0, [], []
    for done, (name, path) in enumerate(films):
        progress(done, len(films))
        try:
            pixels = classifier.prepare(path).pixels
        except ImageError as error:
            unreadable.append((name, str(error)))
            continue
        fields = classifier.run(pixels[None, ..., None]).lungs
        if fields is None:
            raise BundleMismatch(classifier.bundle.path.name, "its network does not look for lungs")
        mask = mask_of(fields[0])
        if (mask > 0).mean() < _LEAST:
            empty.append(name)
        else:
            target = folder / mask_name(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_png(target, mask)
            written += 1
    progress(len(films), len(films))
    return DrawnMasks(written, tuple(empty), tuple(unreadable))


def mask_of(field: NDArray[np.floating], side: int = SIDE) -> NDArray[np.uint8]:
    """A lung field (h, w) in [0, 1] as a mask, uint8 (side, side): 255 where it is above 0.5."""
    picture = Image.fromarray(np.asarray(field, np.float32))
    smooth = picture.resize((side, side), Image.Resampling.BICUBIC)
    return np.where(np.asarray(smooth) > 0.5, 255, 0).astype(np.uint8)
