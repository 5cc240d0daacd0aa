"""The parts of tools/gate_material.py that need no network."""

import csv
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def tools_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    yield
    for name in [name for name in sys.modules if name.startswith("gate_")]:
        del sys.modules[name]


def ramp(width=200, height=150, flip=False):
    row = np.linspace(0, 255, width).astype(np.uint8)
    return Image.fromarray(np.tile(row[::-1] if flip else row, (height, 1)))


def test_a_resized_or_paler_copy_is_left_out_and_another_picture_is_not(tmp_path):
    import gate_material
    from gate_sources import SOURCES

    collection = gate_material.Collection(tmp_path)
    steps = [ramp(), ramp(400, 300), ramp().point(lambda value: value // 2 + 60), ramp(flip=True)]
    added = [
        collection.add(f"{number}", image, "plot", SOURCES[0], "1")
        for number, image in enumerate(steps)
    ]
    assert added == [True, False, False, True]
    assert collection.add("0", ramp(flip=True).rotate(90), "plot", SOURCES[0], "1")
    collection.write_manifest()
    with (tmp_path / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == [
        f"plot/scikit-image-{name}.png" for name in ("0-2", "0", "3")
    ]
    assert Image.open(tmp_path / rows[2]["file"]).getpixel((0, 0)) == 255


@pytest.mark.parametrize(
    ("size", "level", "kept"),
    [
        ((200, 150), None, True),
        ((63, 100), None, False),
        ((600, 100), None, False),
        ((99, 99), 7, False),
    ],
)
def test_icons_strips_and_blanks_are_not_kept(size, level, kept):
    import gate_material

    image = ramp(*size) if level is None else Image.new("L", size, level)
    assert gate_material.worth_keeping(image) is kept


def test_transparency_becomes_white_and_equal_channels_become_grey():
    import gate_pictures

    image = gate_pictures.flat(Image.new("RGBA", (1024, 300), (200, 10, 10, 0)))
    assert (image.mode, image.size, image.getpixel((5, 5))) == ("L", (512, 150), 255)


def test_a_gimp_pattern_is_repeated(tmp_path):
    import gate_pictures

    tile = bytes(range(64)) * 64
    path = tmp_path / "p.pat"
    path.write_bytes(struct.pack(">5I4s", 25, 1, 64, 64, 1, b"GPAT") + b"\0" + tile)
    [(_, image)] = gate_pictures.gimp_pattern(path)
    assert image.size == (192, 192)
    assert [image.getpixel((x, 100)) for x in (0, 63, 64, 130)] == [0, 63, 0, 2]


def test_a_drr_sums_along_the_beam_and_stands_head_up():
    import gate_volumes

    # 4 x 6 x 8 voxels of air but for one of water (HU 0): right 1, anterior 2, superior 7.
    body = np.full((4, 6, 8), -1000, np.float32)
    body[1, 2, 7] = 0
    pytest.importorskip("scipy")
    hard, _ = gate_volumes.drr(body, (1.0, 1.0, 1.0), 0)
    assert hard.shape == (320, 160)
    row, column = np.unravel_index(hard.argmax(), hard.shape)
    assert (row // 40, column // 40) == (0, 1)
    from_above, _ = gate_volumes.drr(body, (1.0, 1.0, 1.0), 0, axial=True)
    row, column = np.unravel_index(from_above.argmax(), from_above.shape)
    assert from_above.shape == (320, 213)
    assert (row * 6 // 320, column * 4 // 213) == (3, 1)


def test_what_is_held_out_is_in_the_sources():
    import gate_material
    from gate_sources import DRAWN, SOURCES

    pairs = {(part.kind, source.package) for source in SOURCES for part in source.parts}
    kinds = {kind for kind, _ in pairs} | {kind for kind, _, _ in DRAWN}
    assert pairs >= gate_material.HELD_OUT_SOURCES
    assert kinds > gate_material.HELD_OUT_KINDS
    assert gate_material.held_out("noise", "drawn")
    assert not gate_material.held_out("ct-slice", "totalsegmentator")
