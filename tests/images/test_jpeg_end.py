"""JPEG without its end: at most a hundredth of the rows may be missing, and the film says so."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from film_files import JPEG_8, dataset, save, wrap
from pneumoscope import errors, images
from pneumoscope.images.jpeg_end import without_end

EOI = b"\xff\xd9"
ROWS, COLUMNS = 1600, 160
"""A hundredth of the rows are two rows of blocks, or one where colour has half the resolution."""


def drawn() -> Image.Image:
    """Grey, with as much noise everywhere, so that the compressed data is spread evenly."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    noise = np.random.default_rng(5).normal(0, 6, (ROWS, COLUMNS))
    return Image.fromarray(np.clip(90 + x / 3 + 40 * np.sin(y / 90) + noise, 0, 255).astype("u1"))


GREY = drawn()
TINTED = Image.merge("RGB", (GREY, GREY.point(lambda v: v // 2), GREY))
KINDS = {
    "grey": save(GREY, "JPEG", quality=85),
    "progressive": save(GREY, "JPEG", quality=85, progressive=True),
    "restart markers": save(GREY, "JPEG", quality=85, restart_marker_rows=1),
    "restart markers in rows": save(GREY, "JPEG", quality=85, restart_marker_blocks=7),
    "colour": save(TINTED, "JPEG", quality=85),
    "grey in colour": save(GREY.convert("RGB"), "JPEG", quality=85),
    "RGB": save(TINTED, "JPEG", quality=85, keep_rgb=True),
    "CMYK": save(GREY.convert("CMYK"), "JPEG", quality=85, subsampling=0),
}


def cut(kind: str, share: float, end: bytes = EOI) -> bytes:
    """The film without a share of its data at the end."""
    data = KINDS[kind]
    return data[: round(len(data) * (1 - share))] + end


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at_least_px", [None, 40])
@pytest.mark.parametrize("end", [EOI, b""])
def test_a_film_that_lacks_its_last_rows_is_read(
    kind: str, at_least_px: int | None, end: bytes
) -> None:
    whole = images.read(KINDS[kind], at_least_px=at_least_px)
    film = images.read(cut(kind, 0.002, end), at_least_px=at_least_px)
    assert whole.facts.missing_rows is None
    assert film.facts.missing_rows == (16 if kind in ("colour", "grey in colour") else 8)
    assert film.facts.reduced_by == whole.facts.reduced_by == (1 if at_least_px is None else 4)
    rows = (ROWS - 32) // film.facts.reduced_by
    np.testing.assert_array_equal(film.pixels[:rows], whole.pixels[:rows])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [b"", b"\xff", b"\xff\xff"])
def test_a_film_without_its_end_marker_alone_is_whole(kind: str, end: bytes) -> None:
    film = images.read(KINDS[kind][:-2] + end)
    assert film.facts.missing_rows == 0
    np.testing.assert_array_equal(film.pixels, images.read(KINDS[kind]).pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at_least_px", [None, 40])
@pytest.mark.parametrize("end", [EOI, b""])
def test_a_film_that_lacks_more_is_not(kind: str, at_least_px: int | None, end: bytes) -> None:
    with pytest.raises(errors.TruncatedImage):
        images.read(cut(kind, 0.02, end), at_least_px=at_least_px)


def test_the_limit_is_a_hundredth() -> None:
    data = KINDS["grey"]
    missing = [without_end(data[:-size] + EOI, "film")[1] for size in range(3, 400, 40)]
    assert missing == sorted(missing)
    assert {8, 16} == set(missing)
    size = next(n for n in range(400, 4000, 40) if not _is_read(data[:-n] + EOI))
    # The 17th row from below belongs to the third row of blocks.
    assert 2 / 200 < size / len(data) < 3 / 200
    with pytest.raises(errors.TruncatedImage):
        without_end(data[: len(data) // 2] + EOI, "film")


def _is_read(data: bytes) -> bool:
    try:
        without_end(data, "film")
    except errors.TruncatedImage:
        return False
    return True


@pytest.mark.parametrize("kind", ["grey", "progressive", "restart markers", "colour"])
def test_damage_elsewhere_is_not_taken_for_a_missing_end(kind: str) -> None:
    data = KINDS[kind]
    middle = data[: len(data) // 2] + data[len(data) // 2 + 900 :]
    for damaged in (middle, middle[: -len(middle) // 500] + EOI):
        with pytest.raises(errors.UnreadableImage):
            images.read(damaged)
    # A marker in the middle of the data ends a scan for libjpeg.
    marked = data[: len(data) // 2] + b"\xff\xc4\0\2" + data[len(data) // 2 :]
    with pytest.raises(errors.UnreadableImage):
        images.read(marked)


@pytest.mark.parametrize("kind", ["grey", "progressive", "colour"])
def test_films_in_dicom(kind: str) -> None:
    colour = kind == "colour"
    ds = dataset(np.asarray(TINTED if colour else GREY))
    if colour:
        ds.PhotometricInterpretation = "YBR_FULL_422"
    for end in (EOI, b""):
        film = images.read(wrap(ds, cut(kind, 0.002, end), JPEG_8))
        assert film.facts.missing_rows == (16 if colour else 8)
        assert film.pixels.shape == (ROWS, COLUMNS)
        with pytest.raises(errors.TruncatedImage):
            images.read(wrap(ds, cut(kind, 0.02, end), JPEG_8))


def test_a_turned_film() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(GREY, "JPEG", quality=85, exif=exif)
    film = images.read(data[: round(len(data) * 0.998)] + EOI)
    assert film.pixels.shape == (COLUMNS, ROWS)
    assert film.facts.missing_rows == 8


def test_damage_that_leaves_bytes_over_is_not_taken_for_a_missing_end() -> None:
    """With other Huffman tables, the data is enough for fewer or for more blocks."""
    whole = save(GREY.crop((0, 0, 96, 96)), "JPEG", quality=85)
    start, end = whole.index(b"\xff\xc4"), whole.index(b"\xff\xda")
    refused = 0
    for at in range(start + 5, end, 3):
        damaged = whole[:at] + bytes([whole[at] ^ 3]) + whole[at + 1 :]
        try:
            images.read(damaged)
        except errors.ImageError:
            refused += 1
            with pytest.raises(errors.ImageError):
                images.read(damaged[:-2])
    assert refused > 20
