"""Structures of models."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from notebook_models import (
    TWO,
    cnn,
    conv,
    functional,
    joined,
)

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.keras_import import importing
    from pneumoscope.train.keras_import.importing import ImportOptions

from pneumoscope.errors import ConversionError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


REFUSED: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "multi-label": (lambda: cnn(2, "sigmoid"), "2 independent findings"),
    "lambda": (
        lambda: functional(
            layers.Lambda(lambda x: x / 255), layers.Flatten(), layers.Dense(1, "sigmoid")
        ),
        "code of its own",
    ),
    "joined": (joined, "joins several inputs"),
    "attention": (
        lambda: functional(
            conv(4), layers.Reshape((3844, 4)), layers.Dense(2), layers.Flatten(), layers.Dense(1)
        ),
        "more than one axis",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_structures_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    make().save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match=message) as caught:
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert caught.value.hint
    assert not (tmp_path / "out").exists()
