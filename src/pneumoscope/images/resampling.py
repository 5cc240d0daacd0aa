"""From a film to what the network sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.records import ANTIALIAS, BILINEAR, Radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 2  # of what `read` and `model_input` make of a film; caches of older versions are void
SOURCE_SIZE = 224  # px; the training films were stored at 224 x 224


def model_input(
    film: Radiograph | NDArray[np.float32],
    size: int,
    source_size: int = SOURCE_SIZE,
    resize: str = ANTIALIAS,
) -> NDArray[np.uint8]:
    """What the network sees of a film: the only definition, for training and inference alike.

    The training films were stored at ``source_size`` squared (bilinear, aspect ratio not kept), so
    every other film takes that step first. An 8-bit film of that size passes it bit by bit.

    Args:
        film: A film, or its pixels: float32 (rows, columns) in [0, 1].
        size: Side of the model input in pixels.
        source_size: Side of the intermediate film in pixels.
        resize: How the film becomes the intermediate film: one of `pneumoscope.records.RESIZES`.

    Returns:
        uint8 (size, size), 0 to 255.
    """
    if isinstance(film, Radiograph) and film.levels is not None:
        return resample(resample(film.levels, source_size, resize), size)
    pixels = film.pixels if isinstance(film, Radiograph) else film
    # Adding one half and cutting rounds non-negative numbers; rint would cost a pass more.
    scaled = np.clip(pixels, 0.0, 1.0)
    scaled *= np.float32(255)
    scaled += np.float32(0.5)
    return resample(resample(scaled.astype(np.uint8), source_size, resize), size)


def resample(film: NDArray[np.uint8], size: int, resize: str = ANTIALIAS) -> NDArray[np.uint8]:
    """One step of `model_input`; training takes the second after its augmentation.

    Args:
        film: uint8 (rows, columns).
        size: Wanted side in pixels.
        resize: ``"antialias"``, bilinear with antialiasing, as Pillow's ``resize`` does it;
            ``"bilinear"`` between the four nearest pixels, as ``tf.image.resize`` and
            ``image_dataset_from_directory`` do it; ``"nearest"``, as ``load_img`` and
            ``ImageDataGenerator`` do it unless told otherwise.

    Returns:
        uint8 (size, size).
    """
    from PIL import Image

    if film.shape == (size, size):
        return film
    if resize == BILINEAR:
        rows, columns = film.shape
        # A transform looks at no more pixels than it interpolates between.
        image = Image.fromarray(film.astype(np.float32)).transform(
            (size, size),
            Image.Transform.EXTENT,
            (0, 0, columns, rows),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(np.rint(np.asarray(image)), np.uint8)
    if resize != ANTIALIAS:
        return np.array(Image.fromarray(film).resize((size, size), Image.Resampling.NEAREST))
    return np.array(Image.fromarray(film).resize((size, size), Image.Resampling.BILINEAR))
