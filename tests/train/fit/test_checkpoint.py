"""What a training keeps."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.fit import checkpoint

from pneumoscope.errors import UsageError

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def model(value: float) -> keras.Model:
    """A dense layer of two weights with one value, then a dropout, which counts its draws."""
    films = keras.Input((1,))
    dense = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(value))
    return keras.Model(films, keras.layers.Dropout(0.5)(dense(films)))


def test_weights_survive_their_file(tmp_path: Path) -> None:
    checkpoint.save(model(3.0), tmp_path / checkpoint.WEIGHTS, note="x")
    other = model(0.0)
    checkpoint.restore(other, tmp_path / checkpoint.WEIGHTS)
    assert [float(v.ravel()[0]) for v in checkpoint.current(other)] == [3.0, 0.0]
    assert checkpoint.parameters(tmp_path) == 2  # not the counters of the dropout
    assert [p.name for p in tmp_path.iterdir()] == [checkpoint.WEIGHTS]


@pytest.mark.parametrize("kept", [0, 200, -10], ids=["empty", "begun", "almost whole"])
def test_a_file_that_was_cut_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / checkpoint.WEIGHTS
    checkpoint.save(model(3.0), path)
    path.write_bytes(path.read_bytes()[:kept])
    message = r"weights\.npz is damaged \("
    with pytest.raises(UsageError, match=message) as error:
        checkpoint.restore(model(0.0), path)
    assert "Delete this file" in error.value.hint
    with pytest.raises(UsageError, match=message):
        checkpoint.parameters(tmp_path)


def test_the_moving_average_by_hand() -> None:
    trained = model(0.0)
    average = checkpoint.Average(trained, 0.9)
    for value in (1.0, 2.0):
        checkpoint.put(trained, [np.full((1, 1), value, np.float32), np.zeros(1, np.float32)])
        average.update()
    # The first step keeps 1/10 of what was there, the second 2/11.
    expected = (0.9 * 1.0) * 2 / 11 + 2.0 * 9 / 11
    assert float(average.values[0].item()) == pytest.approx(expected)
    before = average.apply()
    assert float(before[0].item()) == 2.0
    assert float(checkpoint.current(trained)[0].item()) == pytest.approx(expected)
    checkpoint.put(trained, before)
    assert float(checkpoint.current(trained)[0].item()) == 2.0
