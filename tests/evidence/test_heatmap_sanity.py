"""Heatmaps under random weights, deletion and insertion, agreement of bundles."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("cv2")
stats = pytest.importorskip("scipy.stats")

from conv import conv_bundle
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation import heatmap_deletion, heatmap_sanity
from pneumoscope.evidence.evaluation.heatmap_similarity import (
    rank_correlation,
    structural_similarity,
)
from pneumoscope.evidence.evaluation.randomised import randomised
from pneumoscope.evidence.evaluation.views import LabelledFilms, network_inputs, outputs_of
from pneumoscope.runtime import Classifier

RNG = np.random.default_rng(0)


def films(count: int = 24, side: int = 32) -> LabelledFilms:
    pixels = RNG.integers(0, 256, (count, side, side)).astype(np.uint8)
    targets = np.eye(3)[np.arange(count) % 3]
    return LabelledFilms(pixels, targets, [str(i // 2) for i in range(count)])


@pytest.fixture(scope="module")
def conv(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier(conv_bundle(tmp_path_factory.mktemp("conv")))


def test_rank_correlation_is_spearmans() -> None:
    first, second = RNG.random((5, 8, 8)), RNG.integers(0, 4, (5, 8, 8)).astype(float)
    wanted = [
        stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(rank_correlation(first, second), wanted)
    np.testing.assert_allclose(rank_correlation(first, -first), -1)
    np.testing.assert_array_equal(rank_correlation(first, np.zeros_like(first)), 0)


def test_structural_similarity_of_a_map_with_itself_is_one() -> None:
    maps = RNG.random((3, 8, 8))
    np.testing.assert_allclose(structural_similarity(maps, 7 * maps), 1, atol=1e-6)
    assert (structural_similarity(maps, 1 - maps) < 0).all()
    assert (np.abs(structural_similarity(maps, np.zeros_like(maps))) < 0.1).all()


def test_structural_similarity_of_flat_maps_by_hand() -> None:
    # Of two flat maps only the means differ; 1 and 0 after division by the maximum.
    flat, blank = np.full((1, 32, 32), 5.0), np.zeros((1, 32, 32))
    np.testing.assert_allclose(structural_similarity(flat, blank), 1e-4 / (1 + 1e-4), rtol=1e-6)


def test_layers_are_randomised_from_the_output_down(conv: Classifier) -> None:
    inputs = network_inputs(films().pixels, 32)
    before = outputs_of(conv, inputs)
    one, both = randomised(conv, depths=5, seed=1)
    assert (one.layers, both.layers, one.of) == (1, 2, 2)
    assert both.layer == "conv"
    head_only, everything = outputs_of(one.classifier, inputs), outputs_of(both.classifier, inputs)
    np.testing.assert_allclose(head_only.embedding, before.embedding, atol=1e-6)
    assert np.abs(head_only.probabilities - before.probabilities).max() > 0.01
    assert np.abs(everything.embedding - before.embedding).max() > 0.01


def test_maps_of_random_networks_are_still_their_grad_cam(conv: Classifier) -> None:
    inputs = network_inputs(films().pixels, 32)
    for state in randomised(conv, depths=2, seed=2):
        outputs = outputs_of(state.classifier, inputs)
        logits = outputs.heatmaps.sum(axis=(2, 3))  # see conv.py
        odds = np.exp(logits)
        np.testing.assert_allclose(
            outputs.probabilities, odds / odds.sum(axis=1, keepdims=True), rtol=1e-4
        )


def test_maps_that_follow_the_weights_pass(conv: Classifier) -> None:
    steps: list[tuple[int, int]] = []
    found = heatmap_sanity.randomisation(conv, films(40), step=lambda *at: steps.append(at))
    assert [depth.layers for depth in found.depths] == [1, 2]
    assert found.depths[-1].similarity.rank.value is not None
    assert found.depths[-1].similarity.rank.value < 0.5
    assert found.passed is True
    assert steps[-1] == (6, 6)
    json.dumps(asdict(found), allow_nan=False)


def test_maps_that_do_not_follow_the_weights_fail(tiny_bundle: Bundle) -> None:
    """The tiny network's maps are the film's brightness, whatever the weights say."""
    found = heatmap_sanity.randomisation(Classifier(tiny_bundle), films(30))
    rank = found.depths[-1].similarity.rank
    assert rank.value == pytest.approx(1)
    assert not found.passed
    assert found.other_films.rank.value is not None
    assert found.other_films.rank.value < 0.5


def bright_spots(count: int = 20) -> LabelledFilms:
    """Bright films with a white spot in a corner each."""
    pixels = np.full((count, 32, 32), 120, np.uint8)
    for i, film in enumerate(pixels):
        x, y = (i % 2) * 20, (i // 2 % 2) * 20
        film[y : y + 12, x : x + 12] = 255
    return LabelledFilms(
        pixels, np.tile([0.0, 1.0, 0.0], (count, 1)), [str(i) for i in range(count)]
    )


def test_deletion_and_insertion_of_what_counts(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle)
    own = bright_spots()
    found = heatmap_deletion.perturbation(classifier, own)
    p = float(outputs_of(classifier, own.pixels).probabilities[0, 1])
    assert found.fractions[0] == 0
    assert found.fractions[-1] == 1
    for curve in found.deletion:
        assert curve.probability[0] == pytest.approx(p, abs=1e-6)
    for curve in found.insertion:
        assert curve.probability[-1] == pytest.approx(p, abs=1e-6)
    heat = found.deletion[0]
    assert heat.order == heatmap_deletion.HEAT
    # The network counts brightness, the map shows it: without the bright spot the answer falls at once.
    assert heat.probability[2] < p - 0.05
    for curve in found.deletion[1:]:
        assert curve.gain is not None
        assert curve.gain.value is not None
        assert curve.gain.value > 0
    json.dumps(asdict(found), allow_nan=False)


def test_area_is_that_under_the_mean_curve(tiny_bundle: Bundle) -> None:
    found = heatmap_deletion.perturbation(Classifier(tiny_bundle), bright_spots())
    for curve in (*found.deletion, *found.insertion):
        area = np.trapezoid(curve.probability, found.fractions)
        assert curve.area.value == pytest.approx(area)


def test_blank_maps_are_left_out(tiny_bundle: Bundle) -> None:
    own = bright_spots()
    own.pixels[:3] = 0
    found = heatmap_deletion.perturbation(Classifier(tiny_bundle), own)
    assert (found.films, found.left_out) == (17, 3)
    own.pixels[:] = 0
    with pytest.raises(UsageError, match="blank"):
        heatmap_deletion.perturbation(Classifier(tiny_bundle), own)


def test_a_bundle_agrees_with_itself_and_less_with_another(
    conv: Classifier, tmp_path: Path
) -> None:
    own = films(30)
    same = heatmap_sanity.agreement([conv, conv], own)
    assert same.mean.rank.value == pytest.approx(1)
    assert same.mean.ssim.value == pytest.approx(1)
    assert same.other_films.rank.value is not None
    assert same.other_films.rank.value < 0.5
    other = Classifier(conv_bundle(tmp_path, offset=1.5))
    three = heatmap_sanity.agreement([conv, conv, other], own, names=["a", "b", "c"])
    assert list(three.pairs) == ["a and b", "a and c", "b and c"]
    ranks = [pair.rank.value for pair in three.pairs.values()]
    assert ranks[0] == pytest.approx(1)
    assert ranks[1] == ranks[2]
    assert ranks[1] is not None
    assert ranks[1] < 0.99
    assert three.mean.rank.value == pytest.approx(np.mean([r for r in ranks if r is not None]))


def test_bundles_that_cannot_be_compared(conv: Classifier, tiny_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="1 bundles"):
        heatmap_sanity.agreement([conv], films())
    with pytest.raises(UsageError, match="different"):
        heatmap_sanity.agreement([conv, Classifier(tiny_bundle)], films())
    with pytest.raises(UsageError, match="names"):
        heatmap_sanity.agreement([conv, conv], films(), names=["a", "a"])


def test_other_films_are_of_other_patients() -> None:
    patients = ["a"] * 10 + ["b"] * 3
    other = heatmap_sanity._others(patients, 0)
    assert all(patients[i] != patients[j] for i, j in enumerate(other))


def test_plots(conv: Classifier) -> None:
    pytest.importorskip("matplotlib")
    from pneumoscope.evidence.report.plots import heatmaps as plots_heatmaps

    own = films(12)
    canvases = [
        plots_heatmaps.plot_randomisation(heatmap_sanity.randomisation(conv, own, repeats=1)),
        plots_heatmaps.plot_agreement(heatmap_sanity.agreement([conv, conv], own)),
    ]
    clear = LabelledFilms(own.pixels, own.targets, own.patients)
    canvases.append(plots_heatmaps.plot_perturbation(heatmap_deletion.perturbation(conv, clear)))
    for canvas, text in zip(canvases, ("random layers", "all pairs", "centred blob"), strict=True):
        target = io.BytesIO()
        canvas.savefig(target, format="svg")
        assert text in target.getvalue().decode()


def test_every_layer_of_the_shipped_network_is_randomised() -> None:
    classifier = Classifier(open_bundle())
    inputs = np.random.default_rng(1).integers(0, 256, (2, 128, 128)).astype(np.uint8)
    before = outputs_of(classifier, inputs)
    first, last = randomised(classifier, depths=2, seed=0)
    # MobileNetV2 has 52 convolutions; the dense layer and its copy in Grad-CAM are one layer.
    assert (first.layers, last.layers) == (1, 53)
    assert "logits" in first.layer
    np.testing.assert_array_equal(outputs_of(first.classifier, inputs).embedding, before.embedding)
    assert np.abs(outputs_of(first.classifier, inputs).heatmaps - before.heatmaps).max() > 0
    assert np.abs(outputs_of(last.classifier, inputs).embedding - before.embedding).max() > 0.1
