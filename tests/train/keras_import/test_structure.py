"""Structures of models."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from notebook_models import REFUSED, TWO, conv, functional

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from keras import layers

    from pneumoscope.train.keras_import import importing
    from pneumoscope.train.keras_import.importing import ImportOptions

from pneumoscope.errors import ConversionError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


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


def test_a_last_activation_that_gives_no_probability_is_refused_without_heatmap_too(
    tmp_path: Path,
) -> None:
    for i, last in enumerate([layers.Dense(1, "relu"), layers.ReLU()]):
        model = functional(conv(2), layers.GlobalAveragePooling2D(), layers.Dense(1), last)
        model.save(tmp_path / f"{i}.keras")
        with pytest.raises(ConversionError, match=r"has the activation '(relu|ReLU)'"):
            importing.import_model(
                tmp_path / f"{i}.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
            )
