from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn", reason="needs the [train] extra")

from film_sets import chests, jpeg
from pneumoscope import images
from pneumoscope.data.film_statistics import SHARPNESS, STATISTICS, sharpness, statistics
from pneumoscope.evidence.audit import file_shortcuts
from pneumoscope.evidence.audit.contrasts import Contrast
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS, FileFacts, facts_of
from pneumoscope.evidence.audit.films import Reading
from pneumoscope.evidence.audit.shortcut_measurement import measure
from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL, Shortcuts
from pneumoscope.metrics import roc_auc

SAMPLES = Path(__file__).parents[2] / "samples"


def told(data: bytes) -> tuple[dict[str, float], dict[str, str]]:
    facts = facts_of(data, images.read(data).facts)
    return dict(zip(NUMBERS, facts.numbers, strict=True)), dict(
        zip(WORDS, facts.words, strict=True)
    )


@pytest.mark.parametrize("quality", [10, 49, 75, 98])
def test_tables_of_libjpeg_are_known_by_their_quality(quality: int) -> None:
    numbers, words = told(jpeg(chests(1)[0], quality))
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
    _, words = told(stream.getvalue())
    assert (words["colour mode"], words["chroma sampling"]) == ("RGB", "4:2:2")
    assert (words["coding"], words["EXIF"]) == ("progressive", "present")


def test_files_without_tables() -> None:
    numbers, words = told((SAMPLES / "normal-1.png").read_bytes())
    assert (words["format"], words["quantisation table"], words["EXIF"]) == ("PNG", "none", "none")
    assert np.isnan(numbers["mean quantisation step"])
    _, words = told((SAMPLES / "pneumonia-3.dcm").read_bytes())
    assert words["format"] == "DICOM"
    assert words["colour mode"].startswith("MONOCHROME")
    assert words["DICOM header"] != "none"


def reading(
    truth: np.ndarray, words: list[str], number: np.ndarray | None = None, seed: int = 0
) -> Reading:
    """Films of noise whose table is a word and whose number of bytes is a number."""
    rng = np.random.default_rng(seed)
    n = len(truth)
    given = rng.normal(size=n) if number is None else number
    files = tuple(
        FileFacts(
            (float(given[i]), 1.0, 224.0, 224.0, 1.0, 20.0),
            ("JPEG", "L", words[i], "grey", "baseline", "none", "none", "none"),
            224,
            224,
        )
        for i in range(n)
    )
    return Reading(
        np.arange(n),
        tuple(map(str, range(n))),
        rng.integers(0, 256, (n, 32, 32), dtype=np.uint8),
        rng.normal(size=(n, len(STATISTICS))),
        files,
        rng.normal(size=(n, 4)).astype(np.float32),
        (),
    )


def scored(read: Reading, truth: np.ndarray, patients: list[str] | None = None) -> Shortcuts:
    keys = patients or [str(i) for i in range(len(truth))]
    groups = [sorted(set(keys)).index(key) for key in keys]
    return measure(Contrast("ill", "well", np.arange(len(truth)), truth), read, keys, groups)


def of(shortcuts: Shortcuts, source: str, feature: str) -> float:
    return next(s.auc.value for s in shortcuts.scores if (s.source, s.feature) == (source, feature))


def test_a_word_that_is_the_label() -> None:
    truth = np.arange(60) % 3 == 0  # 20 ill, 40 well
    words = ["A" if t else "B" for t in truth]
    words[0] = "B"  # one of the ill was saved like the others
    found = scored(reading(truth, words), truth)
    # 19 of 20 ill rank above all 40. The last ties with the 8 well films of its fold, where no ill
    # film taught that B can be ill, and ranks below the others: (19 x 40 + 8 / 2) / 800.
    assert of(found, FILE, "quantisation table") == pytest.approx(0.955)
    best = found.best(FILE)
    assert best is not None
    assert best.notable
    sentence = next(s.words for s in found.scores if s.feature == "quantisation table")
    assert "'A' in 19 of 20 ill films and none of 40 well films" in sentence
    assert "'B' in all 40 well films and 1 of 20 ill films" in sentence
    assert "calls 59 of 60 films right (98.3%; always the larger class: 66.7%)" in sentence
    assert of(found, ALL, "file, statistics, thumbnail") > 0.9


def test_few_films_told_apart_completely_have_an_exact_interval() -> None:
    truth = np.array([True] * 7 + [False] * 13)
    found = scored(reading(truth, ["A"] * 20, np.arange(20.0)), truth)
    score = next(s for s in found.scores if s.feature == "bytes")
    # Clopper and Pearson of 7 trials without a failure: 0.025^(1 / 7)
    assert (score.auc.value, score.auc.high) == (1.0, 1.0)
    assert score.auc.low == pytest.approx(0.5904, abs=1e-4)


def test_a_number_counts_either_way_and_constants_count_for_nothing() -> None:
    truth = np.array([True] * 10 + [False] * 10)
    number = np.arange(20.0)
    number[[9, 10]] = number[[10, 9]]  # one pair of 100 in the wrong order
    found = scored(reading(truth, ["A"] * 20, number), truth)
    assert of(found, FILE, "bytes") == pytest.approx(0.99)
    bytes_score = next(s for s in found.scores if s.feature == "bytes")
    assert bytes_score.words == "median 4.5 in ill, 14.5 in well"
    width = next(s for s in found.scores if s.feature == "width")
    assert (width.constant, width.auc.value) == (True, 0.5)
    assert width.words == "the same for all films: 224"


@pytest.mark.slow
def test_noise_tells_nothing() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random(300) < 0.3
    found = scored(reading(truth, [str(v) for v in rng.integers(0, 5, 300)]), truth)
    assert not any(s.notable for s in found.scores)
    for source in (FILE, PICTURE, THUMBNAIL):
        best = found.best(source)
        assert best is not None
        assert 0.4 < best.auc.value < 0.62


@pytest.mark.slow
def test_a_patient_who_is_known_again_does_not_count() -> None:
    # Each patient has a table of his own; whoever saw one of his films would know the other.
    truth = np.repeat(np.random.default_rng(0).random(60) < 0.5, 2)
    patients = [f"p{i // 2}" for i in range(120)]
    read = reading(truth, patients)
    together = of(scored(read, truth, patients), FILE, "quantisation table")
    apart = of(scored(read, truth), FILE, "quantisation table")
    assert together == 0.5
    assert apart > 0.8


def test_too_few_patients_are_said_to_be_too_few() -> None:
    truth = np.array([True] * 4 + [False] * 20)
    found = scored(reading(truth, ["A"] * 24), truth)
    assert found.scores == ()
    assert found.silence == "ill: fewer than 5 patients, too few to measure anything"


def test_statistics_by_hand() -> None:
    film = np.zeros((224, 224), np.uint8)
    film[100, 100] = 100
    # The Laplacian is -400 in the pixel and 100 in its four neighbours.
    assert sharpness(film) == pytest.approx(800 / 224**2)
    found = dict(zip(STATISTICS, statistics(film), strict=True))
    assert found["mean grey level"] == pytest.approx(100 / 224**2)
    assert found["grey level of side borders"] == 0


@pytest.mark.slow
def test_sharpness_alone_tells_pneumonia_on_the_real_films(films_dir: Path) -> None:
    folder = films_dir / "chest_xray" / "train"
    if not folder.is_dir():
        pytest.skip("the real films have another layout")
    paths = sorted(folder.glob("*/*.jpeg"))
    values = np.array(
        [statistics(images.model_input(images.read(p), 224))[SHARPNESS] for p in paths]
    )
    ill = np.array([p.parent.name == "PNEUMONIA" for p in paths])
    auc = float(roc_auc(ill, -values, np.ones((1, len(ill))))[0])
    assert auc == pytest.approx(0.88, abs=0.01)
