"""Several findings on one film: the whole way from a manifest to a verdict."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras  # noqa: F401 (before warnings become errors)

import pneumoscope
from command_line import Done, run
from trainings import exporting_here

pytestmark = TRAINING

TOY = """
name = "toy"
task = "multilabel"
network = "cnn"
filters = [8, 16]
head = "flatten"
dense = 16
size = 48
source_size = 64
head_epochs = 0
epochs = 20
batch_size = 16
learning_rate = 0.003
class_weight_power = 0.5
label_smoothing = 0.05

[augment]
crop = 0.0
match = 0.0
erase = 0.0
noise = 0.0
frame = 0.0
marker = 0.0
"""


def findings_set(root: Path, films: int = 72) -> Path:
    """A manifest with an opacity (a bright square), an effusion (a bright strip below) and a nodule
    (nothing to see) that no validation film is known to have or not; some other labels unknown."""
    rng = np.random.default_rng(3)
    root.mkdir()
    rows = []
    for i in range(films):
        opacity, effusion = (i % 2, (i // 2) % 2)
        film = rng.normal(80, 8, (64, 64))
        if opacity:
            x = int(rng.integers(8, 40))
            film[14:30, x : x + 16] += 90
        if effusion:
            film[48:] += 90
        Image.fromarray(np.clip(film, 0, 255).astype(np.uint8)).save(root / f"{i}.png")
        split = "train" if i // 2 % 3 else "validation"
        known = "-1" if i % 10 == 0 else str(opacity)
        nodule = str(i % 5 // 4) if split == "train" else ""
        rows.append((f"{i}.png", f"p{i // 2}", split, known, effusion, nodule))
    with (root / "manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "patient", "split", "Opacity", "Effusion", "Nodule"))
        writer.writerows(rows)
    return root


def train(folder: Path, films: Path) -> Done:
    """Trains in this process, from the start weights that a command takes by default."""
    (folder / "toy.toml").write_text(TOY)
    with exporting_here():
        return run(
            "train", folder / "toy.toml", "--data", films, "--out", folder / "run", "--cache",
            folder / "cache", "--json",
        )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("findings")
    done = train(folder, findings_set(folder / "films"))
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.splitlines()[-1])
    assert set(record["validation"]["findings"]) == {"Opacity", "Effusion", "Nodule"}
    return folder


def test_a_manifest_of_findings_becomes_a_bundle(trained: Path) -> None:
    classifier = pneumoscope.load(trained / "run" / "bundle")
    meta = classifier.bundle.meta
    assert (meta.task, meta.labels, meta.negative) == (
        "multilabel",
        ("Opacity", "Effusion", "Nodule"),
        None,
    )
    assert classifier.check() < 1e-5
    measured = meta.validation
    assert measured["parity"]["max_heatmap_error"] <= 1e-3
    assert measured["findings"]["Effusion"]["auc"]["value"] > 0.9
    assert measured["findings"]["Nodule"]["unknown"] == measured["films"]
    assert measured["heatmaps"] is None  # no film is known to have none of the three


def test_a_film_can_have_both_findings_or_none(trained: Path) -> None:
    # Its gate has learned from 48 drawn films: it may refuse some.
    settings = pneumoscope.Settings(force=True)
    classifier = pneumoscope.load(trained / "run" / "bundle", settings=settings)
    folder = trained / "films"
    both = [classifier.predict(folder / f"{i}.png") for i in range(3, 72, 4)]
    none = [classifier.predict(folder / f"{i}.png") for i in range(0, 72, 4)]
    mean_of_both, mean_of_none = (
        {name: np.mean([p.probabilities[name] for p in some]) for name in ("Opacity", "Effusion")}
        for some in (both, none)
    )
    for name, value in mean_of_both.items():
        assert value > 0.5 > mean_of_none[name]
    p = both[0]
    assert p.heatmap is not None
    assert p.heatmap.shape == (10, 10)
    assert p.heatmap_class == p.findings[0].name
    # Probabilities of findings do not compete.
    assert sum(p.probabilities.values()) > 1


def test_the_card_tells_each_finding(trained: Path) -> None:
    card = (trained / "run" / "bundle" / "README.md").read_text()
    assert "a sigmoid for each of 3 findings" in card
    assert "any finding reaches its own threshold" in card
    assert "| Nodule | 0 | 0 |" in card
    assert "not measurable" in card
    assert "P(Effusion)" in card
    assert "nan" not in card.lower()


def test_a_leaderboard_of_findings(trained: Path) -> None:
    done = run("leaderboard", trained, "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["recipe"] == "toy 1"
    assert row["task"] == "multilabel"
    assert row["plain"]["auc"]["value"] > 0.8


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (",1,1,", "no training films are known both with and without Opacity, Effusion"),
        (",,,", "tells no labels"),
    ],
)
def test_findings_that_nothing_can_be_learnt_of(tmp_path: Path, ending: str, message: str) -> None:
    root = findings_set(tmp_path / "films", 8)
    lines = (root / "manifest.csv").read_text().splitlines()
    header, rows = lines[0], [line.rsplit(",", 3)[0] + ending for line in lines[1:]]
    (root / "manifest.csv").write_text("\n".join([header, *rows]) + "\n")
    done = train(tmp_path, root)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "run" / "bundle").exists()
