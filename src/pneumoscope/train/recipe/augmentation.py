"""Settings of the augmentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges and probabilities. A range is `(low, high)`; a probability of 0 switches a step off."""

    # Geometry: one affine map. Scales are sizes on the output: 1.3 enlarges (crops), 0.85 shrinks (adds a frame).
    rotation: float = 12.0  # degrees, either way
    shear: float = 0.10  # either way
    scale_x: tuple[float, float] = (0.85, 1.35)
    scale_y: tuple[float, float] = (0.85, 1.35)
    shift: float = 0.07  # of the side, either way
    flip: float = 0.0  # left-right; anatomically wrong, hence off
    # Cutting edges off and stretching the rest back: what differently collimated, non-square originals go through.
    crop: float = 0.3
    crop_max: float = 0.15  # of the side, each edge on its own

    # Tone: one table of 256 entries.
    match: float = 0.25  # towards the histogram of another film of the batch
    equalise: float = 0.15  # towards a flat histogram
    curve: float = 0.3  # a random monotone curve
    curve_knots: int = 6
    gamma: tuple[float, float] = (0.6, 1.7)
    contrast: tuple[float, float] = (0.65, 1.4)
    brightness: float = 0.15  # of full scale, either way
    shading: float = 0.25  # a smooth multiplicative field
    shading_depth: float = 0.3

    # Contrast of what is smaller than some centimetres against the rest: each maker's multi-scale
    # processing sets it otherwise. Above 0 lifts detail, below 0 flattens it.
    detail: float = 0.3
    detail_amount: tuple[float, float] = (-0.4, 1.2)
    detail_sigma: tuple[float, float] = (6.0, 30.0)  # pixels of the film

    # Sharpness.
    sharpness_match: float = 0.3  # towards the sharpness of another film of the batch
    blur: float = 0.2
    blur_sigma: tuple[float, float] = (0.4, 2.2)
    sharpen: float = 0.15
    sharpen_amount: tuple[float, float] = (0.3, 2.0)
    low_resolution: float = 0.2
    low_resolution_side: tuple[int, int] = (64, 176)
    jpeg: float = 0.3
    jpeg_quality: tuple[int, int] = (12, 90)
    noise: float = 0.3
    noise_sigma: tuple[float, float] = (1.0, 12.0)  # grey levels

    # Occlusion.
    frame: float = 0.15
    frame_max: float = 0.12  # of the side, each edge on its own
    marker: float = 0.2
    erase: float = 0.3
    erase_side: tuple[float, float] = (0.08, 0.30)  # of the side

    def __post_init__(self) -> None:
        for name in (
            "flip", "crop", "match", "equalise", "curve", "detail", "shading", "sharpness_match", "blur", "sharpen",
            "low_resolution", "jpeg", "noise", "frame", "marker", "erase",
        ):  # fmt: skip
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(
                    f"augmentation: {name} is a probability, not {getattr(self, name)!r}"
                )
        for name in (
            "scale_x", "scale_y", "gamma", "contrast", "blur_sigma", "sharpen_amount", "low_resolution_side",
            "jpeg_quality", "noise_sigma", "erase_side", "detail_sigma",
        ):  # fmt: skip
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(
                    f"augmentation: {name} needs 0 < low <= high, not {getattr(self, name)!r}"
                )
