"""Pictures that no package holds: pages of text, phantoms, noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gate_pictures import Pictures, stretched


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
        lines = wrapped(
            text[start : start + 4000], font, (size[0] - margin * (columns + 1)) // columns
        )
        step = round(font.size * rng.uniform(1.1, 1.7))
        rows = max(1, (size[1] - 2 * margin) // step)
        for place, line in enumerate(lines[: rows * columns]):
            column, row = divmod(place, rows)
            left = margin + column * (size[0] - margin) // columns
            draw.text(
                (left, margin + row * step), line, 235 if dark else int(rng.integers(0, 60)), font
            )
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
                + [
                    (rng.uniform(-0.4, 0.5), size, size, far * np.cos(a), far * np.sin(a), 0)
                    for a in around
                ]
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
