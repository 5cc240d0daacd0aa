"""Files that are read, and files that are not."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from notebook_models import REFUSED, TWO, cnn

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train.keras_import import importing
    from pneumoscope.train.keras_import.importing import ImportOptions

from pneumoscope.errors import ConversionError, PneumoscopeError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


def test_lambda_in_a_legacy_file_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        REFUSED["lambda"][0]().save(tmp_path / "model.h5")
    with pytest.raises(ConversionError, match="contains code"):
        importing.import_model(tmp_path / "model.h5", ImportOptions(TWO), tmp_path / "out", quiet)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.txt", "none.keras"])
def test_files_that_are_no_model(name: str, tmp_path: Path) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(PneumoscopeError) as caught:
        importing.import_model(tmp_path / name, ImportOptions(TWO), tmp_path / "out", quiet)
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    cnn(1, "sigmoid").save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(ConversionError, match="not a saved Keras model"):
        importing.import_model(
            tmp_path / "only.weights.h5", ImportOptions(TWO), tmp_path / "out", quiet
        )
