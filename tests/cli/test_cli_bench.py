"""``pneumoscope bench``; measuring itself is tested with the trainings."""

from __future__ import annotations

import pytest

from command_line import run
from pneumoscope.cli.train import bench


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
