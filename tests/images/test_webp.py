"""WebP: its size, and whether its data is whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from film_files import ramp, save
from pneumoscope import images
from pneumoscope.errors import ImageError, NotA2DImage, TruncatedImage, UnreadableImage
from pneumoscope.images.webp import check, size_of

NOISE = np.random.default_rng(4).integers(0, 40, (200, 240))
FILM = (NOISE + 160 * (np.sin(np.arange(240) / 40) + 1) / 2).astype(np.uint8)
FRAMED = np.pad(FILM[:100], ((0, 100), (20, 0)))
KINDS: dict[str, dict[str, Any]] = {
    "lossy": {"quality": 90},
    "lossy, fast": {"quality": 90, "method": 0},
    "lossless": {"lossless": True, "method": 2},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_with_a_part_that_was_erased_is_not_read(kind: str) -> None:
    whole = save(FILM, "WEBP", **KINDS[kind])
    end, middle = int(0.7 * len(whole)), len(whole) // 2
    for damaged in (
        whole[:end] + bytes(len(whole) - end),
        whole[:middle] + bytes(1000) + whole[middle + 1000 :],
    ):
        with pytest.raises(UnreadableImage):
            images.read(damaged)


@pytest.mark.parametrize("options", [{}, {"alpha_quality": 50}])
def test_a_film_with_damaged_alpha_is_not_read(options: dict[str, Any]) -> None:
    whole = save(np.dstack([FILM] * 3 + [FILM[::-1]]), "WEBP", **options)
    images.read(whole)
    start = whole.index(b"ALPH") + 8
    size = int.from_bytes(whole[start - 4 : start], "little")
    for share in (0.2, 0.5, 0.8):
        at = start + int(share * size)
        for other in (bytes(1000), bytes(NOISE.astype(np.uint8).ravel()[:1000])):
            with pytest.raises(UnreadableImage):
                images.read(whole[:at] + other + whole[at + 1000 :])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "pixels", [FILM, FRAMED, np.zeros_like(FILM), np.full_like(FILM, 255), ramp()]
)
def test_sound_films_pass(kind: str, pixels: np.ndarray) -> None:
    grey, clear = save(pixels, "WEBP", **KINDS[kind]), np.dstack([pixels] * 3 + [pixels[::-1]])
    check(grey, "film")
    check(save(clear, "WEBP", **KINDS[kind]), "film")
    assert np.abs(images.read(grey).pixels * 255 - pixels).mean() < 6


def test_the_header_states_the_size() -> None:
    colour = Image.fromarray(np.dstack([FILM] * 3))
    for options in (*KINDS.values(), {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}):
        assert size_of(save(colour, "WEBP", **options), "film") == (240, 200)


def test_the_header_refuses_animations_and_what_is_cut() -> None:
    frames = [Image.fromarray(FILM), Image.fromarray(FILM[::-1])]
    moving = save(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(NotA2DImage):
        size_of(moving, "film")
    with pytest.raises(TruncatedImage):
        size_of(save(FILM, "WEBP")[:-20], "film")
    with pytest.raises(ImageError):
        images.read(moving)
