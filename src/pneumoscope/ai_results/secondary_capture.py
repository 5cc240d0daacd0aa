"""The film with its heatmap as Secondary Capture, which every viewer shows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.content_items import coded_item
from pneumoscope.ai_results.encoding import data_set, file_parts, pixel_data
from pneumoscope.ai_results.equipment import common_elements, image_elements, reference
from pneumoscope.ai_results.film_result import BURNED_IN
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.ai_results.reasons import marked_verdict
from pneumoscope.render import heatmap, wording
from pneumoscope.render.visible import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from pneumoscope.ai_results.film_result import FilmResult

SIDE_PX = 2048
"""Longest side of the picture of the film."""
_BAND, _LARGE, _SMALL = 0.075, 0.40, 0.28
"""Height of the band below the film as a share of its longer side; of text as shares of the band."""
_AMBER, _WHITE, _DARK = (242, 184, 75), (235, 235, 235), (0, 0, 0)


def secondary_capture(result: FilmResult, place: int) -> bytes:
    """The film with heatmap; below it, outside the film, "AI - not for diagnosis" and the verdict."""
    header = result.header
    film = overlaid(result)
    rows, columns, _ = film.shape
    band = band_below(rows, columns, band_texts(result))
    # The band names nobody; whether the film itself does, only its own header can say.
    burned_in = {k: str(header[k].value) for k in ("BurnedInAnnotation",) if k in header}
    elements = data_set(
        **common_elements(result, "sc", place, f"{BURNED_IN}: heatmap"),
        **image_elements(result, rows + len(band), columns),
        **burned_in,
        Modality="OT",
        ConversionType="DI",
        DateOfSecondaryCapture=result.local.strftime("%Y%m%d"),
        TimeOfSecondaryCapture=result.local.strftime("%H%M%S"),
        ImageType=["DERIVED", "SECONDARY"],
        DerivationDescription=(
            f"Film with the heatmap of {result.bundle.title}, SHA-256 {result.bundle.sha256}"
        ),
        SourceImageSequence=[source_image(result)],
        ImageComments=BURNED_IN,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )
    begin = file_parts(KINDS["sc"].sop_class_uid, result.uid("sc", "instance"))
    return b"".join([*begin, elements, *pixel_data(film.data, band.data)])


def source_image(result: FilmResult) -> bytes:
    """The film as an item of the Source Image Sequence (PS3.3 C.7.6.1)."""
    return reference(result, PurposeOfReferenceCodeSequence=[coded_item(codes.SOURCE_IMAGE)])


def overlaid(result: FilmResult, side_px: int = SIDE_PX) -> NDArray[np.uint8]:
    """The film with its heatmap, or with the words that no heatmap is reliable.

    Args:
        result: Of a film that has a heatmap.
        side_px: Longest side of the picture.

    Returns:
        uint8 RGB (rows, columns, 3).
    """
    p, film = result.prediction, result.film
    if result.why_no_heatmap:
        return heatmap.unexplained(reduced(film.pixels, side_px))
    is_small = max(film.pixels.shape) <= side_px
    pixels = reduced(film.pixels, side_px) if film.levels is None or not is_small else film.levels
    healthy = heatmap.is_healthy(p.called, p.findings)
    heat = result.heat(*pixels.shape)
    return heatmap.overlay_of_heat(pixels, heat, healthy=healthy, lungs=p.lungs)


def reduced(pixels: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """A film, float32 (rows, columns) in [0, 1], whose longer side is at most ``side_px``."""
    from PIL import Image

    rows, columns = pixels.shape
    scale = side_px / max(rows, columns)
    if scale >= 1:
        return pixels
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), np.float32)


def band_texts(result: FilmResult) -> tuple[str, str]:
    """The two lines of the band: the notice, and verdict and bundle. Never the patient."""
    p = result.prediction
    shown = f"{marked_verdict(p)}, P({wording.subject(p)}) {p.p_positive:.2f}"
    when = result.local.strftime("%Y-%m-%d %H:%M")
    model = f"{result.bundle.title} ({result.bundle.sha256[:12]})"
    return BURNED_IN, visible(f"{shown}  |  {model}  |  {when}")


def band_below(rows: int, columns: int, texts: tuple[str, str]) -> NDArray[np.uint8]:
    """A dark band of text to put below a picture, so that the text covers nothing of the film.

    Args:
        rows: Height of the picture in pixels.
        columns: Its width in pixels.
        texts: The notice, and a smaller line.

    Returns:
        uint8 RGB (height of the band, columns, 3).
    """
    # An even number of rows keeps the pixel data even for any width (PS3.5 8.1.1).
    height = max(24, round(_BAND * max(rows, columns)))
    height += (rows + height) % 2
    band = _band_of(texts[0], columns, height).copy()
    _write(band, texts[1], _WHITE, _SMALL, 0.74)
    return np.asarray(band)


@lru_cache(maxsize=8)
def _band_of(notice: str, columns: int, height: int) -> Image.Image:
    """A band with the notice alone, which is the same for all films of a size."""
    from PIL import Image

    band = Image.new("RGB", (columns, height), _DARK)
    _write(band, notice, _AMBER, _LARGE, 0.30)
    return band


def _write(
    band: Image.Image, text: str, colour: tuple[int, int, int], share: float, middle: float
) -> None:
    """Writes a line into a band; its size and its middle are shares of the band's height."""
    from PIL import ImageDraw

    columns, height = band.size
    draw = ImageDraw.Draw(band)
    font = _font(share * height)
    width = draw.textlength(text, font)
    if width > 0.96 * columns:
        font = _font(max(6.0, share * height * 0.96 * columns / width))
    draw.text((columns / 2, middle * height), text, fill=colour, font=font, anchor="mm")


@lru_cache(maxsize=8)
def _font(size: float) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)
