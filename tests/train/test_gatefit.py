"""The gate's fit, on a stand-in network whose features are the cells of the film itself."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from drawn import drawn_set
from pneumoscope.bundle import GATE
from pneumoscope.data import FilmSet, load
from pneumoscope.decision import gate
from pneumoscope.errors import DataError
from pneumoscope.train.gate import features, fitting, limits, pictures, unsuitable


def cells(films: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """8 x 8 means, grey levels / 255."""
    return np.stack([cv2.resize(f[..., 0], (8, 8), interpolation=cv2.INTER_AREA).ravel() for f in films]) / np.float32(255)  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    folder = tmp_path_factory.mktemp("films")
    return load(
        drawn_set(folder / "films"),
        96,
        task="multiclass",
        share=0.25,
        seed=0,
        cache=folder / "cache",
    )


@pytest.fixture(scope="module")
def fitted(films: FilmSet) -> fitting.Fitted:
    steps: list[tuple[int, int]] = []
    found = fitting.fit(cells, films, 64, progress=lambda *at: steps.append(at))
    assert steps[-1][0] == steps[-1][1]
    return found


def told(fitted: fitting.Fitted, found: np.ndarray[Any, Any]) -> dict[str, Any]:
    return fitted.heads.scores(fitted.axes.coordinates(found))


def test_the_gate_tells_drawn_films_from_changed_ones(
    films: FilmSet, fitted: fitting.Fitted
) -> None:
    clean = np.stack([films.pixels[i] for i in films.rows("validation")])
    look = fitting.FeatureExtractor(cells, 64, len(clean))
    passed = told(fitted, look(clean))["unsuitable"]
    rng = np.random.default_rng(0)
    turned = np.stack([unsuitable.CHANGES["rotated-90"](film, rng) for film in clean])
    refused = told(fitted, look(turned))["unsuitable"]
    assert np.median(passed) < 0.3
    assert np.median(refused) > 0.7


def test_the_record_says_what_was_measured(fitted: fitting.Fitted, films: FilmSet) -> None:
    limits, measured = fitted.record["limits"], fitted.record["measured"]
    assert set(limits) >= {"unsuitable", "distance", "flatness", "saturation", "blur", "mirrored"}
    assert limits["distance-note"] <= limits["distance"]
    assert measured["plain"]["films"] == len(films.rows("validation"))
    assert measured["plain"]["refused"] <= 0.25  # 16 films: one is 0.06
    assert set(measured["changed"]) == set(unsuitable.CHANGES)
    assert len(measured["stress"]) == 21


def test_heads_survive_their_file(fitted: fitting.Fitted, films: FilmSet, tmp_path: Path) -> None:
    fitting.save_heads(fitted.heads, tmp_path / GATE)
    again = gate.read_heads(tmp_path / GATE)
    x = fitted.axes.coordinates(cells(np.stack([films.pixels[0], films.pixels[-1]])[..., None]))
    for name, values in fitted.heads.scores(x).items():
        np.testing.assert_allclose(again.scores(x)[name], values, atol=1e-5)


def collection(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(1)
    rows = []
    for i, (kind, held) in enumerate((("photograph", "False"), ("photograph", "True"), ("ct-slice", "False"))):  # fmt: skip
        Image.fromarray(rng.integers(0, 256, (120, 100, 3), np.uint8)).save(folder / f"{i}.png")
        rows.append({"file": f"{i}.png", "kind": kind, "held_out": held})
    with (folder / pictures.MANIFEST).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["file", "kind", "held_out"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_pictures_that_are_held_out_are_not_learned_from(films: FilmSet, tmp_path: Path) -> None:
    collected = pictures.read_pictures(collection(tmp_path / "pictures"), 96)
    assert collected.kinds == ("photograph", "photograph", "ct-slice")
    assert collected.held_out.tolist() == [False, True, False]
    assert collected.films.shape == (3, 96, 96)
    without = fitting.fit(cells, films, 64).record["measured"]["learned"]
    learned = fitting.fit(cells, films, 64, collected).record["measured"]["learned"]
    # Each twice, once as it is and once changed.
    assert learned["not-a-radiograph"] == without["not-a-radiograph"] + 2
    assert learned["not-a-chest"] == without["not-a-chest"] + 2
    assert learned["frontal"] == without["frontal"]


def test_a_broken_collection_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no collection of pictures"):
        pictures.read_pictures(tmp_path, 96)
    folder = collection(tmp_path / "pictures")
    (folder / "1.png").unlink()
    with pytest.raises(DataError, match=r"1\.png"):
        pictures.read_pictures(folder, 96)


@pytest.mark.parametrize("kind", list(unsuitable.CHANGES))
def test_a_change_keeps_size_and_leaves_the_film_alone(kind: str) -> None:
    film = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
    before = film.copy()
    for seed in range(6):
        changed = unsuitable.CHANGES[kind](film, np.random.default_rng(seed))
        assert (changed.shape, changed.dtype) == ((96, 96), np.uint8)
        assert changed.std() > 0
        assert not np.array_equal(changed, film)
    np.testing.assert_array_equal(film, before)


@pytest.mark.parametrize("kind", list(unsuitable.DRAWINGS))
def test_a_drawing_is_of_its_seed(kind: str) -> None:
    _, draw = unsuitable.DRAWINGS[kind]
    one, same, other = (draw(96, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (one.shape, one.dtype) == ((96, 96), np.uint8)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def network(sides: tuple[int, ...]) -> onnx.ModelProto:
    """A chain of 1 x 1 convolutions of 2 channels with ReLU, at the given sides."""
    nodes, weights, name = [], [], "films"
    for i, side in enumerate(sides):
        weights.append(onnx.numpy_helper.from_array(np.ones((2, 2, 1, 1), np.float32), f"w{i}"))
        nodes += [
            helper.make_node("Conv", [name, f"w{i}"], [f"c{i}"], strides=[sides[max(i - 1, 0)] // side] * 2),
            helper.make_node("Relu", [f"c{i}"], [f"r{i}"]),
        ]  # fmt: skip
        name = f"r{i}"
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["out"]))
    graph = helper.make_graph(
        nodes, "chain",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 2, sides[0], sides[0]])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 2, 1, 1])],
        weights,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_the_middle_maps_become_a_grid() -> None:
    model = network((16, 16, 8, 8, 8, 4, 4, 4))
    assert features.add(model)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.random.default_rng(0).random((3, 2, 16, 16), np.float32)
    found = session.run([features.OUTPUT], {"films": x})[0]
    # The sixth of eight convolutions is the last in the middle: 4 x 4 cells of 2 channels, each the
    # sum of both channels, doubled five times.
    expected = np.repeat(x[:, :, ::4, ::4].sum(1, keepdims=True) * 2**5, 2, axis=1)
    np.testing.assert_allclose(found, expected.reshape(3, -1), rtol=1e-5)


def test_the_graph_turns_cells_as_numpy_does(tmp_path: Path) -> None:
    model = network((16, 16, 8, 8, 8, 4, 4, 4))
    assert features.add(model)
    file = tmp_path / "model.onnx"
    onnx.save(model, str(file))
    rng = np.random.default_rng(0)
    x = rng.random((3, 2, 16, 16), np.float32)
    before = onnxruntime.InferenceSession(str(file)).run([features.OUTPUT], {"films": x})[0]
    axes = features.Axes(
        before.mean(axis=0),
        np.full(32, 0.1 * before.std(), np.float32),  # some are cut
        rng.standard_normal((32, 5)).astype(np.float32),
        rng.standard_normal(5).astype(np.float32),
    )
    features.project(file, axes)
    session = onnxruntime.InferenceSession(str(file))
    assert session.get_outputs()[-1].shape == ["n", 5]
    found = session.run([features.OUTPUT], {"films": x})[0]
    np.testing.assert_allclose(found, axes.coordinates(before), rtol=1e-4, atol=1e-4)
    assert np.abs((before - axes.mean) / axes.scale).max() > features.CLIP
    again = onnxruntime.InferenceSession(features.with_cells(file))
    np.testing.assert_array_equal(again.run([features.CELLS], {"films": x})[0], before)


def test_a_network_without_maps_has_no_gate() -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["films"], ["out"])],
        "none",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 5])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert not features.add(model)
    assert [output.name for output in model.graph.output] == ["out"]


@pytest.mark.parametrize(("text", "held"), [("true", True), ("1", True), ("FALSE", False)])
def test_held_out_may_be_spelled_otherwise(text: str, held: bool, tmp_path: Path) -> None:
    folder = collection(tmp_path / "pictures")
    manifest = folder / pictures.MANIFEST
    manifest.write_text(manifest.read_text().replace("True", text))
    assert pictures.read_pictures(folder, 96).held_out.tolist() == [False, held, False]


def test_a_doubtful_held_out_is_refused(tmp_path: Path) -> None:
    folder = collection(tmp_path / "pictures")
    manifest = folder / pictures.MANIFEST
    manifest.write_text(manifest.read_text().replace("True", "maybe"))
    with pytest.raises(DataError, match="neither True nor False"):
        pictures.read_pictures(folder, 96)


def test_no_limit_is_so_wide_that_nothing_passes_it() -> None:
    rng = np.random.default_rng(0)
    names = ("unsuitable", "distance", "mirrored", "flatness", "saturation", "blur")

    def scores(high: float) -> dict[str, np.ndarray[Any, Any]]:
        found = {name: rng.uniform(0, 0.3, 100) for name in names}
        found["unsuitable"][:10] = high
        return found

    chosen = limits.limits_of(
        {"plain": scores(0.2), "augmented": scores(0.99999), "stress:x": scores(0.2)}
    )
    assert chosen["unsuitable"] == 0.99
