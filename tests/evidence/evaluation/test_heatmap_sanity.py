"""Heatmaps under random weights; agreement of bundles."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("cv2")

from conv import conv_bundle
from labelled_films import noise_films
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation import heatmap_deletion, heatmap_sanity
from pneumoscope.evidence.evaluation.views import LabelledFilms
from pneumoscope.runtime import Classifier


def test_maps_that_follow_the_weights_pass(conv: Classifier) -> None:
    steps: list[tuple[int, int]] = []
    result = heatmap_sanity.randomisation(conv, noise_films(40), step=lambda *at: steps.append(at))
    assert [depth.layers for depth in result.depths] == [1, 2]
    assert result.depths[-1].similarity.rank.value is not None
    assert result.depths[-1].similarity.rank.value < 0.5
    assert result.passed is True
    assert steps[-1] == (6, 6)
    json.dumps(asdict(result), allow_nan=False)


def test_maps_that_do_not_follow_the_weights_fail(tiny_bundle: Bundle) -> None:
    """The tiny network's maps are the film's brightness, whatever the weights say."""
    result = heatmap_sanity.randomisation(Classifier(tiny_bundle), noise_films(30))
    rank = result.depths[-1].similarity.rank
    assert rank.value == pytest.approx(1)
    assert not result.passed
    assert result.other_films.rank.value is not None
    assert result.other_films.rank.value < 0.5


def test_a_bundle_agrees_with_itself_and_less_with_another(
    conv: Classifier, tmp_path: Path
) -> None:
    noise = noise_films(30)
    same = heatmap_sanity.agreement([conv, conv], noise)
    assert same.mean.rank.value == pytest.approx(1)
    assert same.mean.ssim.value == pytest.approx(1)
    assert same.other_films.rank.value is not None
    assert same.other_films.rank.value < 0.5
    other = Classifier(conv_bundle(tmp_path, offset=1.5))
    three = heatmap_sanity.agreement([conv, conv, other], noise, names=["a", "b", "c"])
    assert list(three.pairs) == ["a and b", "a and c", "b and c"]
    ranks = [pair.rank.value for pair in three.pairs.values()]
    assert ranks[0] == pytest.approx(1)
    assert ranks[1] == ranks[2]
    assert ranks[1] is not None
    assert ranks[1] < 0.99
    assert three.mean.rank.value == pytest.approx(np.mean([r for r in ranks if r is not None]))


def test_bundles_that_cannot_be_compared(conv: Classifier, tiny_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="1 bundles"):
        heatmap_sanity.agreement([conv], noise_films())
    with pytest.raises(UsageError, match="different"):
        heatmap_sanity.agreement([conv, Classifier(tiny_bundle)], noise_films())
    with pytest.raises(UsageError, match="names"):
        heatmap_sanity.agreement([conv, conv], noise_films(), names=["a", "a"])


def test_other_films_are_of_other_patients() -> None:
    patients = ["a"] * 10 + ["b"] * 3
    other = heatmap_sanity._others(patients, 0)
    assert all(patients[i] != patients[j] for i, j in enumerate(other))


@pytest.mark.slow
def test_plots(conv: Classifier) -> None:
    pytest.importorskip("matplotlib")
    from pneumoscope.evidence.report.plots import heatmaps as plots_heatmaps

    noise = noise_films(12)
    canvases = [
        plots_heatmaps.plot_randomisation(heatmap_sanity.randomisation(conv, noise, repeats=1)),
        plots_heatmaps.plot_agreement(heatmap_sanity.agreement([conv, conv], noise)),
    ]
    clear = LabelledFilms(noise.pixels, noise.targets, noise.patients)
    canvases.append(plots_heatmaps.plot_perturbation(heatmap_deletion.perturbation(conv, clear)))
    for canvas, text in zip(canvases, ("random layers", "all pairs", "centred blob"), strict=True):
        target = io.BytesIO()
        canvas.savefig(target, format="svg")
        assert text in target.getvalue().decode()
