"""Settings of the augmentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges and probabilities. A range is `(low, high)`; a probability of 0 switches a step off.

    Lengths are shares of the film's side unless stated otherwise.

    Attributes:
        rotation: Largest angle in degrees, in either direction.
        shear: Largest shear, in either direction.
        scale_x: Range of the horizontal size on the output: 1.3 enlarges (crops), 0.85 shrinks
            (adds a frame).
        scale_y: The same for the vertical size.
        shift: Largest shift, in either direction.
        flip: Probability of a left-right flip; off by default, because it is anatomically wrong. A head that reads
            the lungs may need it: otherwise its heat may favour one side of the picture.
        crop: Probability that edges are cut off and the rest is stretched back to the full size, as with
            originals that are collimated differently or are not square.
        crop_max: Largest cut, for each edge separately.
        match: Probability of a step towards the histogram of another film of the batch.
        equalise: Probability of a step towards a flat histogram.
        clahe: Probability of a local equalisation (CLAHE), as strongly processed films have it.
        clahe_limit: Range of its clip limit.
        curve: Probability of a random monotone tone curve.
        curve_knots: Number of knots of that curve.
        gamma: Range of the gamma.
        contrast: Range of the contrast factor.
        brightness: Largest change of brightness, as a share of full scale, in either direction.
        shading: Probability of shading by a smooth multiplicative field.
        shading_depth: Largest depth of that field.
        detail: Probability that the contrast of structures smaller than a few centimetres is changed
            relative to the rest, as the multi-scale processing of manufacturers does, each in its own way.
        detail_amount: Range of that change: above 0 enhances detail, below 0 weakens it.
        detail_sigma: Range of the size below which a structure is detail, in pixels.
        sharpness_match: Probability of a step towards the sharpness of another film of the batch.
        blur: Probability of a Gaussian blur.
        blur_sigma: Range of its standard deviation in pixels.
        sharpen: Probability of sharpening.
        sharpen_amount: Range of its amount.
        low_resolution: Probability that the film is reduced to a lower resolution and enlarged again.
        low_resolution_side: Range of the side of that resolution in pixels.
        jpeg: Probability of JPEG compression.
        jpeg_quality: Range of its quality.
        noise: Probability of Gaussian noise.
        noise_sigma: Range of its standard deviation in grey levels.
        frame: Probability of a drawn frame.
        frame_max: Largest width of the frame, for each edge separately.
        marker: Probability of a drawn side marker.
        erase: Probability of an erased rectangle.
        erase_side: Range of the sides of that rectangle.
    """

    # Geometry: one affine map.
    rotation: float = 12.0
    shear: float = 0.10
    scale_x: tuple[float, float] = (0.85, 1.35)
    scale_y: tuple[float, float] = (0.85, 1.35)
    shift: float = 0.07
    flip: float = 0.0
    crop: float = 0.3
    crop_max: float = 0.15

    # Tone: one table of 256 entries.
    match: float = 0.25
    clahe: float = 0.0
    clahe_limit: tuple[float, float] = (1.5, 5.0)
    equalise: float = 0.15
    curve: float = 0.3
    curve_knots: int = 6
    gamma: tuple[float, float] = (0.6, 1.7)
    contrast: tuple[float, float] = (0.65, 1.4)
    brightness: float = 0.15
    shading: float = 0.25
    shading_depth: float = 0.3
    detail: float = 0.3
    detail_amount: tuple[float, float] = (-0.4, 1.2)
    detail_sigma: tuple[float, float] = (6.0, 30.0)

    # Sharpness.
    sharpness_match: float = 0.3
    blur: float = 0.2
    blur_sigma: tuple[float, float] = (0.4, 2.2)
    sharpen: float = 0.15
    sharpen_amount: tuple[float, float] = (0.3, 2.0)
    low_resolution: float = 0.2
    low_resolution_side: tuple[int, int] = (64, 176)
    jpeg: float = 0.3
    jpeg_quality: tuple[int, int] = (12, 90)
    noise: float = 0.3
    noise_sigma: tuple[float, float] = (1.0, 12.0)

    # Occlusion.
    frame: float = 0.15
    frame_max: float = 0.12
    marker: float = 0.2
    erase: float = 0.3
    erase_side: tuple[float, float] = (0.08, 0.30)

    def __post_init__(self) -> None:
        for name in (
            "flip", "crop", "match", "equalise", "clahe", "curve", "detail", "shading", "sharpness_match", "blur",
            "sharpen", "low_resolution", "jpeg", "noise", "frame", "marker", "erase",
        ):  # fmt: skip
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(
                    f"augmentation: {name} is a probability, not {getattr(self, name)!r}"
                )
        for name in (
            "scale_x", "scale_y", "gamma", "contrast", "blur_sigma", "sharpen_amount", "low_resolution_side",
            "jpeg_quality", "noise_sigma", "erase_side", "detail_sigma", "clahe_limit",
        ):  # fmt: skip
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(
                    f"augmentation: {name} needs 0 < low <= high, not {getattr(self, name)!r}"
                )
