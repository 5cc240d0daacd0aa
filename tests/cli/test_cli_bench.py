"""``pneumoscope bench``; measuring itself is tested with the trainings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench_figures import benchmark
from command_line import run
from pneumoscope.cli.train import bench
from replaced import replace_module


def test_the_group_shows_its_command() -> None:
    done = run("bench", "--help")
    assert done.returncode == 0
    assert "Measure training in films per second." in done.stdout


def test_films_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PNEUMOSCOPE_DATA", raising=False)
    monkeypatch.setattr("pneumoscope.cli.train.options.require", lambda *_: None)
    done = run("bench", "train")
    assert done.returncode == 1
    assert "no training films named" in done.stderr


def test_figures_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {
        "recipe": "toy", "films": 64, "megapixels": 1.5, "random": 100.0, "later": 90.0,
        "later_share": 0.9, "later_share_range": (0.85, 0.95), "first": 40.0, "decode": 55.0,
        "notebook": 20.0, "speedup_first": 2.0, "speedup_later": 4.5,
    }  # fmt: skip
    bench._print(figures, 10, 5)
    text = capsys.readouterr().out
    assert "medians of 5 rounds of 10 steps" in text
    assert "training, later epochs: 0.90 of that (0.85 to 0.95)" in text
    assert "first epoch 2.00 times, later ones 4.50 times as fast" in text


def test_what_is_measured_and_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures = {
        "recipe": "cnn-3class", "films": 64, "megapixels": 1.5, "random": 100.0, "later": 90.0,
        "later_share": 0.9, "later_share_range": [0.85, 0.95], "first": 40.0, "decode": 55.0,
        "notebook": 20.0, "speedup_first": 2.0, "speedup_later": 4.5,
    }  # fmt: skip
    calls: list[tuple[Any, ...]] = []

    def measure(recipe: Any, *others: Any) -> dict[str, Any]:
        calls.append((recipe.name, others[0], others[1], *others[3:]))
        return figures

    replace_module(monkeypatch, "pneumoscope.train.bench", measure=measure)
    monkeypatch.setattr("pneumoscope.cli.train.bench.prepare_training", lambda _backend, data: data)
    options = ("--data", tmp_path, "--steps", 2, "--rounds", 3)
    done = run("bench", "train", "cnn-3class", *options, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, figures), done.stderr
    text = run("bench", "train", "cnn-3class", *options).stdout
    assert text.startswith("cnn-3class on 64 training films of 1.50 megapixels (median)\n")
    assert "medians of 3 rounds of 2 steps" in text
    assert calls == [("cnn-3class", tmp_path, None, 2, 3)] * 2
    for option in ("--steps", "--rounds"):
        assert run("bench", "train", option, 0).returncode == 2


def measured_inference(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []

    def measure(bundle: Any, names: Any, _folder: Path, _progress: Any, rounds: int) -> Any:
        calls.append((bundle.path.name, names, rounds))
        return benchmark()

    monkeypatch.setattr("pneumoscope.train.inference_bench.measure.measure", measure)
    return calls


@pytest.mark.slow
def test_reading_is_compared_and_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = measured_inference(monkeypatch)
    options = ("--bundle", "children", "--ways", "pneumoscope, decoding", "--rounds", 2)
    done = run("bench", "inference", *options, "--plot", tmp_path / "stages.svg")
    assert done.returncode == 0, done.stderr
    assert calls == [("children", ["pneumoscope", "decoding"], 2)]
    assert "openvino left out: openvino not installed" in done.stdout
    assert " 0.70  films a second of 224 pixels, relative to the network alone" in done.stdout
    assert (tmp_path / "stages.svg").read_bytes().startswith(b"<?xml")
    assert json.loads(run("bench", "inference", "--json").stdout)["ratios"]["start"] == 2.5


def test_a_run_that_became_slower_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured_inference(monkeypatch)
    recorded = tmp_path / "recorded.json"
    recorded.write_text('{"ratios": {"bulk_small": 0.9}}')
    done = run("bench", "inference", "--at-least", recorded)
    assert done.returncode == 1
    assert "bulk_small is 0.70, recorded was 0.90" in done.stderr
    recorded.write_text('{"ratios": {"bulk_small": 0.7}}')
    assert run("bench", "inference", "--at-least", recorded).returncode == 0


def test_ratios_that_were_not_recorded_check_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured_inference(monkeypatch)
    (tmp_path / "recorded.json").write_text('{"ratios": {"of_another_version": 0.9}}')
    done = run("bench", "inference", "--at-least", tmp_path / "recorded.json")
    assert done.returncode == 1
    assert "nothing can be compared" in done.stderr


def test_a_way_that_is_named_twice_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measured_inference(monkeypatch)
    assert run("bench", "inference", "--ways", "decoding,pneumoscope, decoding").returncode == 0
    assert calls[0][1] == ["decoding", "pneumoscope"]
    done = run("bench", "inference", "--ways", " , ")
    assert done.returncode == 1
    assert "--ways names no way" in done.stderr


def test_plots_are_svg_or_png() -> None:
    done = run("bench", "inference", "--plot", "stages.pdf")
    assert done.returncode == 1
    assert "plots are .svg or .png" in done.stderr
