"""JPEG, PNG, TIFF, BMP and WebP."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from film_files import ramp, save, smooth, tiff
from pneumoscope import images
from pneumoscope.errors import ImageError


def stored(film: images.Radiograph) -> np.ndarray:
    return np.rint(film.pixels * 255).astype(int)


def check_form(film: images.Radiograph) -> None:
    assert film.pixels.dtype == np.float32
    assert film.pixels.flags.c_contiguous
    assert film.pixels.min() >= 0
    assert film.pixels.max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_8_bit_grey_is_exact(kind: str) -> None:
    film = images.read(save(ramp(), kind))
    check_form(film)
    np.testing.assert_array_equal(stored(film), ramp())
    np.testing.assert_array_equal(film.pixels, ramp().astype(np.float32) / np.float32(255))
    assert (film.facts.format, film.facts.rows, film.facts.columns) == (kind, 64, 80)
    assert (film.facts.bits, film.facts.colour, film.facts.reduced_by) == (8, False, 1)


def test_webp_lossless_is_exact() -> None:
    film = images.read(save(Image.fromarray(ramp()).convert("RGB"), "WEBP", lossless=True))
    np.testing.assert_array_equal(stored(film), ramp())
    assert film.facts.format == "WEBP"
    assert not film.facts.colour


def test_webp_lossy_and_with_alpha() -> None:
    film = images.read(save(Image.fromarray(smooth()).convert("RGB"), "WEBP", quality=95))
    assert np.abs(stored(film) - smooth()).max() < 8
    rgba = Image.fromarray(smooth()).convert("RGBA")
    assert images.read(save(rgba, "WEBP", lossless=True)).facts.rows == 64


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg(mode: str, options: dict[str, bool]) -> None:
    film = images.read(save(Image.fromarray(smooth()).convert(mode), "JPEG", quality=95, **options))
    check_form(film)
    assert np.abs(stored(film) - smooth()).max() <= 4
    assert film.facts.format == "JPEG"
    assert not film.facts.colour


def test_jpeg_luma_equals_pillows_conversion_of_a_grey_film() -> None:
    data = save(Image.fromarray(smooth()).convert("RGB"), "JPEG")
    by_pillow = np.asarray(Image.open(BytesIO(data)).convert("L"))
    np.testing.assert_array_equal(stored(images.read(data)), by_pillow)


def test_jpeg_that_stores_rgb_without_conversion() -> None:
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[..., 0] = 200
    film = images.read(save(colours, "JPEG", quality=95, keep_rgb=True))
    assert film.facts.colour
    assert np.abs(stored(film) - 60).max() <= 3  # 0.299 * 200 = 59.8


def test_luminance_and_colour() -> None:
    colours = np.zeros((64, 96, 3), np.uint8)
    colours[:, :32, 0] = colours[:, 32:64, 1] = colours[:, 64:, 2] = 255
    film = images.read(save(colours, "PNG"))
    assert film.facts.colour
    # ITU-R BT.601: 0.299, 0.587, 0.114 of 255
    assert [stored(film)[5, x] for x in (5, 40, 90)] == [76, 150, 29]
    assert images.read(save(colours, "JPEG", quality=95)).facts.colour


def test_a_small_coloured_mark_makes_a_colour_film() -> None:
    rgb = np.stack([smooth()] * 3, axis=-1)
    rgb[30:40, 30:40] = (255, 0, 0)
    assert images.read(save(rgb, "PNG")).facts.colour
    rgb = np.stack([smooth(), smooth() + 3, smooth()], axis=-1)
    assert not images.read(save(rgb, "PNG")).facts.colour


def test_rgba_and_la_lie_on_black() -> None:
    rgba = np.full((64, 64, 4), 200, np.uint8)
    rgba[..., 3] = 255
    rgba[:, 32:, 3] = 0
    rgba[:10, :10, 3] = 51  # a fifth
    film = images.read(save(rgba, "PNG"))
    assert [stored(film)[y, x] for y, x in ((50, 5), (50, 50), (5, 5))] == [200, 0, 40]
    assert not film.facts.colour
    grey_alpha = Image.fromarray(rgba).convert("LA")
    np.testing.assert_array_equal(images.read(save(grey_alpha, "PNG")).pixels, film.pixels)
    np.testing.assert_array_equal(images.read(save(grey_alpha, "TIFF")).pixels, film.pixels)


def test_palette_with_and_without_transparency() -> None:
    indices = np.zeros((64, 64), np.uint8)
    indices[:, 32:] = 1
    image = Image.frombytes("P", (64, 64), indices.tobytes())
    image.putpalette([10, 10, 10, 210, 210, 210])
    film = images.read(save(image, "PNG"))
    assert (stored(film)[0, 0], stored(film)[0, 63]) == (10, 210)
    film = images.read(save(image, "PNG", transparency=1))
    assert (stored(film)[0, 0], stored(film)[0, 63]) == (10, 0)
    assert images.read(save(image, "BMP")).facts.colour is False


def test_grey_png_with_a_transparent_level() -> None:
    film = images.read(save(ramp(), "PNG", transparency=12))
    assert stored(film)[0, 4] == 0  # 3 * 4 = 12
    assert stored(film)[0, 5] == 15


def test_1_bit() -> None:
    bits = (ramp() > 100).astype(np.uint8) * 255
    for kind in ("PNG", "TIFF", "BMP"):
        film = images.read(save(Image.fromarray(bits).convert("1"), kind))
        np.testing.assert_array_equal(stored(film), bits)
        assert film.facts.bits == 1


def test_cmyk_jpeg_has_adobes_polarity() -> None:
    cmyk = np.zeros((64, 64, 4), np.uint8)
    cmyk[:, 32:, 3] = 255  # no ink on the left, all black on the right
    film = images.read(save(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=95))
    assert stored(film)[5, 5] > 250
    assert stored(film)[5, 60] < 5
    assert not film.facts.colour


@pytest.mark.parametrize(
    ("brightest", "bits"),
    [
        (255, 8),
        (256, 10),
        (1023, 10),
        (1024, 12),
        (4095, 12),
        (16000, 14),
        (16384, 16),
        (65535, 16),
    ],
)
def test_16_bit_files_scale_by_the_depth_in_use(brightest: int, bits: int) -> None:
    deep = np.linspace(0, brightest, 64 * 80).reshape(64, 80).astype(np.uint16)
    expected = deep / (2**bits - 1)
    for data in (
        save(deep, "PNG"),
        save(deep, "TIFF"),
        tiff(deep, order="<"),
        tiff(deep, order=">"),
    ):
        film = images.read(data)
        check_form(film)
        np.testing.assert_allclose(film.pixels, expected, atol=1e-6)
        assert film.facts.bits == bits


def test_16_bit_rgb_png_depth() -> None:
    import struct
    import zlib

    from film_files import png_chunks

    line = b"\0" + struct.pack(">HHH", 0x8080, 0x8080, 0x8080) * 64
    data = png_chunks(
        (b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(line * 64)),
        (b"IEND", b""),
    )
    film = images.read(data)
    assert (film.facts.bits, stored(film)[0, 0]) == (16, 128)


def test_tiff_white_is_zero() -> None:
    for order in "<>":
        np.testing.assert_array_equal(
            stored(images.read(tiff(ramp(), photometric=0, order=order))), 255 - ramp().astype(int)
        )
    deep = ramp().astype(np.uint16) * 257
    film = images.read(tiff(deep, photometric=0))
    np.testing.assert_allclose(film.pixels, 1 - ramp() / 255, atol=1e-6)
    real = (ramp() / 255).astype(np.float32)
    film = images.read(tiff(real, photometric=0, fmt=3))
    np.testing.assert_allclose(film.pixels, 1 - real, atol=1e-6)


def test_tiff_compressed() -> None:
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        film = images.read(save(ramp(), "TIFF", compression=compression))
        np.testing.assert_array_equal(stored(film), ramp())
    deep = ramp().astype(np.uint16) * 257
    film = images.read(save(deep, "TIFF", compression="tiff_lzw"))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


def test_tiff_float() -> None:
    unit = (ramp() / 500).astype(np.float32)  # inside [0, 1]: taken as it is
    np.testing.assert_array_equal(images.read(save(unit, "TIFF")).pixels, unit)
    wide = ramp().astype(np.float32) * 4 - 100  # outside: 0 becomes 0, 250 becomes 1
    np.testing.assert_allclose(images.read(save(wide, "TIFF")).pixels, ramp() / 250, atol=1e-6)
    wide[0, 0] = np.nan
    wide[0, 2] = np.inf
    film = images.read(save(wide, "TIFF"))
    assert (film.pixels[0, 0], film.pixels[0, 2]) == (0, 0)
    check_form(film)


def test_tiff_signed_is_stretched() -> None:
    signed = ramp().astype(np.int16) * 8 - 1000
    film = images.read(tiff(signed, fmt=2))
    np.testing.assert_allclose(film.pixels, ramp() / 250, atol=1e-6)


def test_a_flat_film_is_read() -> None:
    assert images.read(save(np.zeros((64, 64), np.uint16), "PNG")).pixels.max() == 0
    assert images.read(save(np.full((64, 64), -5, np.float32), "TIFF")).pixels.max() == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    """The upright film is 64 high and 96 wide, with one white corner, top left."""
    upright = np.zeros((64, 96), np.uint8)
    upright[:32, :32] = 255
    as_stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),  # to be turned clockwise
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(as_stored)).convert("RGB")
    film = images.read(save(image, kind, exif=exif))
    assert film.pixels.shape == (64, 96)
    assert (film.facts.rows, film.facts.columns) == (64, 96)
    assert film.pixels[8:24, 8:24].min() > 0.9
    assert film.pixels[40:].max() < 0.1
    assert film.pixels[:, 40:].max() < 0.1
    check_form(film)


def test_broken_exif_does_not_lose_the_film() -> None:
    data = save(smooth(), "JPEG", exif=b"Exif\0\0MM\0*garbage")
    assert images.read(data).facts.rows == 64


def test_the_ending_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(save(ramp(), "PNG"))
    assert images.read(path).facts.format == "PNG"
    assert images.read(str(path)).facts.format == "PNG"


def test_bytes_and_streams() -> None:
    data = save(ramp(), "PNG")

    class Dribble:
        """A raw stream may answer in pieces."""

        def __init__(self) -> None:
            self.left = data

        def read(self, _: int) -> bytes:
            piece, self.left = self.left[:1000], self.left[1000:]
            return piece

    for source in (data, bytearray(data), memoryview(data), BytesIO(data), Dribble()):
        np.testing.assert_array_equal(stored(images.read(source)), ramp())


def test_a_second_picture_inside_a_jpeg_does_not_matter() -> None:
    """MPO files of cameras hold a preview behind the film."""
    out = BytesIO()
    first = Image.fromarray(smooth())
    first.save(out, "MPO", save_all=True, append_images=[first])
    assert images.read(out.getvalue()).facts.rows == 64


@pytest.mark.parametrize(
    ("side", "reduced"), [(671, 1), (1343, 1), (1344, 2), (2688, 4), (5376, 8)]
)
def test_draft_keeps_the_wanted_side(side: int, reduced: int) -> None:
    data = save(np.zeros((side, side + 9), np.uint8), "JPEG")
    film = images.read(data, at_least_px=672)
    assert (film.facts.rows, film.facts.columns) == (side, side + 9)
    assert film.facts.reduced_by == reduced
    assert film.pixels.shape == (-(-side // reduced), -(-(side + 9) // reduced))
    assert min(film.pixels.shape) >= min(side, 672)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_size_by_the_header_is_that_of_the_film(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(smooth(), kind, **({} if kind == "BMP" else {"exif": exif}))
    facts = images.read(data).facts
    assert images.size_of(data) == (facts.rows, facts.columns)
    with pytest.raises(ImageError):
        images.size_of(data[:16])


def test_draft_and_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    film = images.read(save(np.zeros((1344, 2000), np.uint8), "JPEG", exif=exif), at_least_px=672)
    assert (film.facts.rows, film.facts.columns, film.facts.reduced_by) == (2000, 1344, 2)
    assert film.pixels.shape == (1000, 672)


def test_draft_parity_on_a_synthetic_film() -> None:
    """Bands as fine as the 224-pixel film can hold, and noise."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:1500, :1800]
    film = 128 + 60 * np.sin(x / 23) * np.cos(y / 31) + rng.normal(0, 12, x.shape)
    data = save(np.clip(film, 0, 255).astype(np.uint8), "JPEG", quality=90)
    reduced = images.read(data, at_least_px=672)
    assert reduced.facts.reduced_by == 2
    full = images.model_input(images.read(data), 224).astype(int)
    difference = np.abs(images.model_input(reduced, 224) - full)
    assert difference.mean() < 0.5
    assert difference.max() <= 3


@pytest.mark.slow
def test_draft_parity_on_real_films(films_dir: Path) -> None:
    films = sorted((films_dir / "full_size").rglob("*.jp*g"))
    means, sharpness = [], []
    for path in films:
        full = images.model_input(images.read(path), 224).astype(int)
        fast = images.model_input(images.read(path, at_least_px=672), 224).astype(int)
        means.append(np.abs(fast - full).mean())
        laplacian = [np.abs(np.diff(f, 2, axis=0)).mean() for f in (full, fast)]
        sharpness.append(laplacian[1] / laplacian[0])
    assert max(means) < 0.5
    assert np.mean(means) < 0.05
    assert min(sharpness) > 0.98


def test_pillow_limits_stay_as_they_are() -> None:
    before = Image.MAX_IMAGE_PIXELS
    images.read(save(ramp(), "PNG"))
    assert before == Image.MAX_IMAGE_PIXELS


def test_films_beyond_pillows_warning_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 to 100 million pixels are allowed here, and Pillow warns of them."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        assert images.read(save(smooth(), kind)).facts.rows == 64  # 5,120 pixels
