"""The film with its heatmap as Secondary Capture, which every viewer shows."""

from __future__ import annotations

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

    from pneumoscope.ai_results.film_result import FilmResult

SIDE_PX = 2048
"""Longest side of the picture of the film."""
_BAND, _LARGE, _SMALL = 0.075, 0.40, 0.28
"""Height of the band below the film as a share of its longer side; of text as shares of the band."""
_AMBER, _WHITE, _DARK = (242, 184, 75), (235, 235, 235), (0, 0, 0)


def secondary_capture(result: FilmResult, place: int) -> bytes:
    """The film with heatmap; below it, outside the film, "AI - not for diagnosis" and the verdict."""
    header = result.header
    picture = with_band(overlaid(result), band_texts(result))
    # The band names nobody; whether the film itself does, only its own header can say.
    burned_in = {k: str(header[k].value) for k in ("BurnedInAnnotation",) if k in header}
    elements = data_set(
        **common_elements(result, "sc", place, f"{BURNED_IN}: heatmap"),
        **image_elements(result, *picture.shape[:2]),
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
    return b"".join([*begin, elements, *pixel_data(np.ascontiguousarray(picture).data)])


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
    if p.heatmap is None:
        raise ValueError("the result has no heatmap")
    if result.why_no_heatmap:
        return heatmap.unexplained(reduced(film.pixels, side_px))
    is_small = max(film.pixels.shape) <= side_px
    pixels = reduced(film.pixels, side_px) if film.levels is None or not is_small else film.levels
    healthy = heatmap.is_healthy(p.called, p.findings)
    return heatmap.overlay(pixels, p.heatmap, healthy=healthy, lungs=p.lungs)


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


def with_band(picture: NDArray[np.uint8], texts: tuple[str, str]) -> NDArray[np.uint8]:
    """A picture with a dark band of text below it, so that the text covers nothing of the film.

    Args:
        picture: uint8 RGB (rows, columns, 3).
        texts: The notice, and a smaller line.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = picture.shape[:2]
    # An even number of rows keeps the pixel data even for any width (PS3.5 8.1.1).
    height = max(24, round(_BAND * max(rows, columns)))
    height += (rows + height) % 2
    band = Image.new("RGB", (columns, height), _DARK)
    draw = ImageDraw.Draw(band)
    lines = ((texts[0], _AMBER, _LARGE, 0.30), (texts[1], _WHITE, _SMALL, 0.74))
    for text, colour, share, middle in lines:
        font = ImageFont.load_default(share * height)
        width = draw.textlength(text, font)
        if width > 0.96 * columns:
            font = ImageFont.load_default(max(6.0, share * height * 0.96 * columns / width))
        draw.text((columns / 2, middle * height), text, fill=colour, font=font, anchor="mm")
    return np.concatenate([picture, np.asarray(band)])
