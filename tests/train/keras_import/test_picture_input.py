"""What an imported model takes."""

from __future__ import annotations

import warnings

import pytest

from notebook_models import SIZE, of_input

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.keras_import.picture_input import side_and_channels

from pneumoscope.errors import ConversionError, UsageError

pytestmark = pytest.mark.train


def of_shape(rows: int | None, columns: int | None, channels: int = 3) -> keras.Model:
    return of_input((rows, columns, channels), layers.GlobalMaxPooling2D())


def test_side_and_channels_are_those_of_the_model_or_those_that_were_given() -> None:
    assert side_and_channels(of_shape(SIZE, SIZE), None, None, "unit") == (SIZE, 3)
    assert side_and_channels(of_shape(None, None), 96, None, "unit") == (96, 3)
    assert side_and_channels(of_shape(SIZE, None, 1), None, 1, "unit") == (SIZE, 1)
    with pytest.raises(UsageError, match="of any size"):
        side_and_channels(of_shape(None, None), None, None, "unit")


def test_a_model_for_pictures_that_are_not_square_is_refused_whatever_the_size() -> None:
    for size in (None, 64, 80):
        with pytest.raises(ConversionError, match="takes 64 x 80 pixels, which are not square"):
            side_and_channels(of_shape(64, 80), size, None, "unit")


def test_the_inputs_of_a_model_with_several_are_named() -> None:
    film, age = keras.Input((SIZE, SIZE, 3), name="film"), keras.Input((1,), name="age")
    both = layers.Concatenate()([layers.Flatten()(film), age])
    with pytest.raises(ConversionError, match=r"2 inputs \(film, age\)"):
        side_and_channels(keras.Model([film, age], both), None, None, "unit")
