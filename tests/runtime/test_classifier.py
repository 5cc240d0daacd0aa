"""The classifier: from films to predictions, one by one and many at once."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumoscope
from pneumoscope.bundle import Bundle
from pneumoscope.errors import (
    EmptySource,
    MissingFile,
    UnknownOperatingPoint,
    UnreadableImage,
    UsageError,
)
from pneumoscope.images.decoders import Decoder
from pneumoscope.records import Settings
from pneumoscope.runtime import Classifier, load


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Bundle) -> Classifier:
    return load(tiny_bundle.path, threads=2)


def by_hand(grey: int) -> np.ndarray:
    tilt = 8 * grey / 255
    e = np.exp([0.0, tilt - 4, tilt - 5])
    return e / e.sum()


@pytest.mark.parametrize(
    ("name", "grey", "label", "subtype", "explained"),
    [
        ("dark", 51, "NORMAL", None, "normal"),
        ("bright", 204, "PNEUMONIA", "bacterial", "bacterial"),
    ],
)
def test_predict_by_hand(
    classifier: Classifier, film_files: Path, name: str, grey: int, label: str, subtype: str | None,
    explained: str,
) -> None:  # fmt: skip
    p = classifier.predict(film_files / f"{name}.png")
    expected = by_hand(grey)
    assert list(p.probabilities) == ["normal", "bacterial", "viral"]
    assert list(p.probabilities.values()) == pytest.approx(expected, abs=1e-6)
    assert p.p_positive == pytest.approx(1 - expected[0], abs=1e-6)
    assert (p.label, p.subtype, p.heatmap_class) == (label, subtype, explained)
    assert p.heatmap.shape == (8, 8)
    assert p.heatmap == pytest.approx(np.full((8, 8), grey / 255), abs=1e-6)
    assert p.bundle == "tiny 1"
    assert p.bundle_sha256 == classifier.bundle.sha256
    assert set(p.timings_ms) == {"read", "infer", "explain"}
    assert all(math.isfinite(ms) and ms >= 0 for ms in p.timings_ms.values())


def test_bytes_stream_and_path_agree(classifier: Classifier, film_files: Path) -> None:
    path = film_files / "bright.png"
    answers = [
        classifier.predict(source).p_positive
        for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()))
    ]
    assert len(set(answers)) == 1


def test_the_operating_point_makes_the_label(tiny_bundle: Bundle, film_files: Path) -> None:
    # 1 - P(normal) of the dark film is 0.11, between the two thresholds of 0.1 and 0.5.
    film = film_files / "dark.png"
    assert load(tiny_bundle).predict(film).label == "NORMAL"
    screening = load(tiny_bundle, settings=Settings(operating_point="screen")).predict(film)
    assert (screening.label, screening.operating_point.threshold) == ("PNEUMONIA", 0.1)
    with pytest.raises(UnknownOperatingPoint):
        load(tiny_bundle, settings=Settings(operating_point="nonsense"))


def test_predict_many_keeps_order_and_survives_bad_films(
    classifier: Classifier, film_files: Path
) -> None:
    dark, bright = film_files / "dark.png", film_files / "bright.png"
    sources = [dark, bright, b"", film_files / "missing.png", bright, b"", dark] * 5
    outcomes = list(classifier.predict_many(sources, batch_size=4))
    assert [o.index for o in outcomes] == list(range(35))
    for outcome, source in zip(outcomes, sources, strict=True):
        if source == b"":
            assert isinstance(outcome.error, EmptySource)
        elif source == film_files / "missing.png":
            assert isinstance(outcome.error, MissingFile)
        else:
            assert outcome.prediction is not None
            assert outcome.error is None
            assert outcome.prediction.label == ("NORMAL" if source == dark else "PNEUMONIA")
            assert outcome.source.endswith(Path(str(source)).name)


def test_a_stream_that_breaks_sinks_no_batch(classifier: Classifier, film_files: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise EOFError("the archive ends too early")

    good = film_files / "dark.png"
    first, second, third = classifier.predict_many([Broken(), None, good])  # type: ignore[list-item]
    assert isinstance(first.error, UnreadableImage)
    assert isinstance(second.error, UnreadableImage)
    assert third.prediction is not None


def test_batches_and_single_films_agree(classifier: Classifier, film_files: Path) -> None:
    paths = sorted(film_files.iterdir())
    many = [o.prediction for o in classifier.predict_many(paths * 3, batch_size=5)]
    for prediction, path in zip(many, paths * 3, strict=True):
        assert prediction is not None
        single = classifier.predict(path)
        assert prediction.p_positive == pytest.approx(single.p_positive, abs=1e-6)


def test_predict_many_is_lazy_and_bounded(classifier: Classifier, film_files: Path) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield film_files / "dark.png"

    outcomes = classifier.predict_many(endless(), batch_size=2)
    for _ in range(4):
        next(outcomes)
    # Two chunks given out, one waiting per thread, one in hand: never more than a few batches.
    assert taken <= 12
    outcomes.close()  # type: ignore[attr-defined]
    assert not any(t.name.startswith("pneumoscope") for t in threading.enumerate())


def test_films_are_kept_on_request_only(classifier: Classifier, film_files: Path) -> None:
    path = film_files / "dark.png"
    kept = next(iter(classifier.predict_many([path], keep_films=True)))
    dropped = next(iter(classifier.predict_many([path])))
    assert kept.film is not None
    assert kept.film.pixels.shape == (240, 260)
    assert dropped.film is None


def test_one_classifier_serves_many_threads(classifier: Classifier, film_files: Path) -> None:
    paths = sorted(film_files.iterdir()) * 20
    expected = [classifier.predict(p).p_positive for p in paths[:2]] * 20
    with ThreadPoolExecutor(8) as pool:
        shares = list(pool.map(lambda p: classifier.predict(p).p_positive, paths))
    assert shares == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("arguments", [{"threads": 0}, {"threads": -2}])
def test_bad_threads(tiny_bundle: Bundle, arguments: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="threads"):
        load(tiny_bundle, **arguments)  # type: ignore[arg-type]


def test_bad_batch_size(classifier: Classifier) -> None:
    with pytest.raises(UsageError, match="batch_size"):
        classifier.predict_many([], batch_size=0)


def test_no_films_give_no_outcomes(classifier: Classifier) -> None:
    assert list(classifier.predict_many([])) == []


def test_a_blank_film_gives_finite_numbers() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(stream, "PNG")
    p = pneumoscope.load(settings=Settings(force=True)).predict(stream.getvalue())
    assert sum(p.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert p.heatmap is not None
    assert np.isfinite(p.heatmap).all()
    assert np.isfinite(list(p.gate.scores.values())).all()


def test_a_decoder_makes_the_films_that_the_network_reads(
    classifier: Classifier, film_files: Path
) -> None:
    options = classifier.decode_options(10**8)
    assert (options.size, options.source_size, options.max_pixels) == (32, 224, 10**8)
    film = sorted(film_files.iterdir())[0]
    decoder = Decoder(30, 2**31)
    try:
        pixels = decoder.decode(film.read_bytes(), options).pixels
    finally:
        decoder.stop()
    assert (pixels == classifier.prepare(film).pixels).all()
