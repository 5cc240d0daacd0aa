"""Several devices that share every batch."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.errors import UsageError
    from pneumoscope.train.network import devices

pytestmark = TRAINING

# Composed films are two inputs, and their network is another than the one that validates.
SCRIPT = """
import json, sys
from pathlib import Path
import keras
import numpy as np
from keras.src.backend.jax import distribution_lib
from pneumoscope import data
from pneumoscope.errors import UsageError
from pneumoscope.train.fit import loop, tracking
from pneumoscope.train.network import devices
from pneumoscope.train.progress import Progress
from pneumoscope.train.recipe.settings import Recipe

root = Path(sys.argv[1])
films = data.load(root / "films", 32, task="multiclass", share=0.25, seed=0, cache=root / "cache")
recipe = Recipe(network="cnn", filters=(4,), size=32, source_size=64, scaling="unit", regions=0.5,
                head_epochs=1, epochs=1, batch_size=16, learning_rate=0.01, ema=0.9)
errors, notes, parts, losses, weights = [], [], [], {}, {}
for wanted, size in (("3", 15), ("2", 15)):
    try:
        devices.use(wanted, size, notes.append)
    except UsageError as error:
        errors.append(str(error))
share = distribution_lib.distribute_data_input
def spy(*args, **kwargs):
    array = share(*args, **kwargs)
    parts.append([part.data.shape[0] / array.shape[0] for part in array.addressable_shards])
    return array
distribution_lib.distribute_data_input = spy
for wanted in ("1", "all"):
    assert devices.use(wanted, recipe.batch_size, notes.append) == {"1": 1, "all": 2}[wanted]
    run = root / wanted
    run.mkdir()
    model = loop.fit(recipe, films, run, None, Progress())
    losses[wanted] = [[row["loss"], row["validation_loss"]] for row in tracking.read_log(run / "log.csv")]
    weights[wanted] = np.concatenate([np.ravel(v) for v in model.variables if "float" in v.dtype])
    kernel = model.get_layer("logits").kernel.value.sharding
    holders = [len(kernel.device_set), kernel.is_fully_replicated]
odd = films.pixels[:5, ..., None]
print(json.dumps({
    "errors": errors, "notes": notes, "parts": parts, "losses": losses, "holders": holders,
    "apart": float(np.abs(weights["1"] - weights["all"]).max()),
    "odd": devices.predict(model, odd).shape,
}))
"""


@pytest.mark.slow
def test_two_devices_share_each_batch_and_train_like_one(
    films_folder: Path, tmp_path: Path
) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("the [jax] extra is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        },
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["errors"] == [
        "3 devices are wanted, JAX finds 2 (cpu:0, cpu:1)",
        "2 devices cannot share a batch of 15 films evenly",
    ]
    assert result["notes"] == [
        "one of 2 devices is in use; --devices all takes them all",
        "each batch is shared among cpu:0, cpu:1",
    ]
    # Films, shares, targets and weights of each step, and of none before there were two devices.
    assert len(result["parts"]) % 4 == 0
    assert result["parts"] == [[0.5, 0.5]] * len(result["parts"]) != []
    assert result["holders"] == [2, True]
    assert np.allclose(result["losses"]["1"], result["losses"]["all"], atol=2e-4)
    assert result["apart"] < 1e-3
    assert result["odd"] == [5, 3]


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "", "1.5"])
def test_no_number_of_devices(wanted: str) -> None:
    with pytest.raises(UsageError, match="not a number of devices"):
        devices.use(wanted, 16, lambda _: None)


@pytest.mark.parametrize("wanted", ["2", "all"])
def test_other_backends_train_on_one_device(wanted: str) -> None:
    with pytest.raises(UsageError, match="tensorflow trains on one device only") as caught:
        devices.use(wanted, 16, lambda _: None)
    assert "--backend jax" in caught.value.hint
    assert devices.use("1", 16, pytest.fail) == devices.count() == 1
