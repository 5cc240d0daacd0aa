"""The films of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope import images, load
from pneumoscope.records import REFUSED
from pneumoscope.train.inference_bench.films import Films, draw


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return draw(tmp_path_factory.mktemp("films"), small=4, large=1, dicom=2)


def paths_of(films: Films) -> list[Path]:
    return [path for kind in ("small", "large", "dicom") for path in films.of(kind)]


def test_films_have_their_sizes(films: Films) -> None:
    sizes = [images.read(path).pixels.shape for path in paths_of(films)]
    assert sizes == [*[(224, 224)] * 4, (2890, 2890), *[(1024, 1024)] * 2]
    assert films.dicom[0].stat().st_size >= 2 * 1024**2
    assert films.small[0].read_bytes() != films.small[1].read_bytes()


def test_no_film_is_refused_so_every_verdict_has_a_heatmap(films: Films) -> None:
    assert all(
        o.prediction is not None and o.prediction.label != REFUSED and o.prediction.explanation
        for o in load("children").predict_many(paths_of(films))
    )
