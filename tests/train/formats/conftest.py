"""A small network and labelled films, for every format."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from PIL import Image

from pneumoscope.bundle import Bundle


@pytest.fixture(scope="session")
def conv_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small network with the operators that matter: strides, depthwise, dilation, residuals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports warn, and Keras' saving
        import keras
        from keras import layers

        from pneumoscope.train.keras_import import importing

        folder = tmp_path_factory.mktemp("conv")
        keras.utils.set_random_seed(4)
        x = films = keras.Input((64, 64, 3))
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(8, 3, 2, "same")(x)))
        x = layers.DepthwiseConv2D(3, 1, "same", dilation_rate=2, activation="relu")(x)
        x = layers.Add()([x, layers.Conv2D(8, 1)(x)])
        x = layers.MaxPooling2D()(layers.Conv2D(12, 3, activation="relu")(x))
        x = layers.Dense(8, "relu")(layers.Flatten()(layers.AveragePooling2D(2)(x)))
        model = keras.Model(films, layers.Dense(2, "softmax")(x))
        model.save(folder / "conv.keras")
        options = importing.ImportOptions(("normal", "pneumonia"))
        return importing.import_model(
            folder / "conv.keras", options, folder / "bundle", lambda _: None
        )


@pytest.fixture(scope="session")
def labelled_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 drawn films in the Kaggle layout."""
    from pneumoscope.train.data import phantom

    root = tmp_path_factory.mktemp("films")
    for name in ("NORMAL", "PNEUMONIA"):
        (root / name).mkdir()
    for i, film in enumerate(phantom.films(80, 96, seed=9)[..., 0]):
        Image.fromarray(film).save(root / ("PNEUMONIA" if i % 2 else "NORMAL") / f"{i}.png")
    return root
