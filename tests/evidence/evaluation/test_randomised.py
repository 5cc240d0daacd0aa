"""Networks with random weights."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("cv2")

from labelled_films import noise_films
from pneumoscope.bundle import open_bundle
from pneumoscope.evidence.evaluation.randomised import randomised
from pneumoscope.evidence.evaluation.views import network_inputs, outputs_of
from pneumoscope.runtime import Classifier


def test_layers_are_randomised_from_the_output_down(conv: Classifier) -> None:
    inputs = network_inputs(noise_films().pixels, 32)
    before = outputs_of(conv, inputs)
    head, whole = randomised(conv, depths=5, seed=1)
    assert (head.layers, whole.layers, head.of) == (1, 2, 2)
    assert whole.layer == "conv"
    head_only, everything = (
        outputs_of(head.classifier, inputs),
        outputs_of(whole.classifier, inputs),
    )
    np.testing.assert_allclose(head_only.embedding, before.embedding, atol=1e-6)
    assert np.abs(head_only.probabilities - before.probabilities).max() > 0.01
    assert np.abs(everything.embedding - before.embedding).max() > 0.01


def test_maps_of_random_networks_are_still_their_grad_cam(conv: Classifier) -> None:
    inputs = network_inputs(noise_films().pixels, 32)
    for state in randomised(conv, depths=2, seed=2):
        outputs = outputs_of(state.classifier, inputs)
        logits = outputs.heatmaps.sum(axis=(2, 3))  # see conv.py
        odds = np.exp(logits)
        np.testing.assert_allclose(
            outputs.probabilities, odds / odds.sum(axis=1, keepdims=True), rtol=1e-4
        )


def test_every_layer_of_the_shipped_network_is_randomised() -> None:
    classifier = Classifier(open_bundle())
    inputs = np.random.default_rng(1).integers(0, 256, (2, 128, 128)).astype(np.uint8)
    before = outputs_of(classifier, inputs)
    first, last = randomised(classifier, depths=2, seed=0)
    # MobileNetV2 has 51 convolutions without its last one, the pyramid 4, the head 2.
    assert (first.layers, last.layers) == (1, 57)
    assert "evidence" in first.layer
    np.testing.assert_array_equal(outputs_of(first.classifier, inputs).embedding, before.embedding)
    assert np.abs(outputs_of(first.classifier, inputs).heatmaps - before.heatmaps).max() > 0
    assert np.abs(outputs_of(last.classifier, inputs).embedding - before.embedding).max() > 0.1
