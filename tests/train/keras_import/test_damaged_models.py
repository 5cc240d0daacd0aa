"""Damaged models: an error with a hint, whatever was changed, and never another exception."""

from __future__ import annotations

import json
import random
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.keras_import import hdf5_child, importing, reading, saved

from pneumoscope.errors import PneumoscopeError

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

OPTIONS = importing.ImportOptions(("normal", "pneumonia"), scaling="none")
BUDGET_S = 6.0
"""For all damaged files together; each takes half a second, most of it in a child process."""
LONGEST_S = 5.0
VALUES: tuple[Any, ...] = (None, -1, 0, 3, 1e9, 10**12, "x", [], {}, [None], True, "../../x", [[]])
"""What takes the place of a value."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny model in each form, by ending."""
    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("whole")
    base = keras.Sequential([keras.Input((16, 16, 1)), layers.Conv2D(2, 3)], name="base")
    inputs = keras.Input((16, 16, 1))
    x = layers.BatchNormalization()(base(layers.RandomFlip()(inputs), training=False))
    x = layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    for ending in (".keras", ".h5"):
        model.save(folder / f"m{ending}")
    model.save_weights(folder / "m.weights.h5")
    names = {".keras": "m.keras", ".h5": "m.h5", ".weights.h5": "m.weights.h5"}
    whole = {ending: (folder / name).read_bytes() for ending, name in names.items()}
    return whole | {".json": model.to_json().encode()}


def read(file: Path) -> None:
    """Reads a model up to its structure; only pneumoscope's own errors may come out."""
    began, refusal = time.process_time(), None
    try:
        importing.prepare(reading.load(saved.locate(file, None)), OPTIONS)
    except PneumoscopeError as error:
        refusal = error
    assert refusal is None or refusal.hint, str(refusal)
    assert "Traceback" not in str(refusal)
    assert time.process_time() - began < LONGEST_S


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut off, or with some bytes changed."""
    if rng.random() < 0.3:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 8, 64))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def altered(config: Any, rng: random.Random) -> Any:
    """A configuration in which a key is missing, or has another value."""
    places: list[tuple[Any, Any]] = []
    waiting = [config]
    while waiting:
        part = waiting.pop()
        items = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in items:
            places.append((part, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    part, key = rng.choice(places)
    if rng.random() < 0.3:
        del part[key]
    else:
        part[key] = rng.choice(VALUES)
    return config


def test_damaged_files_are_errors_in_words(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # HDF5 loops for ever on some: these are given up soon.
    monkeypatch.setattr(hdf5_child.check, "__defaults__", (6.0,))
    rng, end, count = random.Random(2), time.monotonic() + BUDGET_S, 0
    (tmp_path / "w.weights.h5").write_bytes(files[".weights.h5"])
    while time.monotonic() < end and count < 400:
        kind = rng.choice((".keras", ".h5", ".json", "config"))
        if kind == "config":
            file = tmp_path / "m.json"
            file.write_text(json.dumps(altered(json.loads(files[".json"]), rng)))
        else:
            file = tmp_path / f"m{kind}"
            file.write_bytes(damaged(files[kind], rng))
        read(file)
        file.unlink()
        count += 1
    assert count >= 3  # on a quiet machine, about 10


def test_the_undamaged_files_are_read(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "m.weights.h5").write_bytes(files[".weights.h5"])
    for ending in (".keras", ".h5", ".json"):
        (tmp_path / f"m{ending}").write_bytes(files[ending])
        model = reading.load(saved.locate(tmp_path / f"m{ending}", None))
        assert model.output_shape == (None, 1)
