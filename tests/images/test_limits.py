"""What a film may cost, by the size that its header claims."""

from __future__ import annotations

import pytest

from pneumoscope.errors import ImageError, NotA2DImage, TooLarge, TooSmall, UnreadableImage
from pneumoscope.images.limits import MAX_PIXELS, MIN_SIDE_PX, Limits

SMALL = Limits(max_pixels=10_000, min_side_px=50)


@pytest.mark.parametrize(("rows", "columns"), [(100, 100), (50, 200), (200, 50), (50, 50)])
def test_the_bounds_themselves_pass(rows: int, columns: int) -> None:
    SMALL.check("film", rows, columns)


@pytest.mark.parametrize(
    ("rows", "columns", "frames", "error", "words"),
    [
        (0, 100, 1, UnreadableImage, "its header claims 100 x 0 pixels"),
        (100, -1, 1, UnreadableImage, "its header claims -1 x 100 pixels"),
        (101, 100, 1, TooLarge, "100 x 101 pixels"),
        (50, 100, 3, TooLarge, "100 x 50 x 3 frames pixels"),
        (50, 60, 2, NotA2DImage, "2 frames"),
        (49, 100, 1, TooSmall, "49"),
        (100, 49, 1, TooSmall, "49"),
    ],
)
def test_a_size_beyond_the_bounds_has_its_error(
    rows: int, columns: int, frames: int, error: type[ImageError], words: str
) -> None:
    with pytest.raises(error, match="film") as raised:
        SMALL.check("film", rows, columns, frames)
    assert words in str(raised.value)


def test_what_costs_most_is_said_first() -> None:
    # Too many pixels in all is worse than several frames, and both are worse than a small side.
    with pytest.raises(TooLarge):
        Limits(max_pixels=100, min_side_px=50).check("film", 20, 20, 2)
    with pytest.raises(NotA2DImage):
        SMALL.check("film", 20, 20, 2)


def test_the_limits_of_every_reader() -> None:
    side = 10_000
    assert side * side == MAX_PIXELS
    Limits().check("the largest", side, side)
    Limits().check("the smallest", MIN_SIDE_PX, MIN_SIDE_PX)
    with pytest.raises(TooLarge, match="100,000,000 pixels"):
        Limits().check("larger", side, side + 1)
