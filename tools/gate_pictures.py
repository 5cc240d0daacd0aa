"""Turns files of packages into 8-bit pictures: rasters, DICOM frames, volumes, text, phantoms."""

from __future__ import annotations

import plistlib
import struct
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageSequence

SIDE = 512
# Smaller pictures than this are icons; the network would see little but its own enlargement.
SMALLEST = 64
# Volumes have some 100 to 250 voxels a side.
VOLUME_SIDE = 320

Pictures = Iterator[tuple[str, Image.Image]]
Volume = NDArray[np.float32]


def picture(path: Path) -> Pictures:
    """The file as it is, transparency laid on white."""
    with Image.open(path) as image:
        # JPEG files decode at a fraction of their size at once.
        image.draft(None, (SIDE, SIDE))
        yield "", flat(image)


def flat(image: Image.Image) -> Image.Image:
    """``image`` as L or RGB, at most ``SIDE`` pixels long."""
    if image.mode in ("RGBA", "LA", "PA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode.startswith(("I", "F")):
        image = Image.fromarray(stretched(np.asarray(image, np.float32)))
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    else:
        image = image.copy()
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2)
    if image.mode == "RGB":
        red, green, blue = image.split()
        if red.tobytes() == green.tobytes() == blue.tobytes():
            return red
    return image


def stretched(
    pixels: NDArray[np.float32], low: float | None = None, high: float | None = None
) -> NDArray[np.uint8]:
    """``pixels`` to 0..255 between ``low`` and ``high`` (0.5 and 99.5 % where not given)."""
    low = float(np.percentile(pixels, 0.5)) if low is None else low
    high = float(np.percentile(pixels, 99.5)) if high is None else high
    share = (pixels - low) / max(high - low, 1e-6)
    return (np.clip(share, 0, 1) * 255).astype(np.uint8)


def tiles(path: Path) -> Pictures:
    """The file, and 3 x 3 overlapping halves of it: for few, large pictures."""
    with Image.open(path) as image:
        if image.mode.startswith(("I", "F")):
            image = Image.fromarray(stretched(np.asarray(image, np.float32)))
        width, height = image.size
        for row in range(3):
            for column in range(3):
                left, top = column * width // 4, row * height // 4
                box = (left, top, left + width // 2, top + height // 2)
                yield f"-{row}{column}", flat(image.crop(box))


def tiff_frames(path: Path) -> Pictures:
    with Image.open(path) as image:
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            yield f"-{number:02}", flat(frame)


def gimp_pattern(path: Path) -> Pictures:
    """A GIMP pattern (devel-docs/pat.txt of GIMP: big-endian header, then raw bytes), 2 x 2."""
    raw = path.read_bytes()
    offset, _, width, height, depth, magic = struct.unpack(">5I4s", raw[:24])
    if magic != b"GPAT" or depth not in (1, 3):
        return
    pixels = np.frombuffer(raw, np.uint8, width * height * depth, offset)
    tile = pixels.reshape((height, width) if depth == 1 else (height, width, 3))
    repeat = max(2, 1 + 128 // min(width, height))
    whole = np.tile(tile, (repeat, repeat) if depth == 1 else (repeat, repeat, 1))
    yield "", flat(Image.fromarray(whole).crop((0, 0, SIDE, SIDE) if min(whole.shape[:2]) > SIDE else None))


def dicom_frames(path: Path) -> Pictures:
    """The frames of a DICOM file, stretched to 8 bits."""
    from pydicom import dcmread
    from pydicom.pixels import apply_color_lut, convert_color_space

    data = dcmread(path)
    pixels = data.pixel_array
    space = str(data.PhotometricInterpretation)
    if space == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, data)
    elif space.startswith("YBR_FULL"):
        pixels = convert_color_space(pixels, space, "RGB")
    colour = pixels.shape[-1] == 3
    frames = pixels if pixels.ndim == 3 + colour else pixels[None]
    for number, frame in enumerate(frames):
        grey = frame.dtype == np.uint8
        yield f"-{number:02}", flat(Image.fromarray(frame if grey else stretched(frame.astype(np.float32))))


def dicom_crops(path: Path) -> Pictures:
    """The frames, and four corner crops of every tenth: for the kinds of which there is little."""
    for number, (suffix, frame) in enumerate(dicom_frames(path)):
        yield suffix, frame
        if number % 10 == 0:
            width, height = frame.size
            for corner, (x, y) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
                left, top = x * width * 3 // 10, y * height * 3 // 10
                box = (left, top, left + width * 7 // 10, top + height * 7 // 10)
                yield f"{suffix}-corner{corner}", flat(frame.crop(box))


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


def fonts() -> list[Path]:
    """The DejaVu faces that matplotlib carries."""
    from matplotlib import get_data_path

    return sorted(Path(get_data_path(), "fonts", "ttf").glob("DejaVu*.ttf"))


def text_pages(count: int, seed: int, texts: list[str]) -> Pictures:
    """Pages of ``texts`` (documentation of the packages) in many layouts, some as if scanned."""
    rng = np.random.default_rng(seed)
    faces = [face for face in fonts() if "Display" not in face.name]
    for number in range(count):
        font = ImageFont.truetype(faces[rng.integers(len(faces))], int(rng.integers(9, 26)))
        size = (int(rng.integers(340, 513)), int(rng.integers(340, 513)))
        dark = rng.random() < 0.2
        page = Image.new("L", size, 20 if dark else int(rng.integers(225, 256)))
        draw = ImageDraw.Draw(page)
        text = texts[rng.integers(len(texts))]
        start = int(rng.integers(0, max(1, len(text) - 3000)))
        columns = int(rng.integers(1, 3))
        margin = int(rng.integers(8, 50))
        lines = wrapped(text[start : start + 4000], font, (size[0] - margin * (columns + 1)) // columns)
        step = round(font.size * rng.uniform(1.1, 1.7))
        rows = max(1, (size[1] - 2 * margin) // step)
        for place, line in enumerate(lines[: rows * columns]):
            column, row = divmod(place, rows)
            left = margin + column * (size[0] - margin) // columns
            draw.text((left, margin + row * step), line, 235 if dark else int(rng.integers(0, 60)), font)
        if rng.random() < 0.3:
            page = page.rotate(float(rng.uniform(-4, 4)), fillcolor=page.getpixel((0, 0)))
        yield f"{number:03}", page


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """``text`` broken into lines that are at most ``width`` pixels wide."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


# Shepp and Logan 1974, contrast of Toft 1996: value, half axes, centre (unit square), turn.
SHEPP_LOGAN = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)


def phantoms(count: int, seed: int, texts: list[str]) -> Pictures:
    """Shepp-Logan phantoms with changed ellipses, every third as a water phantom with rods."""
    del texts
    rng = np.random.default_rng(seed)
    grid = np.linspace(-1, 1, 256)
    x, y = np.meshgrid(grid, -grid)
    for number in range(count):
        ellipses = np.array(SHEPP_LOGAN)
        if number % 3 == 2:
            rods = int(rng.integers(4, 14))
            around = np.linspace(0, 2 * np.pi, rods, endpoint=False)
            far = rng.uniform(0.35, 0.6)
            size = rng.uniform(0.04, 0.12)
            ellipses = np.array(
                [(0.5, 0.85, 0.85, 0, 0, 0)]
                + [(rng.uniform(-0.4, 0.5), size, size, far * np.cos(a), far * np.sin(a), 0) for a in around]
            )
        else:
            ellipses[:, 0] *= rng.uniform(0.6, 1.4, len(ellipses))
            ellipses[:, 1:3] *= rng.uniform(0.7, 1.15)
            ellipses[2:, 3:5] += rng.normal(0, 0.06, (len(ellipses) - 2, 2))
            ellipses[2:, 5] += rng.normal(0, 15, len(ellipses) - 2)
        plane = np.zeros_like(x)
        for value, wide, high, right, up, degrees in ellipses:
            turn = np.deg2rad(degrees)
            along = (x - right) * np.cos(turn) + (y - up) * np.sin(turn)
            across = (y - up) * np.cos(turn) - (x - right) * np.sin(turn)
            plane[(along / wide) ** 2 + (across / high) ** 2 <= 1] += value
        plane += rng.normal(0, rng.uniform(0, 0.06), plane.shape)
        yield f"{number:03}", Image.fromarray(stretched(plane.astype(np.float32)))


def noises(count: int, seed: int, texts: list[str]) -> Pictures:
    """Noise of spectra 1/f^a (a from 0, white, to 2.5, clouds), gradients and gratings."""
    del texts
    rng = np.random.default_rng(seed)
    side = 256
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1 / side
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    for number in range(count):
        if number % 3 == 2:
            turn = rng.uniform(0, np.pi)
            waves = rng.uniform(0.3, 12)
            plane = np.sin(2 * np.pi * waves * (x * np.cos(turn) + y * np.sin(turn)))
            plane += rng.normal(0, rng.uniform(0, 0.5), plane.shape)
        else:
            spectrum = np.fft.fft2(rng.normal(size=(side, side)))
            plane = np.fft.ifft2(spectrum / frequency ** rng.uniform(0, 2.5)).real
        yield f"{number:03}", Image.fromarray(stretched(plane.astype(np.float32)))
