"""The learning-rate range test: its rule by hand, and what it leaves in a folder."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.errors import TrainingError
    from pneumoscope.train import run
    from pneumoscope.train.fit import finder, loop
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = TRAINING


def test_smoothing_without_the_bias_of_its_start() -> None:
    # 0.1 x 2 / 0.1; (0.09 x 2 + 0.1 x 4) / (1 - 0.81)
    assert finder.smooth([2.0, 4.0]) == pytest.approx([2.0, 0.58 / 0.19])


def test_the_suggestion_is_a_tenth_of_the_rate_of_the_lowest_loss() -> None:
    rates = np.geomspace(1e-6, 1, 61).tolist()  # ten steps a decade
    losses = [1.0] * 20 + [1 - 0.03 * i for i in range(20)] + [0.4 + 0.1 * i for i in range(21)]
    assert finder.smooth(losses)[:20] == pytest.approx([1.0] * 20)
    assert rates[40] == pytest.approx(1e-2)
    # At step 40 the loss is lowest, 0.4, and the step before has 0.43.
    assert finder.suggest(rates, losses) == pytest.approx(1e-3)


def test_no_suggestion_where_the_loss_only_rises_or_stays() -> None:
    rates = np.geomspace(1e-6, 1, 61).tolist()
    assert finder.suggest(rates, [1 + 0.01 * i for i in range(61)]) is None
    noise = np.random.default_rng(0).normal(1, 0.1, 61).tolist()
    assert finder.suggest(rates, finder.smooth(noise)) is None


class Scripted:
    """A trainer whose loss follows from the rate."""

    def __init__(self, loss: Any) -> None:
        self.phases = (loop.Phase("whole network", 2, whole=True),)
        self.recipe = Recipe(learning_rate=3e-4)
        self.progress = Progress()
        self.optimizer = SimpleNamespace(learning_rate=0.0)
        self.batches = SimpleNamespace(of=self.three)
        self.loss = loss

    def three(self, position: object) -> Iterator[None]:
        yield from (None, None, None)

    def prepare(self, phase: object, steps: int) -> SimpleNamespace:
        return self.optimizer

    def learn(self, batch: object) -> float:
        return float(self.loss(self.optimizer.learning_rate))


def test_the_test_ends_where_the_loss_runs_away() -> None:
    trainer: Any = Scripted(lambda rate: 1 / (1 + 1e3 * rate) if rate < 0.011 else 100.0)
    result = finder.range_test(trainer, 0)
    # Of 100 rates from 1e-6 to 1 the 67th is 10 ** (-6 + 66 * 6 / 99) = 0.01, the next 0.0115.
    assert len(result.rates) == 68
    assert result.rates[-1] == pytest.approx(0.0115, abs=1e-4)
    assert result.losses[-1] == 100.0
    assert result.suggested == pytest.approx(1e-3)
    assert (result.phase, result.key, result.own_rate) == ("whole network", "learning_rate", 3e-4)


def test_a_loss_that_is_no_number() -> None:
    late: Any = Scripted(lambda rate: 1 - rate if rate < 0.1 else np.nan)
    assert max(finder.range_test(late, 0).rates) < 0.1
    never: Any = Scripted(lambda rate: np.nan)
    with pytest.raises(TrainingError, match="not a number from the start"):
        finder.range_test(never, 0)


TOY = Recipe(
    name="toy", network="cnn", filters=(8,), size=32, source_size=64, scaling="unit",
    head_epochs=1, epochs=2, batch_size=4, validation=0.3, ema=0.9, cached_views=1,
    head_learning_rate=1e-3, learning_rate=2e-3,
)  # fmt: skip


def test_every_phase_is_tested_and_nothing_else_of_the_folder_touched(
    films_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "STEPS", 40)  # in place of 100, over the same range
    out = tmp_path / "run"
    out.mkdir()
    for name in ("run.json", "log.csv", "checkpoint.npz"):
        (out / name).write_text(f"{name} of a run that stands half-way")
    paths = Paths(films_folder, out, "none", tmp_path / "cache")
    tests = run.find_learning_rate(TOY, paths, Progress())
    assert [(t.phase, t.key, t.own_rate) for t in tests] == [
        ("head", "head_learning_rate", 1e-3), ("whole network", "learning_rate", 2e-3)
    ]  # fmt: skip
    assert all(20 < len(t.rates) == len(t.losses) == len(t.smoothed) for t in tests)
    with (out / finder.TABLE).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(t.rates) for t in tests)
    assert float(rows[0]["learning_rate"]) == finder.LOWEST
    assert (out / finder.PLOT).stat().st_size > 10_000
    for name in ("run.json", "log.csv", "checkpoint.npz"):
        assert (out / name).read_text() == f"{name} of a run that stands half-way"
    assert len(list(out.iterdir())) == 5


def test_the_command_prints_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pneumoscope.cli.train.train import train

    falling = finder.RangeTest("head", "head_learning_rate", 1e-3, (1e-6,), (1.0,), (1.0,), 2e-3)
    dull = finder.RangeTest("whole network", "learning_rate", 5e-4, (1e-6,), (1.0,), (1.0,), None)
    monkeypatch.setattr(run, "find_learning_rate", lambda *_: (falling, dull))
    # Of the process, set by `prepare_training`.
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    options = {"data": tmp_path, "out": tmp_path, "weights": "none", "find_learning_rate": True}
    train("flagship", **options)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "head: head_learning_rate 2.0e-03 suggested; the recipe has 1.0e-03"
    assert lines[1].startswith("whole network: learning_rate has no suggestion")
    assert "a tenth of the rate" in lines[2]
    train("flagship", **options, json=True)
    facts = json.loads(capsys.readouterr().out)
    assert facts["recipe"] == "flagship"
    assert [phase["suggested"] for phase in facts["phases"]] == [2e-3, None]
    names = ("phase", "key", "own_rate", "rates", "losses", "smoothed", "suggested")
    assert tuple(facts["phases"][0]) == names
    assert facts["plot"] == str(tmp_path / "learning-rate.png")
