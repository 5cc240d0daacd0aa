"""What each way computes; whole ones are measured in processes of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pneumoscope import images
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ImageError
from pneumoscope.train.inference_bench.films import draw
from pneumoscope.train.inference_bench.way import Job, by_pillow
from pneumoscope.train.inference_bench.ways import (
    NEEDS,
    READS,
    WAYS,
    Decoding,
    OnnxRuntime,
    Pneumoscope,
)


@pytest.mark.slow
def test_the_decoder_reduces_as_the_product_does(tmp_path: Path) -> None:
    film = draw(tmp_path, small=0, large=1, dicom=0).large[0]
    decoded = np.asarray(Decoding(Job(tmp_path, 1, 224)).read(film))
    assert decoded.shape[:2] == images.read(film, at_least_px=224).pixels.shape


def test_the_network_runs_as_many_films_as_asked(tiny_bundle: Bundle) -> None:
    way = OnnxRuntime(Job(tiny_bundle.path, 2, 224))
    counts: list[int] = []
    way._run = lambda films: counts.append(len(films))
    way.read_many([Path("film")] * 19)
    assert sorted(counts) == [3, 8, 8]


def test_a_network_is_compared_with_the_golden_outputs(tiny_bundle: Bundle) -> None:
    job = Job(tiny_bundle.path, 1, 224)
    way = OnnxRuntime(job)
    dp = way.golden_dp()
    assert dp is not None
    assert dp < 1e-3
    way._run = lambda inputs: {"probabilities": np.full((len(inputs), 3), 0.5, np.float32)}
    other = way.golden_dp()
    assert other is not None
    assert other > 1e-3
    assert Decoding(job).golden_dp() is None  # without a network


def test_pillow_resizes_as_notebooks_do(tmp_path: Path) -> None:
    film = draw(tmp_path, small=1, large=0, dicom=0).small[0]
    grey = by_pillow(film, 32)
    assert (grey.shape, grey.dtype) == ((32, 32), np.uint8)


def test_a_film_that_cannot_be_read_ends_the_benchmark(tiny_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "film.jpg").write_bytes(b"")
    way = Pneumoscope(Job(tiny_bundle.path, 1, 224))
    with pytest.raises(ImageError):
        way.read_many([tmp_path / "film.jpg"])


def test_only_ways_that_exist_have_needs() -> None:
    assert set(NEEDS) | set(READS) <= set(WAYS)
