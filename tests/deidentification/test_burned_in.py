"""Text in the border of a film."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from planted import film_pixels
from pneumoscope.deidentification.burned_in import blank, text_sides


def written(text: str, place: tuple[int, int], size: int = 22) -> np.ndarray:
    """A smooth film of 600 x 500 pixels with text, float32 in [0, 1]."""
    image = Image.fromarray(film_pixels()).resize((500, 600))
    ImageDraw.Draw(image).text(place, text, fill=255, font=ImageFont.load_default(size))
    return np.asarray(image, np.float32) / 255


@pytest.mark.parametrize(("place", "side"), [((20, 10), "top"), ((20, 565), "bottom")])
def test_a_name_is_found_where_it_is(place: tuple[int, int], side: str) -> None:
    assert side in text_sides(written("DOE JANE 31.12.1956", place))


def test_a_marker_and_a_plain_film_are_no_text() -> None:
    assert text_sides(film_pixels().astype(np.float32) / 255) == ()
    assert text_sides(written("L", (20, 10), 40)) == ()


def test_borders_become_one_value() -> None:
    stored = np.full((100, 50), 7)
    blanked = blank(stored, ("bottom", "left"), 0)
    assert (blanked[-16:] == 0).all()
    assert (blanked[:, :8] == 0).all()
    assert (blanked[:84, 8:] == 7).all()
    assert (stored == 7).all()
