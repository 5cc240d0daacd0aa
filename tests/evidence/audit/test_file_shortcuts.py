from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

pytest.importorskip("sklearn", reason="needs the [train] extra")

from film_sets import chests, jpeg
from pneumoscope import images
from pneumoscope.evidence.audit import file_shortcuts
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS, facts_of

SAMPLES = Path(__file__).parents[3] / "samples"


def facts_by_name(data: bytes) -> tuple[dict[str, float], dict[str, str]]:
    facts = facts_of(data, images.read(data).facts)
    return dict(zip(NUMBERS, facts.numbers, strict=True)), dict(
        zip(WORDS, facts.words, strict=True)
    )


@pytest.mark.parametrize("quality", [10, 49, 75, 98])
def test_tables_of_libjpeg_are_known_by_their_quality(quality: int) -> None:
    numbers, words = facts_by_name(jpeg(chests(1)[0], quality))
    assert words["quantisation table"].endswith(f"(libjpeg, quality {quality})")
    assert words["chroma sampling"] == "grey"
    assert numbers["width"] == 224
    assert numbers["bytes per pixel"] == numbers["bytes"] / 224**2


def test_quality_75_is_half_of_table_k_1() -> None:
    # 16 x 0.5 = 8, 11 x 0.5 = 5.5, 10 x 0.5 = 5, ...: rounded up from a half
    assert file_shortcuts.name_table(
        [int(v) for v in np.floor(file_shortcuts._K1 / 2 + 0.5)]
    ).startswith("8 6 5 8 12 20 ... (libjpeg, quality 75)")
    assert file_shortcuts.libjpeg_quality([1] * 64) == 100
    strange = [1, 1, 1, 2, 3, 4, *[5] * 58]
    assert file_shortcuts.name_table(strange) == "1 1 1 2 3 4 ..., sum 302"


def test_colour_sampling_coding_and_exif() -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0131] = "software"
    rgb = Image.fromarray(np.stack([chests(1)[0]] * 3, axis=-1))
    rgb.save(stream, "JPEG", quality=90, subsampling="4:2:2", progressive=True, exif=exif)
    _, words = facts_by_name(stream.getvalue())
    assert (words["colour mode"], words["chroma sampling"]) == ("RGB", "4:2:2")
    assert (words["coding"], words["EXIF"]) == ("progressive", "present")


def test_files_without_tables() -> None:
    numbers, words = facts_by_name((SAMPLES / "normal-1.png").read_bytes())
    assert (words["format"], words["quantisation table"], words["EXIF"]) == ("PNG", "none", "none")
    assert np.isnan(numbers["mean quantisation step"])
    _, words = facts_by_name((SAMPLES / "pneumonia-3.dcm").read_bytes())
    assert words["format"] == "DICOM"
    assert words["colour mode"].startswith("MONOCHROME")
    assert words["DICOM header"] != "none"


def test_a_long_text_does_not_stop_the_audit() -> None:
    """Pillow refuses it; the film is read without."""
    texts = PngInfo()
    texts.add_text("k", " " * 2**21, zip=True)
    stream = io.BytesIO()
    Image.fromarray(np.full((80, 80), 90, np.uint8)).save(stream, "PNG", pnginfo=texts)
    facts, film = file_shortcuts.read(stream.getvalue(), "film")
    assert (facts.words[0], film.facts.rows) == ("PNG", 80)
