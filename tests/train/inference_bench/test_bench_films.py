"""Drawn films."""

from __future__ import annotations

from pathlib import Path

from pneumoscope import images, load
from pneumoscope.records import REFUSED
from pneumoscope.train.inference_bench.films import draw


def test_drawn_films_have_their_sizes(tmp_path: Path) -> None:
    films = draw(tmp_path, small=2, large=1, dicom=1)
    sizes = [
        images.read(path).pixels.shape
        for kind in ("small", "large", "dicom")
        for path in films.of(kind)
    ]
    assert sizes == [(224, 224), (224, 224), (2890, 2890), (1024, 1024)]
    assert films.dicom[0].stat().st_size >= 2 * 1024**2
    assert films.small[0].read_bytes() != films.small[1].read_bytes()


def test_no_film_is_refused_so_every_verdict_has_a_heatmap(tmp_path: Path) -> None:
    films = draw(tmp_path, small=8, large=1, dicom=4)
    paths = [path for kind in ("small", "large", "dicom") for path in films.of(kind)]
    outcomes = load("children").predict_many(paths)
    assert all(
        o.prediction is not None and o.prediction.label != REFUSED and o.prediction.explanation
        for o in outcomes
    )
