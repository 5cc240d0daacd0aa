"""The section that shows films to look at."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.section_results import Gallery as Shown
from pneumoscope.evidence.report.blocks import Gallery
from pneumoscope.evidence.report.sections.gallery import gallery, jpeg
from reported import gallery as drawn_gallery


def with_gallery(record: Evaluation, shown: Shown | None) -> BundleResult:
    return replace(record.bundles[0], gallery=shown, silences={})


def grids(record: Evaluation, shown: Shown) -> list[Gallery]:
    made = gallery(record, with_gallery(record, shown))
    return [block for block in made if isinstance(block, Gallery)]


def test_each_kind_of_film_has_its_part_and_the_mistakes_are_counted(record: Evaluation) -> None:
    made = list(gallery(record, with_gallery(record, drawn_gallery())))
    assert blocks_of.titles(made, 2) == ["False positive", "False negative", "Uncertain"]
    assert (
        "The surest mistakes. In all: 3 false positives, 1 false negative."
        in blocks_of.paragraphs(made)
    )


def test_a_film_says_what_it_is_and_what_it_was_called(record: Evaluation) -> None:
    first = grids(record, drawn_gallery())[0].films[0]
    assert first is not None
    assert first.lines == (
        "normal, called PNEUMONIA",
        "P(PNEUMONIA) 0.987, threshold 0.500",
        "heatmap of bacterial",
        "film0.png",
    )


def test_the_threshold_of_a_rare_finding_is_not_printed_as_zero(record: Evaluation) -> None:
    shown = drawn_gallery()
    rare = replace(shown, films=(replace(shown.films[0], threshold=2.5e-4),))
    first = grids(record, rare)[0].films[0]
    assert first is not None
    assert first.lines[1] == "P(PNEUMONIA) 0.987, threshold 2.5e-04"


def test_training_films_stand_beside_their_film(record: Evaluation) -> None:
    plain, with_neighbour, _ = grids(record, drawn_gallery())
    assert (len(plain.films), plain.columns) == (1, 4)
    film, near = with_neighbour.films
    assert film is not None
    assert near is not None
    assert near.lines == ("training film: normal", "similarity 0.900", "t1.png")
    assert with_neighbour.columns % 2 == 0  # a film and its neighbour stay in one row


def test_a_film_with_fewer_neighbours_leaves_cells_empty(record: Evaluation) -> None:
    shown = drawn_gallery()
    films = tuple(replace(film, kind="uncertain") for film in shown.films[:2])
    same_kind = replace(shown, films=films)
    (grid,) = grids(record, same_kind)
    assert [film is None for film in grid.films] == [False, True, False, False]


def test_pictures_are_called_confidential(record: Evaluation) -> None:
    made = list(gallery(record, with_gallery(record, drawn_gallery())))
    assert blocks_of.warnings(made) == [
        "Confidential. These pictures are films: protect this report as you protect them."
    ]
    assert "not an outline of disease" in blocks_of.text(made)


def test_without_mistakes_and_training_films_the_section_says_so(record: Evaluation) -> None:
    shown = replace(drawn_gallery(), mistakes={}, training_films=0)
    text = blocks_of.text(gallery(record, with_gallery(record, shown)))
    assert "In all: no mistakes." in text
    assert "No training films were available to search for similar ones." in text
    assert "Beside each film" not in text


def test_a_gallery_that_was_left_out_says_so(record: Evaluation) -> None:
    made = list(gallery(record, with_gallery(record, None)))
    assert blocks_of.warnings(made) == ["Not measured. It was left out of this evaluation."]


def test_the_heat_is_laid_over_the_film(record: Evaluation) -> None:
    shown = drawn_gallery()
    film = shown.films[0]
    top = np.zeros((4, 4), np.float32)
    top[0] = 1.0
    warm = replace(shown, films=(replace(film, heatmap=top),))
    block = grids(record, warm)[0].films[0]
    assert block is not None
    pixels = np.asarray(Image.open(io.BytesIO(block.jpeg)).convert("RGB"), float)
    assert pixels.shape == (224, 224, 3)
    colour = np.ptp(pixels, axis=2)  # grey pixels have none
    assert colour[:20].mean() > 5 * max(colour[-60:].mean(), 1.0)


def test_a_picture_keeps_its_pixels() -> None:
    grey = np.tile(np.arange(0, 224, dtype=np.uint8), (224, 1))
    again = np.asarray(Image.open(io.BytesIO(jpeg(grey, 95))))
    assert again.shape == (224, 224)
    assert np.abs(again.astype(int) - grey).max() <= 3


def test_heat_that_speaks_for_a_healthy_film_is_not_red(record: Evaluation) -> None:
    shown = drawn_gallery()
    top = np.zeros((4, 4), np.float32)
    top[0] = 1.0
    warm = replace(shown.films[0], heatmap=top)
    missed = replace(warm, called="normal", heatmap_class="normal")
    for film, red in ((warm, True), (missed, False)):
        block = grids(record, replace(shown, films=(film,)))[0].films[0]
        assert block is not None
        pixels = np.asarray(Image.open(io.BytesIO(block.jpeg)).convert("RGB"), float)
        assert (pixels[5, 112, 0] > pixels[5, 112, 2]) == red


def test_without_heatmaps_the_films_are_plain(record: Evaluation) -> None:
    shown = drawn_gallery()
    plain = replace(shown, films=tuple(replace(film, heatmap=None) for film in shown.films))
    bundle = with_gallery(record, plain)
    bundle = replace(bundle, meta=replace(bundle.meta, heatmaps=False))
    made = list(gallery(record, bundle))
    first = next(block for block in made if isinstance(block, Gallery)).films[0]
    assert first is not None
    assert first.lines[1:] == ("P(PNEUMONIA) 0.987, threshold 0.500", "film0.png")
    with Image.open(io.BytesIO(first.jpeg)) as image:
        assert image.mode == "L"
    assert "colour" not in blocks_of.text(made)
