"""Slices of CT and MR volumes, and radiographs computed from CT."""

from __future__ import annotations

import plistlib
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gate_pictures import Pictures, stretched

# Volumes have some 100 to 250 voxels a side.
VOLUME_SIDE = 320

Volume = NDArray[np.float32]


def volume(path: Path) -> tuple[Volume, tuple[float, float, float]]:
    """A NIfTI volume, axes right, anterior, superior; and its spacing in mm."""
    import nibabel

    loaded = nibabel.as_closest_canonical(nibabel.load(path))
    array = np.asarray(loaded.dataobj, np.float32)
    spacing = tuple(float(step) for step in loaded.header.get_zooms()[:3])
    return (array[..., 0] if array.ndim == 4 else array), (spacing[0], spacing[1], spacing[2])


def head(path: Path) -> tuple[Volume, tuple[float, float, float]]:
    """The CT of an InVesalius project (HU), axes as ``volume``'s; and its spacing in mm."""
    with tarfile.open(path) as archive:
        names = {Path(member.name).name: member for member in archive}
        listed = archive.extractfile(names["main.plist"])
        stored = archive.extractfile(names["matrix.dat"])
        if listed is None or stored is None:
            raise ValueError(f"{path} holds no volume")
        project = plistlib.loads(listed.read())
        matrix = project["matrix"]
        raw = np.frombuffer(stored.read(), matrix["dtype"]).reshape(matrix["shape"])
    across, along, up = project["spacing"]
    # Stored as (slice upwards, row from the front, column).
    return raw[:, ::-1].transpose(2, 1, 0).astype(np.float32), (across, along, up)


def section(array: Volume, spacing: tuple[float, ...], axis: int, index: int) -> Volume:
    """One slice as it is shown: rows downwards, square pixels."""
    plane = array.take(index, axis=axis).T[::-1]
    steps = [step for number, step in enumerate(spacing) if number != axis]
    return resized(plane, plane.shape[1] * steps[0], plane.shape[0] * steps[1])


def resized(plane: Volume, width_mm: float, height_mm: float) -> Volume:
    """``plane`` enlarged so that the longer side has ``VOLUME_SIDE`` pixels and pixels are square."""
    scale = VOLUME_SIDE / max(width_mm, height_mm)
    size = (max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC), np.float32)


# Centre and width in HU of the windows radiologists read: soft tissue, lung, bone, brain.
BODY_WINDOWS = ((40.0, 400.0), (-600.0, 1500.0), (400.0, 1800.0))
HEAD_WINDOWS = ((40.0, 80.0), (400.0, 1800.0), (40.0, 400.0))


def slices(
    array: Volume, spacing: tuple[float, ...], axes: str, windows: tuple[tuple[float, float], ...]
) -> Pictures:
    """Slices along ``axes`` ("sagittal", ...: by first letter), each in the next window."""
    for letter, axis in (("s", 0), ("c", 1), ("a", 2)):
        if letter not in axes:
            continue
        number = 0
        # The outer tenths show little but air.
        start, stop = array.shape[axis] // 10, array.shape[axis] * 9 // 10
        for index in range(start, stop, max(1, (stop - start) // 60)):
            plane = section(array, spacing, axis, index)
            if not windows:
                yield f"-{letter}{index:03}", Image.fromarray(stretched(plane))
                continue
            centre, width = windows[number % len(windows)]
            number += 1
            shown = stretched(plane, centre - width / 2, centre + width / 2)
            yield f"-{letter}{index:03}", Image.fromarray(shown)


def ct_slices(path: Path) -> Pictures:
    """Axial and sagittal slices. Coronal ones look much like frontal films, so none are made."""
    yield from slices(*volume(path), "as", BODY_WINDOWS)


def head_slices(path: Path) -> Pictures:
    yield from slices(*head(path), "sca", HEAD_WINDOWS)


def mr_slices(path: Path) -> Pictures:
    yield from slices(*volume(path), "sca", ())


def mr_axial(path: Path) -> Pictures:
    yield from slices(*volume(path), "a", ())


def drr(
    array: Volume, spacing: tuple[float, ...], degrees: float, axial: bool = False
) -> tuple[Volume, Volume]:
    """Digitally reconstructed radiographs: what a parallel beam leaves behind, bones bright.

    Args:
        array: HU; axes right, anterior, superior.
        spacing: mm.
        degrees: Turn about the long axis: 0 is frontal, 90 lateral.
        axial: Look along the long axis instead.

    Returns:
        The pictures of a hard beam, and of a soft one, which weighs bone 1.8 times.
    """
    from scipy.ndimage import rotate

    density = np.clip(array / 1000 + 1, 0, 3)
    if degrees:
        density = rotate(density, degrees, axes=(0, 1), reshape=True, order=1)
    bone = np.clip(density - 1.15, 0, 2)
    along = 2 if axial else 1
    hard = density.sum(along).T[::-1]
    soft = hard + 0.8 * bone.sum(along).T[::-1]
    step = spacing[1] if axial else spacing[2]
    size = hard.shape[1] * spacing[0], hard.shape[0] * step
    return resized(hard, *size), resized(soft, *size)


def drr_views(
    array: Volume, spacing: tuple[float, ...], degrees: tuple[float, ...], axial: bool = False
) -> Pictures:
    """Each view whole and cut, with two beams, in turning contrast."""
    for turn in degrees:
        for beam, whole in enumerate(drr(array, spacing, turn, axial)):
            rng = np.random.default_rng([int(turn) % 360, beam])
            height, width = whole.shape
            for cut, share in enumerate((1.0, 0.85, 0.7)):
                top = int(rng.integers(0, int(height * (1 - share)) + 1))
                left = int(rng.integers(0, int(width * (1 - share)) + 1))
                part = whole[top : top + int(height * share), left : left + int(width * share)]
                shown = 255 * (stretched(part) / 255) ** rng.uniform(0.7, 1.3)
                yield f"-{turn:03.0f}-{beam}{cut}", Image.fromarray(shown.astype(np.uint8))


def drr_lateral(path: Path) -> Pictures:
    yield from drr_views(*volume(path), (78, 84, 90, 96, 102, 258, 264, 270, 276, 282))


def drr_abdomen(path: Path) -> Pictures:
    yield from drr_views(*volume(path), (0, 10, 20, 80, 90, 100, 180, 270, 340, 350))


def drr_skull(path: Path) -> Pictures:
    yield from drr_views(*head(path), (0, 10, 20, 80, 90, 100, 180, 190, 260, 270, 280, 340, 350))


def drr_axial(path: Path) -> Pictures:
    array, spacing = volume(path)
    edges = np.linspace(0, array.shape[2], 4).astype(int)
    for slab, (low, high) in enumerate(pairwise(edges)):
        for suffix, image in drr_views(array[:, :, low:high], spacing, (0, 180, 354), axial=True):
            yield f"-slab{slab}{suffix}", image
