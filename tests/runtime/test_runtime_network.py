"""The network of a bundle: whether it fits the bundle, and what it gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pneumoscope.bundle import GOLDEN, Bundle, write_bundle
from pneumoscope.errors import BundleMismatch
from pneumoscope.runtime import Classifier, load
from pneumoscope.runtime.network import Network
from tiny import TINY_SIZE, tiny_files, tiny_meta


@pytest.fixture(scope="module")
def network(tiny_bundle: Bundle) -> Network:
    return Network(tiny_bundle)


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Bundle) -> Classifier:
    return load(tiny_bundle.path, threads=2)


def softmax(*logits: float) -> np.ndarray:
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum())


def test_outputs_by_hand(network: Network) -> None:
    inputs = np.zeros((2, TINY_SIZE, TINY_SIZE, 1), np.uint8)
    inputs[1] = 255
    outputs = network.run(inputs)
    # Of a black film the logits are 0, -4 and -5, of a white one 0, 4 and 3.
    np.testing.assert_allclose(outputs.probabilities[0], softmax(0, -4, -5), atol=1e-6)
    np.testing.assert_allclose(outputs.probabilities[1], softmax(0, 4, 3), atol=1e-6)
    assert outputs.heatmaps.shape == (2, 3, 8, 8)
    assert (outputs.heatmaps[0] == 0).all()
    np.testing.assert_allclose(outputs.heatmaps[1], 1.0, atol=1e-6)
    assert outputs.embedding.shape == (2, 64)
    assert outputs.features is None


def test_a_gate_gets_the_features(tmp_path: Path) -> None:
    files = tiny_files(tmp_path / "parts", features=True)
    network = Network(write_bundle(tmp_path / "b", tiny_meta(), files))
    inputs = np.full((1, TINY_SIZE, TINY_SIZE, 1), 51, np.uint8)
    outputs = network.run(inputs)
    assert outputs.features is not None
    np.testing.assert_allclose(outputs.features, np.full((1, 64), 0.2), atol=1e-6)
    assert [output.name for output in network.outputs] == [
        "probabilities", "heatmaps", "embedding", "features",
    ]  # fmt: skip


def test_it_runs_on_the_processor(network: Network) -> None:
    assert network.providers == ("CPUExecutionProvider",)


def renamed(path: Path, old: str, new: str) -> None:
    """Gives another name to an input or output of a model."""
    import onnx

    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        if value.name == old:
            value.name = new
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    onnx.save(model, str(path))


@pytest.mark.parametrize(
    ("old", "new"), [("films", "images"), ("probabilities", "scores"), ("heatmaps", "maps")]
)
def test_inputs_and_outputs_have_their_names(tmp_path: Path, old: str, new: str) -> None:
    files = tiny_files(tmp_path / "parts")
    renamed(files["model.onnx"], old, new)
    odd = write_bundle(tmp_path / "b", tiny_meta(), files)
    with pytest.raises(BundleMismatch, match="other inputs or outputs") as error:
        Network(odd)
    assert "Export the bundle again" in error.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (0.0, None),
        (9e-4, None),
        (-9e-4, None),
        (0.002, "differ by 0.002"),
        (float("nan"), "differ by nan"),
    ],
)
def test_how_far_golden_outputs_may_be(tmp_path: Path, change: float, words: str | None) -> None:
    files = tiny_files(tmp_path / "parts")
    with np.load(files[GOLDEN]) as golden:
        inputs, probabilities = golden["inputs"], golden["probabilities"]
    probabilities[0, 2] += change
    np.savez(files[GOLDEN], inputs=inputs, probabilities=probabilities)
    network = Network(write_bundle(tmp_path / "b", tiny_meta(), files))
    if words is None:
        assert network.check() == pytest.approx(abs(change), abs=1e-6)
        return
    with pytest.raises(BundleMismatch, match=words):
        network.check()


@pytest.mark.parametrize(
    ("change", "rounding", "passes"),
    [(0.003, 0.002, True), (0.005, 0.002, False), (0.15, 5.0, False)],
)
def test_golden_outputs_of_a_model_that_amplifies_rounding(
    tmp_path: Path, change: float, rounding: float, passes: bool
) -> None:
    files = tiny_files(tmp_path / "parts")
    with np.load(files[GOLDEN]) as golden:
        inputs, probabilities = golden["inputs"], golden["probabilities"]
    probabilities[0, 2] += change
    np.savez(files[GOLDEN], inputs=inputs, probabilities=probabilities)
    meta = tiny_meta(validation={"parity": {"films": 16, "max_dp": 0.002, "rounding": rounding}})
    network = Network(write_bundle(tmp_path / "b", meta, files))
    if passes:
        assert network.check() == pytest.approx(change, abs=1e-6)
        return
    with pytest.raises(BundleMismatch, match="differ by"):
        network.check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"size": 64}, "inputs"), ({"labels": ("normal", "ill"), "kinds": ()}, "2 classes")],
)
def test_a_bundle_that_does_not_fit_its_model(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    odd = write_bundle(tmp_path / "b", tiny_meta(**changes), tiny_files(tmp_path / "parts"))
    with pytest.raises(BundleMismatch, match=message):
        load(odd)


def test_a_model_that_is_no_onnx(tmp_path: Path) -> None:
    files = tiny_files(tmp_path / "parts")
    files["model.onnx"].write_bytes(b"not a model")
    odd = write_bundle(tmp_path / "b", tiny_meta(), files)
    with pytest.raises(BundleMismatch, match=r"model\.onnx cannot be loaded"):
        load(odd)


def test_golden_inputs_pass_and_fail(classifier: Classifier, tmp_path: Path) -> None:
    assert classifier.check() < 1e-6
    files = tiny_files(tmp_path / "parts")
    with np.load(files["golden.npz"]) as golden:
        np.savez(
            files["golden.npz"],
            inputs=golden["inputs"],
            probabilities=golden["probabilities"] + np.float32(0.01),
        )
    other = load(write_bundle(tmp_path / "b", tiny_meta(), files))
    with pytest.raises(BundleMismatch, match="golden"):
        other.check()
