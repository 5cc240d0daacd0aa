"""``pneumoscope leaderboard``: its table, its page, and what is no run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for module in ("cv2", "sklearn"):
    pytest.importorskip(module, reason="needs the [train] extra")

from command_line import run
from documented_output import undocumented
from pneumoscope.bundle import write_bundle
from pneumoscope.train import leaderboard
from pneumoscope.train.validation import predictions
from pneumoscope.train.validation.predictions import Validation
from tiny import tiny_files, tiny_meta

# Six films, four times each: intervals need ten patients.
TRUTH = np.array([0, 0, 0, 1, 1, 2] * 4, np.intp)
# P(pneumonia): one of three healthy films is called; under blur one of three ill ones is missed too.
PLAIN, BLUR = [0.1, 0.2, 0.7, 0.8, 0.9, 0.6] * 4, [0.1, 0.2, 0.7, 0.8, 0.9, 0.3] * 4


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs of one recipe; intervals of few draws."""
    for seed in (1, 2):
        folder = tmp_path / "runs" / f"small-{seed}"
        meta = tiny_meta(
            name="[small]",
            recipe={"seed": seed},
            validation={
                "parameters": 12,
                "training_minutes": 2.0,
                "start_weights": {"name": "none"},
                "heatmaps": {},
            },
        )
        write_bundle(folder / "bundle", meta, tiny_files(tmp_path / "parts"))
        shares = {
            name: np.array([[1 - p, 0.6 * p, 0.4 * p] for p in values])
            for name, values in (("plain", PLAIN), ("blur", BLUR))
        }
        predictions.save(
            Validation(TRUTH, tuple("abcdefghijklmnopqrstuvwx"), shares), folder / "validation.npz"
        )
    table: Any = leaderboard.table
    monkeypatch.setattr(leaderboard, "table", lambda *given: table(*given, draws=20))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_a_recipe_is_a_row_with_intervals(runs: Path) -> None:
    done = run("leaderboard", runs)
    assert (done.returncode, done.stderr) == (0, "")
    head, row, interval, *_ = done.stdout.splitlines()
    assert head.split() == [
        "recipe", "seeds", "AUC", "accuracy", "sensitivity", "specificity", "worst",
    ]  # fmt: skip
    # Eight of nine pairs are in order; 5 of 6 films, 3 of 3 ill and 2 of 3 healthy ones are right.
    assert row.split() == ["[small]", "1", "2", "0.889", "0.833", "1.000", "0.667", "0.667"]
    assert interval.split().count("-") == 5
    assert interval.split()[-1] == "blur"


def test_a_page_is_written_beside_or_in_place_of_the_table(runs: Path) -> None:
    done = run("leaderboard", runs, "--out", "results.md")
    assert (done.returncode, done.stdout, done.stderr) == (0, "results.md\n", "")
    page = Path("results.md").read_text()
    assert "| [small] 1 (random start) | 2 |" in page
    done = run("leaderboard", runs, "--out", Path("new") / "folder" / "results.md", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert undocumented("leaderboard", row) == []
    assert (row["recipe"], row["seeds"]) == ("[small] 1", [1, 2])
    assert row["plain"]["accuracy"]["value"] == pytest.approx(5 / 6)
    assert (Path("new") / "folder" / "results.md").read_text() == page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "no finished run"),
        (("parts",), "no finished run"),
        (("runs", "--blind", "none.json"), "none.json"),
        (("runs", "--blind", "parts"), "parts"),
        (("runs", "--out", "parts"), "parts"),
    ],
)
def test_what_cannot_be_compared_or_written(
    runs: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run("leaderboard", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "hint: " in done.stderr
