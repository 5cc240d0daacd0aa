"""The user's own pairs: films or inputs, and what the notebook's model says of them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.keras_import import pairs, rounding
    from pneumoscope.train.keras_import.pairs import Preparation

from pneumoscope.errors import ConversionError, UsageError

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]

SIZE = 16


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), layers.Conv2D(4, 3, strides=2), layers.Flatten(),
         layers.Dense(2, "softmax", kernel_initializer="random_normal")]
    )  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Films with so fine a pattern that each way to resize gives other pixels."""
    folder = tmp_path_factory.mktemp("films")
    rng, files = np.random.default_rng(5), []
    for i in range(3):
        files.append(folder / f"film{i}.png")
        Image.fromarray(rng.integers(0, 256, (250, 210), np.uint8)).save(files[-1])
    return files


def preparation(**changes: Any) -> Preparation:
    return Preparation(
        **{"size": SIZE, "source_size": 224, "channels": 1, "scaling": "unit", "resize": "nearest"}
        | changes
    )


def of_notebook(model: Any, films: list[Path]) -> np.ndarray:
    """What Keras' ``load_img`` and a model make of films."""
    x = np.stack([np.asarray(Image.open(f).resize((SIZE, SIZE), Image.Resampling.NEAREST)) for f in films])  # fmt: skip
    return np.asarray(model.predict(x[..., None] / np.float32(255), verbose=0))


def test_films_that_agree(model: Any, films: list[Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "pairs.npz", files=[str(f) for f in films], p=of_notebook(model, films))
    result = pairs.compare(pairs.read(tmp_path / "pairs.npz"), model, preparation(), half=False)
    assert (result.kind, result.pairs, result.changed) == ("files", 3, 0)
    assert result.max_dp <= 1e-6


@pytest.mark.parametrize(
    "wrong", [{"resize": "antialias"}, {"resize": "bilinear"}, {"scaling": "none"}]
)
def test_the_options_that_agree_are_named(
    wrong: dict[str, str], model: Any, films: list[Path], tmp_path: Path
) -> None:
    np.savez(tmp_path / "pairs.npz", files=[str(f) for f in films], p=of_notebook(model, films))
    with pytest.raises(ConversionError, match="differs from your pairs") as caught:
        pairs.compare(pairs.read(tmp_path / "pairs.npz"), model, preparation(**wrong), half=False)
    assert "--resize nearest --scaling unit agrees" in caught.value.hint


def test_inputs_test_the_network_alone(model: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(6).random((4, SIZE, SIZE, 1))
    p = np.asarray(model.predict(x, verbose=0))
    np.savez(tmp_path / "right.npz", x=x, p=p)
    right = pairs.compare(pairs.read(tmp_path / "right.npz"), model, preparation(), half=False)
    assert (right.kind, right.pairs, right.changed) == ("x", 4, 0)
    np.savez(tmp_path / "wrong.npz", x=x, p=p[:, ::-1])
    with pytest.raises(ConversionError, match="differs from your pairs"):
        pairs.compare(pairs.read(tmp_path / "wrong.npz"), model, preparation(), half=False)
    np.savez(tmp_path / "half.npz", x=x, p=p + np.float32([5e-3, -5e-3]))
    halved = pairs.read(tmp_path / "half.npz")
    assert pairs.compare(halved, model, preparation(), half=True).max_dp == pytest.approx(5e-3, abs=1e-5)  # fmt: skip
    with pytest.raises(ConversionError):
        pairs.compare(halved, model, preparation(), half=False)


class Answering:
    """A model of one unit that gives fixed answers."""

    def __init__(self, *answers: float) -> None:
        self.p = np.array(answers, np.float32)[:, None]
        self.outputs = [np.zeros((1, 1))]

    def predict(self, x: Any, **_: Any) -> np.ndarray:
        return self.p


def test_what_half_precision_alone_changes_is_no_difference(tmp_path: Path) -> None:
    """p 0.04 from float32: the model in bfloat16 gives the same, or (on another processor) half as much."""
    x = np.zeros((2, SIZE, SIZE, 1))
    np.savez(tmp_path / "pairs.npz", x=x, p=[0.54, 0.2])
    saved, in_float32 = pairs.read(tmp_path / "pairs.npz"), Answering(0.5, 0.2)
    for in_half, dp in ((Answering(0.54, 0.2), 0.0), (Answering(0.47, 0.2), 0.07)):
        result = pairs.compare(saved, in_float32, preparation(), half=True, in_half=lambda m=in_half: m)  # fmt: skip
        assert (result.max_dp, result.max_dp_half) == pytest.approx((0.04, dp), abs=1e-6)
    with pytest.raises(ConversionError) as other:  # more than rounding explains
        pairs.compare(saved, in_float32, preparation(), half=True, in_half=lambda: Answering(0.515, 0.2))  # fmt: skip
    assert "other weights" in other.value.hint
    with pytest.raises(ConversionError) as unclear:
        pairs.compare(saved, in_float32, preparation(), half=True, in_half=lambda: Answering(0.5, 0.4))  # fmt: skip
    assert "half precision, which alone changes these answers by up to 0.2" in unclear.value.hint


@pytest.fixture(scope="module")
def steep() -> Any:
    """A network of some layers whose answers depend on the last bits of its weights."""
    keras.utils.set_random_seed(8)
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1))])
    for _ in range(4):
        model.add(layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal"))
    model.add(layers.Flatten())
    model.add(layers.Dense(1, "sigmoid", kernel_initializer=keras.initializers.RandomNormal(0, 1)))
    return model


def in_tf32(model: Any, x: np.ndarray) -> np.ndarray:
    """What a GPU gives that rounds both factors of each product of convolutions and matrices."""
    for layer in model.layers[:-2]:
        layer.set_weights([rounding.rounded(w) if w.ndim > 1 else w for w in layer.get_weights()])
        x = np.asarray(layer(rounding.rounded(np.asarray(x, np.float32))))
    kernel, bias = model.layers[-1].get_weights()
    flat = rounding.rounded(x.reshape(len(x), -1)).astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-(flat @ rounding.rounded(kernel) + bias))))


def test_what_a_gpu_alone_changes_is_no_difference(steep: Any, tmp_path: Path) -> None:
    x = inputs(9)
    weights, p = steep.get_weights(), np.asarray(steep.predict(x, verbose=0))
    gpu = in_tf32(steep, x)
    steep.set_weights(weights)
    assert np.abs(gpu - p).max() > 10 * pairs.MAX_DP["x"]
    np.savez(tmp_path / "gpu.npz", x=x, p=gpu)
    result = pairs.compare(pairs.read(tmp_path / "gpu.npz"), steep, preparation(), half=False)
    assert result.max_dp == pytest.approx(np.abs(gpu - p).max(), abs=1e-6)
    assert result.max_dp_tf32 is not None
    assert 0.3 < result.max_dp / result.max_dp_tf32 < 2
    for before, after in zip(weights, steep.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    # On the CPU: the same within float32's own rounding.
    np.savez(tmp_path / "cpu.npz", x=x, p=p)
    assert pairs.compare(pairs.read(tmp_path / "cpu.npz"), steep, preparation(), half=False).max_dp_tf32 is None  # fmt: skip
    # More than twice as much has another cause, and so has what a known mistake explains.
    other = p + 2.5 * result.max_dp_tf32 * np.where(p < 0.5, 1, -1)
    assert "other weights" in hint_about(steep, tmp_path, x=x, p=other)
    assert "p is 1 minus what the model gives" in hint_about(steep, tmp_path, x=x, p=1 - gpu)
    # Where a GPU may change everything, a small difference still needs no other cause.
    kernel, bias = steep.layers[-1].get_weights()
    middle = bias - np.log(p[0] / (1 - p[0]))  # the first picture's answer becomes 0.5
    steep.layers[-1].set_weights([kernel * 100, middle * 100])
    p = np.asarray(steep.predict(x, verbose=0))
    np.savez(tmp_path / "steeper.npz", x=x, p=np.abs(p - 0.001))
    result = pairs.compare(pairs.read(tmp_path / "steeper.npz"), steep, preparation(), half=False)
    steep.set_weights(weights)
    assert result.max_dp == pytest.approx(0.001, abs=1e-5)
    assert result.max_dp_tf32 is not None
    assert result.max_dp_tf32 > 0.05


def test_a_layer_that_fails_at_its_call_is_an_error_with_the_cause(tmp_path: Path) -> None:
    """Keras 2 knew ways to resize that Keras 3 refuses when it is called."""
    resizing = layers.Resizing(8, 8)
    odd = keras.Sequential([keras.Input((SIZE, SIZE, 1)), resizing, layers.Flatten(), layers.Dense(2, "softmax")])  # fmt: skip
    resizing.interpolation = "gaussian"
    np.savez(tmp_path / "pairs.npz", x=np.zeros((1, SIZE, SIZE, 1)), p=[[0.5, 0.5]])
    with pytest.raises(ConversionError, match=r"gives no answer .*interpolation"):
        pairs.compare(pairs.read(tmp_path / "pairs.npz"), odd, preparation(), half=False)


@pytest.mark.parametrize(("units", "final"), [(1, "sigmoid"), (3, "softmax")])
def test_pairs_of_a_model_that_gives_logits(units: int, final: str, tmp_path: Path) -> None:
    """As in Keras' transfer-learning guide: the loss has from_logits, ``predict`` gives logits."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), layers.Flatten(), layers.Dense(units, kernel_initializer="random_normal")]
    )  # fmt: skip
    half = 4 * np.random.default_rng(6).random((2, SIZE, SIZE, 1))
    x = np.concatenate([half, -half])  # without a bias, their logits have both signs
    values = np.asarray(model.predict(x, verbose=0))
    assert values.min() < -0.1
    p = np.asarray(getattr(keras.ops, final)(values))
    for name, content in {"logits": values, "probabilities": p}.items():
        np.savez(tmp_path / f"{name}.npz", x=x, p=content)
        saved = pairs.read(tmp_path / f"{name}.npz")
        result = pairs.compare(saved, model, preparation(), half=False, logits=final)
        assert (result.changed, result.pairs) == (0, 4)
        assert result.max_dp <= 1e-5
    small = x[:2] / 400 + 0.001  # logits that could be probabilities
    values_of_small = np.asarray(model.predict(small, verbose=0))
    raised = values_of_small - values_of_small.min() + 0.05
    assert raised.max() < 1
    model.layers[-1].bias.assign_add(np.full(units, 0.05 - values_of_small.min()))
    np.savez(tmp_path / "small.npz", x=small, p=raised)
    result = pairs.compare(pairs.read(tmp_path / "small.npz"), model, preparation(), half=False, logits=final)  # fmt: skip
    assert result.changed == 0
    assert result.max_dp <= 1e-5
    model.layers[-1].bias.assign(np.zeros(units))
    np.savez(tmp_path / "wrong.npz", x=x, p=-values)
    with pytest.raises(ConversionError, match="differs from your pairs"):
        pairs.compare(pairs.read(tmp_path / "wrong.npz"), model, preparation(), half=False, logits=final)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "has nothing, not p"),
        ({"p": np.ones(3)}, "has p, not p and one of x and files"),
        ({"x": np.ones((2, 4, 4, 1)), "p": np.ones(3)}, "2 x, but 3 p"),
        ({"x": np.ones((2, 4)), "p": np.ones(2)}, "shape (2, 4)"),
        ({"x": np.ones((2, 4, 4, 1)), "p": np.array(["a", "b"])}, "p has the shape"),
        ({"x": np.ones((2, 4, 4, 1)), "p": np.array([0.2, np.nan])}, "some p are not numbers"),
        ({"x": np.array([None]), "p": np.ones(1)}, "x is an array of Python objects"),
    ],
)
def test_files_without_pairs(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "pairs.npz", **content)
    with pytest.raises(UsageError) as caught:
        pairs.read(tmp_path / "pairs.npz")
    assert message in str(caught.value)
    assert "np.savez" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x": np.ones((1, 8, 8, 1)), "p": np.ones((1, 2))}, "pictures (8, 8, 1)"),
        ({"x": np.ones((1, SIZE, SIZE, 1)), "p": np.ones((1, 3))}, "3 p for each picture"),
        ({"x": np.ones((1, SIZE, SIZE, 1)), "p": np.array([[2.0, 98.0]])}, "goes from 2 to 98"),
        ({"x": np.ones((1, SIZE, SIZE, 1)), "p": np.array([[-1.5, 0.5]])}, "goes from -1.5 to 0.5"),
        ({"files": ["none.png"], "p": np.ones((1, 2))}, "cannot be read"),
    ],
)
def test_pairs_of_another_model(
    content: dict[str, Any], message: str, model: Any, tmp_path: Path
) -> None:
    np.savez(tmp_path / "pairs.npz", **content)
    with pytest.raises(UsageError) as caught:
        pairs.compare(pairs.read(tmp_path / "pairs.npz"), model, preparation(), half=False)
    assert message in str(caught.value)


def inputs(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((3, SIZE, SIZE, 1)).astype(np.float32)


def hint_about(model: Any, folder: Path, **arrays: Any) -> str:
    np.savez(folder / "pairs.npz", **arrays)
    with pytest.raises((ConversionError, UsageError)) as caught:
        pairs.compare(pairs.read(folder / "pairs.npz"), model, preparation(), half=False)
    return f"{caught.value} {caught.value.hint}"


def test_what_was_saved_by_mistake_is_named(model: Any, tmp_path: Path) -> None:
    x = inputs(6)
    p = model.predict(x, verbose=0)
    assert "another order: 2, 1." in hint_about(model, tmp_path, x=x, p=p[:, ::-1])
    assert "agrees with p after --scaling unit" in hint_about(model, tmp_path, x=x * 255, p=p)
    assert "other weights" in hint_about(model, tmp_path, x=x, p=np.full_like(p, 0.5))
    assert "x are not numbers" in hint_about(model, tmp_path, x=x * np.nan, p=p)
    sigmoid = keras.Sequential([keras.Input((SIZE, SIZE, 1)), layers.Flatten(), layers.Dense(1, "sigmoid")])  # fmt: skip
    q = sigmoid.predict(x, verbose=0)
    assert "p is 1 minus" in hint_about(sigmoid, tmp_path, x=x, p=1 - q)


def test_names_as_bytes_are_names(model: Any, films: list[Path], tmp_path: Path) -> None:
    files = np.array([str(film) for film in films], dtype="S")
    np.savez(tmp_path / "pairs.npz", files=files, p=of_notebook(model, films))
    assert pairs.read(tmp_path / "pairs.npz").files == tuple(films)


def test_names_as_objects_of_python_are_to_be_strings(model: Any, tmp_path: Path) -> None:
    """As a column of pandas has them."""
    files = np.array(["a.png", "b.png", "c.png"], dtype=object)
    message = hint_about(model, tmp_path, files=files, p=np.full((3, 2), 0.5))
    assert "files is an array of Python objects" in message
    assert "files = np.array(list(files), dtype=str)" in message


def test_one_array_and_a_folder_are_no_pairs(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", inputs(7))
    with pytest.raises(UsageError, match="is one array"):
        pairs.read(tmp_path / "x.npy")
    with pytest.raises(UsageError, match="is a folder"):
        pairs.read(tmp_path)


def test_answers_that_were_rounded_to_half_precision_agree(model: Any, tmp_path: Path) -> None:
    x = inputs(8)
    p = model.predict(x, verbose=0).astype(np.float16)
    assert np.abs(model.predict(x, verbose=0) - p).max() > 1e-5
    np.savez(tmp_path / "pairs.npz", x=x, p=p)
    result = pairs.compare(pairs.read(tmp_path / "pairs.npz"), model, preparation(), half=False)
    assert result.max_dp <= 5e-4


def test_a_rounded_answer_may_fall_on_the_other_side_of_the_threshold(tmp_path: Path) -> None:
    """The hint said that the columns are in another order, and named their own."""
    head = layers.Dense(1, "sigmoid", kernel_initializer="zeros", bias_initializer="zeros")
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), layers.Flatten(), head])
    np.savez(tmp_path / "pairs.npz", x=inputs(9), p=np.full((3, 1), 0.498, np.float16))
    result = pairs.compare(pairs.read(tmp_path / "pairs.npz"), model, preparation(), half=False)
    assert result.changed == 3
    assert result.max_dp == pytest.approx(0.002, abs=5e-4)


def test_other_arrays_in_the_file_do_not_matter(tmp_path: Path) -> None:
    labels = np.array(["NORMAL", None, 3], dtype=object)
    np.savez(tmp_path / "pairs.npz", x=inputs(10), p=np.full(3, 0.5), labels=labels)
    assert len(pairs.read(tmp_path / "pairs.npz").p) == 3


def test_films_of_a_generator_that_shuffles_are_named(
    model: Any, films: list[Path], tmp_path: Path
) -> None:
    shuffled = of_notebook(model, films)[[1, 2, 0]]
    assert np.abs(shuffled - of_notebook(model, films)).max() > pairs.MAX_DP["files"]
    message = hint_about(model, tmp_path, files=[str(f) for f in films], p=shuffled)
    assert "in another order of the pictures" in message


def test_other_files_are_no_pairs(tmp_path: Path) -> None:
    """NumPy's advice was to open them as pickles."""
    (tmp_path / "pairs.npz").write_text("file,p\na.png,0.3\n")
    with pytest.raises(UsageError, match=r"is no file of np\.savez"):
        pairs.read(tmp_path / "pairs.npz")
