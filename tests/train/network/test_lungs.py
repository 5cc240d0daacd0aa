"""The head that reads the lungs: by hand, in a network, and in its ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow", reason="needs the [train] extra")

import keras

from pneumoscope.decision.calibration import Calibration
from pneumoscope.train.export import conversion, parity
from pneumoscope.train.network import keras_model, lungs
from pneumoscope.train.network.losses import LungCrossentropy
from pneumoscope.train.network.lungs import (
    LungPooling,
    MirrorDifference,
    WithMirrored,
    field_of,
    maps_of,
)
from pneumoscope.train.recipe.settings import Recipe

Floats = NDArray[np.floating[Any]]
ON, OFF = 30.0, -30.0  # logits of a cell on a lung, and off it


def sigmoid(x: Floats | float) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, float))))


def two_lungs() -> NDArray[np.float32]:
    """Logits (1, 4, 4, 2): the left lung has the first column, the right one the last."""
    field = np.full((1, 4, 4, 2), OFF, np.float32)
    field[0, :, 0, 0] = field[0, :, 3, 1] = ON
    return field


def pooled(evidence: Floats, task: str = "binary", *parts: Floats) -> Floats:
    return np.asarray(LungPooling(task)([two_lungs(), np.asarray(evidence, np.float32), *parts]))


def by_hand(left: Floats, right: Floats) -> float:
    """P(ill) of a film with this evidence, four cells per lung and a quarter of a healthy one."""
    p = [(np.exp(lung).sum() + 0.25 * np.exp(-4.0)) / (len(lung) + 0.25) for lung in (left, right)]
    return float(1 - np.prod([1 - odds / (1 + odds) for odds in p]))


def test_a_film_by_hand() -> None:
    evidence = np.full((1, 4, 4, 1), -3.0)
    evidence[0, :, 0, 0] = [2.0, -1.0, 0.0, -2.0]
    expected = by_hand(np.array([2.0, -1, 0, -2]), np.full(4, -3.0))
    assert sigmoid(pooled(evidence))[0, 0] == pytest.approx(expected, abs=1e-6)


def test_evidence_outside_the_lungs_says_nothing() -> None:
    evidence = np.full((1, 4, 4, 1), -2.0)
    before = pooled(evidence)
    evidence[0, :, 1:3] = 9.0
    assert pooled(evidence) == pytest.approx(before, abs=1e-4)


def test_one_ill_lung_is_enough_whichever_it_is() -> None:
    left, right = np.full((1, 4, 4, 1), -5.0), np.full((1, 4, 4, 1), -5.0)
    left[0, 1, 0], right[0, 1, 3] = 6.0, 6.0
    assert pooled(left) == pytest.approx(pooled(right), abs=1e-6)
    assert pooled(left)[0, 0] > 4


def test_no_level_of_evidence_breaks_it() -> None:
    logits = [float(pooled(np.full((1, 4, 4, 1), v))[0, 0]) for v in (-50, -12, -4, 0, 8, 40)]
    assert np.isfinite(logits).all()
    assert (np.diff(logits) > 0).sum() >= 4
    # Both lungs certainly ill: the odds of health are multiplied.
    assert logits[4] == pytest.approx(16, abs=0.2)
    # The healthy quarter of a cell alone: 0.25 e^-4 of 4.25 cells in either lung.
    assert logits[0] == pytest.approx(np.log(2 * 0.25 * np.exp(-4) / 4.25), abs=0.01)


def test_kinds_share_the_odds_of_illness() -> None:
    evidence = np.full((1, 4, 4, 3), -1.0)
    evidence[0, :, 0, 0] = 3.0
    evidence[0, :, 0, 1:] = [1.0, 2.0]
    evidence[0, :, 1:3, 1:] = [50.0, 0.0]  # outside
    logits = pooled(evidence, "multiclass")[0]
    p = np.exp(logits) / np.exp(logits).sum()
    binary = sigmoid(pooled(evidence[..., :1]))[0, 0]
    assert 1 - p[0] == pytest.approx(binary, abs=1e-6)
    # Weighted by the evidence: the ill lung has 0.953 a cell, the other 0.269.
    weights = np.repeat(sigmoid(np.array([3.0, -1.0])), 4)
    margin = np.average(np.repeat([1.0, 0.0], 4), weights=weights)
    assert p[2] / p[1] == pytest.approx(np.exp(margin), rel=2e-3)


def test_findings_are_pooled_one_by_one() -> None:
    evidence = np.random.default_rng(0).normal(size=(1, 4, 4, 2))
    both = pooled(evidence, "multilabel")[0]
    single = [float(pooled(evidence[..., i : i + 1])[0, 0]) for i in range(2)]
    assert both == pytest.approx(single, abs=1e-6)


def test_parts_answer_for_their_own_cells() -> None:
    evidence = np.full((1, 4, 4, 1), -3.0)
    evidence[0, :, 3] = 5.0
    parts = np.zeros((1, 2, 4, 4), np.float32)
    parts[0, 0, :, :2] = parts[0, 1, :, 2:] = 1
    left, right = pooled(evidence, "binary", parts)[0, :, 0]
    assert left < -2
    assert right > 4
    whole = pooled(evidence, "binary", np.ones((1, 1, 4, 4), np.float32))
    assert whole[0, 0] == pytest.approx(pooled(evidence)[0], abs=1e-6)


def test_a_film_without_lungs_is_called_healthy_with_little_weight() -> None:
    nowhere = np.full((1, 4, 4, 2), OFF, np.float32)
    logit = float(LungPooling("binary")([nowhere, np.full((1, 4, 4, 1), 9.0, np.float32)])[0, 0])
    assert logit == pytest.approx(np.log(np.expm1(2 * np.log1p(np.exp(-4.0)))), abs=1e-3)


def test_the_verdict_does_not_move_the_lungs() -> None:
    import tensorflow as tf

    field = tf.Variable(np.zeros((1, 4, 4, 2), np.float32))
    evidence = tf.Variable(np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype(np.float32))
    with tf.GradientTape() as tape:
        logit = LungPooling("binary")([field, evidence])
    of_field, of_evidence = tape.gradient(logit, [field, evidence])
    assert of_field is None
    assert np.abs(of_evidence).max() > 0


def test_maps_are_the_shares_of_the_odds() -> None:
    """The mean odds of a lung, and so its verdict, are the sum of what its cells have in the map."""
    evidence = np.random.default_rng(0).normal(0, 2, (1, 4, 4, 1)).astype(np.float32)
    field = np.asarray(field_of(two_lungs()))
    ill = np.asarray(maps_of(field, evidence, "binary"))[0, 1]
    odds = np.exp(evidence[0, ..., 0])
    on_lungs = field[0] > 0.5
    assert (ill / ill.sum())[on_lungs] == pytest.approx(
        odds[on_lungs] / odds[on_lungs].sum(), abs=1e-4
    )
    highest = odds[on_lungs].max()
    assert ill.max() == pytest.approx(highest / (1 + highest), abs=1e-4)
    # Evidence beside the lungs changes nothing on them, and is not shown.
    beside = np.where(on_lungs[None, ..., None], evidence, 9.0).astype(np.float32)
    other = np.asarray(maps_of(field, beside, "binary"))[0, 1]
    assert other[on_lungs] == pytest.approx(ill[on_lungs], abs=1e-3)
    assert other[~on_lungs].max() < 1e-3


def test_a_field_that_is_hardly_below_0_is_no_lung() -> None:
    """ONNX Runtime's sigmoid gives such values in WebAssembly."""
    field = np.array([[[1.0, 0.0, -6e-8]]], np.float32)
    heat = np.asarray(maps_of(field, np.full((1, 1, 3, 1), 1.0, np.float32), "binary"))[0, 1, 0]
    assert heat == pytest.approx([float(sigmoid(1.0)), 0, 0], abs=1e-6)


def test_no_cell_is_hotter_than_its_probability() -> None:
    """Not even where the network doubts that it sees a lung."""
    rng = np.random.default_rng(0)
    evidence = rng.normal(0, 4, (8, 6, 6, 2)).astype(np.float32)
    field = rng.uniform(0, 1, (8, 6, 6)).astype(np.float32)
    for task, maps in (("binary", evidence[..., :1]), ("multilabel", evidence)):
        heat = np.asarray(maps_of(field, maps, task))
        p = field[:, None] * sigmoid(maps.transpose(0, 3, 1, 2))
        assert (heat[:, -p.shape[1] :] <= p + 1e-6).all()


def test_maps_are_the_evidence_on_the_lungs() -> None:
    evidence = np.full((1, 4, 4, 3), 0.0, np.float32)
    evidence[0, 0, 0, 0] = 2.0
    evidence[0, 0, 0, 2] = np.log(3.0)
    maps = np.asarray(maps_of(field_of(two_lungs()), evidence, "multiclass"))
    assert maps.shape == (1, 3, 4, 4)
    p = float(sigmoid(2.0))
    assert maps[0, :, 0, 0] == pytest.approx([1 - p, p / 4, 3 * p / 4], abs=1e-6)
    assert not maps[0, :, :, 1:3].max() > 1e-6
    alone = np.asarray(maps_of(field_of(two_lungs()), evidence[..., :1], "binary"))
    assert alone[0, :, 0, 0] == pytest.approx([1 - p, p], abs=1e-6)


def test_the_loss_of_a_lung_field_by_hand() -> None:
    drawn = np.zeros((2, 1, 2, 2), np.float32)
    drawn[0] = 1
    logits = np.full((2, 1, 2, 2), 2.0, np.float32)
    loss = np.asarray(LungCrossentropy(reduction=None)(drawn, logits))
    assert loss == pytest.approx([np.log1p(np.exp(-2.0)), np.log1p(np.exp(2.0))], abs=1e-6)


@pytest.fixture(scope="module")
def network(few_blocks: None) -> Any:
    """An untrained network with a head whose weights are large enough to tell films apart."""
    keras.utils.set_random_seed(0)
    recipe = Recipe(
        head="lungs", size=64, source_size=64, tail="undilated", pyramid=16, regions=0.3
    )
    model = keras_model.build(recipe, 3, None)
    rng = np.random.default_rng(0)
    for name in (lungs.LUNGS, lungs.EVIDENCE):
        layer = model.get_layer(name)
        layer.set_weights([rng.normal(0, 3, w.shape) for w in layer.get_weights()])
    return model, recipe


def test_all_weights_are_trained(network: Any) -> None:
    model, recipe = network
    trainee = keras_model.trainee(model, recipe)
    shapes = {name: tuple(output.shape) for name, output in trainee.output.items()}
    assert shapes == {"parts": (None, 2, 3), "lungs": (None, 8, 8, 2)}
    assert {id(w) for w in trainee.trainable_weights} == {id(w) for w in model.trainable_weights}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of tf2onnx
def test_the_exported_network_agrees_and_gives_the_lungs(network: Any, tmp_path: Path) -> None:
    import onnxruntime

    model, _ = network
    films = np.random.default_rng(1).integers(0, 256, (6, 64, 64, 1)).astype(np.uint8)
    serving = keras_model.serving_model(model, Calibration((0.8,), (0.3,)))
    file = tmp_path / "model.onnx"
    conversion.convert(serving, file)
    parity.check(parity.measure(model, serving, file, films).parity)
    session = onnxruntime.InferenceSession(str(file))
    names = [output.name for output in session.get_outputs()]
    values = dict(zip(names, session.run(None, {"films": films}), strict=True))
    assert names[:3] == ["probabilities", "heatmaps", "embedding"]
    assert values["lungs"].shape == (6, 8, 8)
    assert values["lungs"].min() >= 0
    assert values["lungs"].max() <= 1
    assert values["heatmaps"].shape == (6, 3, 8, 8)
    # No heat where no lung is.
    assert (values["heatmaps"].sum(axis=1) <= values["lungs"] + 1e-5).all()
    assert values["embedding"].shape == (6, 16)
    assert values["probabilities"].sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)


def mirror_difference(evidence: Floats) -> tuple[Any, Any, Floats]:
    """For five maps of evidence (5, 4, 4): those of four films, and that of a mirror image."""
    field = np.repeat(two_lungs(), 5, axis=0)
    maps = np.asarray(evidence, np.float32)[..., None]
    lungs_of, evidence_of, apart = MirrorDifference()([field, maps])
    return lungs_of, evidence_of, np.asarray(apart)


def test_a_mirror_image_with_the_same_evidence_on_the_same_lung_differs_by_nothing() -> None:
    evidence = np.random.default_rng(1).normal(size=(5, 4, 4))
    evidence[4] = evidence[0, :, ::-1]
    lungs_of, evidence_of, apart = mirror_difference(evidence)
    assert apart == pytest.approx(np.zeros((4, 1)), abs=1e-5)
    assert np.asarray(evidence_of)[..., 0] == pytest.approx(evidence[:4])
    assert lungs_of.shape == (4, 4, 4, 2)


def test_evidence_that_stays_on_one_side_of_the_picture_differs() -> None:
    evidence = np.full((5, 4, 4), -2.0)
    evidence[[0, 4], :, 0] = 3.0  # on the left, whichever way the film hangs
    apart = mirror_difference(evidence)[2]
    # 3 against -2 on both lungs, each with its quarter of a healthy cell; one film of four.
    lung = [np.log((4 * np.exp(e) + 0.25 * np.exp(-4)) / 4.25) for e in (3.0, -2.0)]
    assert apart[:, 0] == pytest.approx([4 * (lung[0] - lung[1]), 0, 0, 0], rel=1e-4)


@pytest.mark.parametrize(("count", "mirrored"), [(1, 0), (4, 1), (7, 1), (8, 2)])
def test_a_quarter_of_the_films_is_mirrored(count: int, mirrored: int) -> None:
    films = np.arange(count * 4, dtype=np.float32).reshape(count, 2, 2, 1)
    given = np.asarray(WithMirrored()(films))
    assert len(given) == count + mirrored
    assert (given[count:] == films[:mirrored, :, ::-1]).all()
    field, evidence = np.zeros((len(given), 2, 2, 2)), np.zeros((len(given), 2, 2, 1))
    lungs_of, _, apart = MirrorDifference()([field, evidence])
    assert len(lungs_of) == len(apart) == count
