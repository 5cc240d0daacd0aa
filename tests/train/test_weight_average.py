"""The average of the weights of several runs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from drawn import drawn_set
from trainings import SMALL, train

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train import line, weight_average
    from pneumoscope.train.fit import loop
    from pneumoscope.train.recipe.reading import resolved
    from pneumoscope.train.recipe.settings import Recipe

from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError

pytestmark = TRAINING

HEADER = "phase,epoch,loss,learning_rate,validation_loss,validation_auc,validation_accuracy,seconds"

RECIPE = resolved(Recipe(filters=(8, 16)))


def run_folder(
    folder: Path,
    value: float,
    films: str = "films",
    shape: tuple[int, ...] = (2,),
    recipe: dict[str, int] | None = None,
    start_weights: str = "abc",
) -> Path:
    """A finished run whose weights all have one value."""
    folder.mkdir()
    weights = {"v0": np.full(shape, value, np.float32), "v1": np.array([7], np.uint32)}
    np.savez(folder / "weights.npz", **weights)
    record = {
        "manifest_sha256": films,
        "recipe": RECIPE | (recipe or {"seed": 1}),
        "start_weights": {"name": "imagenet", "sha256": start_weights},
    }
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "log.csv").write_text(f"{HEADER}\nhead,1,{value},0.1,0.5,0.9,0.8,30.0\n")
    return folder


def test_weights_are_averaged_and_logs_joined(tmp_path: Path) -> None:
    runs = [run_folder(tmp_path / f"run, {n}", value) for n, value in enumerate((1.0, 2.0, 6.0))]
    target = tmp_path / "average"
    target.mkdir()
    weight_average.check(runs, RECIPE, "films")
    weight_average.write(runs, target)
    with np.load(target / "weights.npz") as stored:
        assert stored["v0"].dtype == np.float32
        assert stored["v0"].tolist() == [3.0, 3.0]
        assert stored["v1"].tolist() == [7]  # the counter of a random generator
    lines = (target / "log.csv").read_text().splitlines()
    assert lines == [
        HEADER,
        '"run, 0: head",1,1.0,0.1,0.5,0.9,0.8,30.0',
        '"run, 1: head",1,2.0,0.1,0.5,0.9,0.8,30.0',
        '"run, 2: head",1,6.0,0.1,0.5,0.9,0.8,30.0',
    ]
    assert loop.minutes(target) == 1.5
    record = weight_average.record_of(runs)
    assert record["name"].startswith("average of the runs run, 0 (")
    assert record["name"].count("(") == 3
    # Whose weights they began with is not lost, also if the average is averaged again.
    assert (record["began_with"], record["sha256"]) == ("imagenet", "abc")
    before = json.loads((runs[0] / "run.json").read_text())
    (runs[0] / "run.json").write_text(json.dumps(before | {"start_weights": record}))
    assert weight_average.record_of(runs) == record


def test_runs_that_cannot_be_averaged(tmp_path: Path) -> None:
    first, second = run_folder(tmp_path / "a", 1), run_folder(tmp_path / "b", 2)
    with pytest.raises(UsageError, match="two different runs"):
        weight_average.check([first, tmp_path / "x" / ".." / "a"], RECIPE, "films")
    with pytest.raises(UsageError, match="two different runs"):
        weight_average.check([first], RECIPE, "films")
    other = run_folder(tmp_path / "c", 1, films="others")
    with pytest.raises(UsageError, match="held out here"):
        weight_average.check([first, other], RECIPE, "films")
    larger = run_folder(tmp_path / "d", 1, shape=(3,))
    with pytest.raises(UsageError, match="another network"):
        weight_average.write([first, larger], tmp_path)
    assert not (tmp_path / "weights.npz").exists()
    (second / "weights.npz").unlink()
    with pytest.raises(UsageError, match="not a finished run"):
        weight_average.check([first, second], RECIPE, "films")


def test_runs_with_other_start_weights_are_not_averaged(tmp_path: Path) -> None:
    """Their networks do not lie close together, and their mean is no network worth having."""
    first = run_folder(tmp_path / "a", 1)
    same = run_folder(tmp_path / "b", 2, recipe={"seed": 2, "start_seed": 1})
    weight_average.check([first, same], RECIPE, "films")
    weight_average.check([same, first], RECIPE, "films")
    unset = run_folder(tmp_path / "c", 2, recipe={"seed": 1, "start_seed": -1})
    weight_average.check([first, unset], RECIPE, "films")
    zero = run_folder(tmp_path / "d", 2, recipe={"seed": 1, "start_seed": 0})
    seed = run_folder(tmp_path / "e", 2, recipe={"seed": 2})
    weights = run_folder(tmp_path / "f", 2, start_weights="abd")
    for other in (zero, seed, weights):
        with pytest.raises(UsageError, match=r": began with other weights than .*a$"):
            weight_average.check([first, same, other], RECIPE, "films")


def test_start_weights_without_a_hash_are_told_apart_by_their_name(tmp_path: Path) -> None:
    average = {"name": "average of the runs x, y", "began_with": "imagenet"}
    starts = {"a": {"name": "imagenet"}, "b": average, "c": {"name": "none"}}
    runs = {name: run_folder(tmp_path / name, 1) for name in starts}
    for name, run in runs.items():
        record = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(record | {"start_weights": starts[name]}))
    weight_average.check([runs["a"], runs["b"]], RECIPE, "films")
    with pytest.raises(UsageError, match=r": began with other weights than .*a$"):
        weight_average.check([runs["a"], runs["c"]], RECIPE, "films")


@pytest.mark.parametrize(
    "setting", [{"size": 160}, {"scaling": "unit"}, {"filters": (8, 8)}, {"head": "lungs"}]
)
def test_a_run_whose_weights_fit_but_mean_something_else_is_refused(
    tmp_path: Path, setting: dict[str, Any]
) -> None:
    """The weights of MobileNetV2 are the same for every size and scaling."""
    runs = [run_folder(tmp_path / name, 1) for name in "ab"]
    name = next(iter(setting))
    with pytest.raises(UsageError, match=f"another network than the recipe's: {name} is"):
        weight_average.check(runs, RECIPE | setting, "films")
    # What does not change the network may differ.
    weight_average.check(runs, RECIPE | {"epochs": 99, "version": "2"}, "films")


def test_a_damaged_run_is_refused(tmp_path: Path) -> None:
    runs = [run_folder(tmp_path / name, 1) for name in "ab"]
    (runs[1] / "weights.npz").write_bytes((runs[1] / "weights.npz").read_bytes()[:200])
    with pytest.raises(UsageError, match=r"weights\.npz is damaged"):
        weight_average.write(runs, tmp_path)
    for damaged in ('{"recipe": ', "[]", "{}", '{"recipe": {}}'):
        (runs[0] / "run.json").write_text(damaged)
        with pytest.raises(UsageError, match=r"run\.json: is damaged") as caught:
            weight_average.check(runs, RECIPE, "films")
        assert caught.value.hint == "Train it again."
    (runs[0] / "log.csv").unlink()
    with pytest.raises(UsageError, match="not a finished run"):
        weight_average.check(runs, RECIPE, "films")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("drawn") / "films")


def test_the_command_makes_the_bundle_of_the_mean(
    films: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    """The line from weights to a bundle has tests of its own."""
    recipe = SMALL.replace("epochs = 3", "epochs = 0\nstart_seed = 1")
    with mock.patch.object(line, "bundle_of", return_value=tiny_bundle) as made:
        for seed in (1, 2):
            done = train(recipe, tmp_path / f"small-{seed}", films, "--seed", seed)
            assert done.returncode == 0, done.stderr
        runs = [tmp_path / f"small-{seed}" for seed in (1, 2)]
        both = [word for run in runs for word in ("--average", run)]
        out = tmp_path / "average"
        done = train(recipe, out, films, *both, weights=None)
        assert done.returncode == 0, done.stderr
        trained = made.call_args.args[0]
        assert trained.start_weights["name"].startswith("average of the runs small-1 (")
        assert "average of the runs small-1" in done.stderr
        stored = [dict(np.load(run / "weights.npz")) for run in (*runs, out)]
        # Only the head was trained; the random weights below it began alike, with different seeds.
        assert np.array_equal(stored[0]["v0"], stored[1]["v0"])
        moved = [
            k
            for k, v in stored[0].items()
            if v.dtype.kind == "f" and not np.array_equal(v, stored[1][k])
        ]
        assert moved
        for name in moved:
            assert np.allclose(stored[2][name], (stored[0][name] + stored[1][name]) / 2, atol=1e-7)
        assert (out / "curves.png").is_file()

        smaller = recipe.replace("filters = [8, 16]", "filters = [8, 8]")
        done = train(smaller, tmp_path / "smaller", films, *both, weights=None)
        assert done.returncode == 1
        assert "those of another network than the recipe's" in done.stderr
        for words in (
            ["--average", runs[0]],
            [*both, "--folds", "2"],
            [*both, "--weights", "no.h5"],
        ):
            done = train(recipe, tmp_path / "other", films, *words, weights=None)
            assert done.returncode == 2
            assert "--average" in done.stderr
            assert not (tmp_path / "other").exists()
