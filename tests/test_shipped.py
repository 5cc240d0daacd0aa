"""The bundle inside the package keeps what its card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pneumoscope
from pneumoscope import images
from pneumoscope.bundle import CARD, SHIPPED, open_bundle
from pneumoscope.runtime import Classifier

META = open_bundle().meta


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return pneumoscope.load(open_bundle())


def test_it_is_small_and_has_the_classes() -> None:
    assert META.labels == ("normal", "bacterial", "viral")
    assert sum(p.stat().st_size for p in SHIPPED.iterdir()) < 15_000_000


def test_its_figures_reach_what_was_asked_for() -> None:
    v = META.validation
    assert v["operating_point"]["name"] == META.default_operating_point
    assert v["plain"]["auc"]["value"] >= 0.99
    assert v["plain"]["auc"]["value"] - v["worst"]["auc"]["value"] <= 0.02
    assert v["worst"]["balanced_accuracy"]["value"] >= 0.93
    assert len(v["stress"]) >= 16


def test_its_heatmaps_localise() -> None:
    heatmaps = META.validation["heatmaps"]
    assert heatmaps["pointing"]["low"] >= 0.85
    assert heatmaps["same_peak"] <= 0.25


def test_its_operating_points_are_in_order() -> None:
    screen, balanced, rule_in = (
        META.operating_point(name).threshold for name in ("screen", "balanced", "rule-in")
    )
    assert screen < balanced < rule_in


def test_its_parity_is_close_enough() -> None:
    parity = META.validation["parity"]
    assert parity["films"] >= 200
    assert parity["max_dp"] <= 1e-4
    assert parity["max_heatmap_error"] <= 1e-3


def test_its_card_tells_what_the_record_holds() -> None:
    card = (SHIPPED / CARD).read_text(encoding="utf-8")
    v = META.validation
    for figure in (v["plain"]["auc"], v["statistics_baseline"]["positive"]):
        assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in card
    for text in ("Not a medical device", "CC BY 4.0", "MIT licence", "cat"):
        assert text in card


def test_golden_outputs(classifier: Classifier) -> None:
    assert classifier.check() <= 1e-3


def test_outputs_have_the_promised_shapes(classifier: Classifier) -> None:
    size = META.size
    outputs = classifier.run(np.zeros((3, size, size, 1), np.uint8))
    assert outputs.probabilities.shape == (3, 3)
    assert outputs.heatmaps.shape[:2] == (3, 3)
    assert min(outputs.heatmaps.shape[2:]) >= 7
    assert outputs.embedding.shape == (3, 1280)
    for values in (outputs.probabilities, outputs.heatmaps, outputs.embedding):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert outputs.heatmaps.min() >= 0


def test_exposure_and_contrast_do_not_change_the_verdict(classifier: Classifier) -> None:
    rng = np.random.default_rng(0)
    size = META.size
    film = rng.integers(0, 100, (1, size, size, 1)).astype(np.uint8)
    changed = (film * 2 + 30).astype(np.uint8)
    p, q = (classifier.run(x).probabilities for x in (film, changed))
    assert np.abs(p - q).max() < 0.01


def test_reduced_decoding_hardly_changes_the_answer(
    classifier: Classifier, films_dir: Path
) -> None:
    films = sorted((films_dir / "full_size").glob("*/*"))
    reduced = [classifier.predict(path) for path in films]
    whole = classifier.run(
        np.stack([images.model_input(images.read(path), META.size) for path in films])[..., None]
    )
    differences = [
        abs(p.p_positive - (1 - q[0])) for p, q in zip(reduced, whole.probabilities, strict=True)
    ]
    assert sum(p.facts.reduced_by > 1 for p in reduced) >= 20
    assert np.median(differences) <= 0.002
    assert max(differences) <= 0.1


def test_a_full_size_film_and_its_224_pixel_copy_agree(
    classifier: Classifier, films_dir: Path
) -> None:
    full = sorted((films_dir / "full_size").glob("*/*"))
    twins = [films_dir / "chest_xray" / "train" / p.parent.name / p.name for p in full]
    pairs = [
        (a.prediction, b.prediction)
        for a, b in zip(classifier.predict_many(full), classifier.predict_many(twins), strict=True)
    ]
    assert len(pairs) == 29
    differences = []
    for large, small in pairs:
        assert large is not None
        assert small is not None
        assert large.called == small.called
        differences.append(abs(large.p_positive - small.p_positive))
    assert np.median(differences) <= 0.03


def test_it_was_trained_by_the_shipped_recipe() -> None:
    pytest.importorskip("cv2", reason="needs the [train] extra")
    from pneumoscope.train.recipe import reading

    # Settings that came after the bundle have their defaults.
    assert reading.from_json(META.recipe) == reading.load("flagship")
