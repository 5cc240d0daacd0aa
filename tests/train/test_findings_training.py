"""Several findings on one film: figures by hand, and the whole way from a manifest to a verdict."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.data.batches import _finding_weights
    from pneumoscope.train.network.losses import loss_of
    from pneumoscope.train.recipe.settings import Recipe

import pneumoscope
from pneumoscope.errors import RecipeError
from pneumoscope.train.validation import calibrate, findings, scores
from pneumoscope.train.validation.predictions import Validation

pytestmark = [
    pytest.mark.train,
    # Keras 3.15 with NumPy 2 on TensorFlow.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

NAN = np.nan
# The first finding is told apart but for one pair of four, the second is known on two films, the
# third on no film.
TARGETS = np.array(
    [[1, 1, NAN], [1, NAN, NAN], [0, NAN, NAN], [0, 0, NAN], [NAN, NAN, NAN]], np.float32
)
P = np.array([[0.9, 0.8, 0.5], [0.4, 0.1, 0.5], [0.6, 0.1, 0.5], [0.2, 0.3, 0.5], [0.99, 0.5, 0.5]])
PATIENTS = ("a", "b", "c", "d", "e")


def validation() -> Validation:
    return Validation(TARGETS, PATIENTS, {"plain": P, "noise": 1 - P})


def test_unknown_labels_add_nothing_to_the_loss() -> None:
    recipe = Recipe(task="multilabel")
    y = np.array([[1.0, NAN], [0.0, 1.0]], np.float32)
    z = np.array([[0.0, 50.0], [np.log(3), 0.0]], np.float32)
    found = keras.ops.convert_to_numpy(loss_of(recipe)(y, z))
    assert float(found) == pytest.approx((np.log(2) + np.log(4) + np.log(2)) / 4, rel=1e-5)


def test_unknown_labels_have_no_gradient() -> None:
    import tensorflow as tf

    y = tf.constant([[1.0, NAN]], tf.float32)
    z = tf.Variable([[0.0, 80.0]])
    for recipe in (Recipe(task="multilabel"), Recipe(task="multilabel", loss="focal")):
        with tf.GradientTape() as tape:
            loss = loss_of(recipe)(y, z)
        gradient = tape.gradient(loss, z).numpy()[0]
        assert gradient[1] == 0
        assert gradient[0] < 0


def test_focal_and_weights_by_hand() -> None:
    recipe = Recipe(task="multilabel", loss="focal", focal_gamma=2.0)
    y, z = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, np.log(3)]], np.float32)
    weights = np.array([[1.0, 0.5], [3.0, 1.0]], np.float32)
    expected = (3 * 0.25 * np.log(2) + 0.5 * 0.75**2 * np.log(4)) / 2
    found = keras.ops.convert_to_numpy(loss_of(recipe, weights)(y, z))
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_focal_has_a_slope_where_the_network_is_sure(task: str) -> None:
    import tensorflow as tf

    recipe = Recipe(task=task, loss="focal", focal_gamma=0.5)
    z = tf.Variable([[200.0, -200.0]])
    for right in (0, 1):
        with tf.GradientTape() as tape:
            loss = loss_of(recipe)(tf.one_hot([right], 2), z)
        assert np.isfinite(tape.gradient(loss, z).numpy()).all()


def test_finding_weights_have_mean_one_over_known_films() -> None:
    targets = np.array([[1, NAN], [0, NAN], [0, NAN], [0, 1]], np.float32)
    weights = _finding_weights(Recipe(task="multilabel", class_weight_power=1.0), targets)
    assert weights[:, 0] == pytest.approx([2 / 3, 2.0])
    assert weights[1, 1] == pytest.approx(1.0)
    assert np.isfinite(weights).all()
    even = _finding_weights(Recipe(task="multilabel", class_weight_power=0.0), targets)
    assert even[:, 0] == pytest.approx([1.0, 1.0])


def test_epoch_scores_by_hand() -> None:
    epoch = scores.of_findings(P, TARGETS)
    assert epoch.auc == pytest.approx((0.75 + 1.0) / 2)
    assert epoch.accuracy == pytest.approx(4 / 6)
    told = [0.9, 0.4, 0.4, 0.8, 0.8, 0.7]
    assert epoch.loss == pytest.approx(-np.mean(np.log(told)))


def test_thresholds_by_hand() -> None:
    points = findings.choose_operating_points(validation(), ("a", "b", "c"))
    assert [point.finding for point in points] == ["a", "b", "c"] * 3
    assert [point.name for point in points[::3]] == ["balanced", "screen", "rule-in"]
    by_name = {(point.name, point.finding): point for point in points}
    assert by_name["balanced", "b"].threshold == pytest.approx(0.55)
    # Sensitivity 1 costs half the specificity, and the other way round: the first of the best.
    assert by_name["balanced", "a"].threshold == pytest.approx(0.3)
    assert by_name["screen", "a"].threshold == by_name["balanced", "a"].threshold
    assert by_name["screen", "b"].threshold == by_name["rule-in", "b"].threshold
    assert by_name["rule-in", "a"].threshold == pytest.approx(0.6)
    assert by_name["rule-in", "a"].threshold > 0.6
    assert (by_name["balanced", "c"].threshold, by_name["balanced", "c"].rule[:17]) == (
        0.5,
        "0.5 by convention",
    )


def test_figures_tell_what_cannot_be_measured() -> None:
    points = findings.choose_operating_points(validation(), ("a", "b", "c"))
    found = findings.figures(validation(), ("a", "b", "c"), points[:3], draws=50)
    a, c = found["findings"]["a"], found["findings"]["c"]
    assert (a["with"], a["without"], a["unknown"]) == (2, 2, 1)
    assert a["auc"]["value"] == pytest.approx(0.75)
    assert (a["sensitivity"]["value"], a["specificity"]["value"]) == (1.0, 0.5)
    assert (c["with"], c["unknown"]) == (0, 5)
    assert "auc" not in c
    assert found["macro_auc"]["value"] == pytest.approx(0.875)
    assert (found["worst"]["condition"], found["stress"]) == (
        "noise",
        {"noise": pytest.approx(0.125)},
    )


def test_the_largest_sensitivity_and_specificity_among_many_films() -> None:
    rng = np.random.default_rng(0)
    p, ill = np.round(rng.random(300), 2), rng.random(300) < 0.3
    found = findings._youden(p, ill)
    each = [(p[ill] >= cut).mean() + (p[~ill] < cut).mean() for cut in (*np.unique(p), found)]
    assert each[-1] == pytest.approx(max(each))


def test_a_rare_finding_keeps_its_small_threshold() -> None:
    targets = np.zeros((100, 2), np.float32)
    targets[:2] = 1
    p = np.where(targets == 1, 4e-4, 2e-5).astype(np.float64)
    rare = Validation(targets, tuple(map(str, range(100))), {"plain": p, "noise": p})
    points = findings.choose_operating_points(rare, ("a", "b"))
    assert points[0].threshold == pytest.approx(2.1e-4)
    found = findings.figures(rare, ("a", "b"), points[:2], draws=50)["findings"]["a"]
    assert (found["sensitivity"]["value"], found["specificity"]["value"]) == (1.0, 1.0)


def test_many_rare_findings_have_an_interval() -> None:
    # Each is on one patient's film: no draw of patients has all twenty.
    targets = np.zeros((60, 20), np.float32)
    targets[np.arange(20), np.arange(20)] = 1
    p = np.random.default_rng(0).random(targets.shape)
    rare = Validation(targets, tuple(map(str, range(60))), {"plain": p, "noise": p})
    names = tuple(map(str, range(20)))
    points = findings.choose_operating_points(rare, names)
    found = findings.figures(rare, names, points[:20], draws=200)["macro_auc"]
    assert 0.3 < found["low"] < found["value"] < found["high"] < 0.8
    # By hand, of a draw without film 0: the findings 1 and 2 count.
    weights = np.ones((1, 5))
    weights[0, 0] = 0
    three = Validation(np.eye(5, 3, dtype=np.float32), ("a", "b", "c", "d", "e"), {
        "plain": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0.0]])
    })  # fmt: skip
    # Film 1 stands above its three others; film 2 ties with two and lies below one.
    assert findings.macro_auc(three)(weights)[0] == pytest.approx((1 + 1 / 3) / 2)


def test_calibration_makes_each_finding_honest() -> None:
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.02, 0.98, (4000, 2))
    targets = (rng.random(honest.shape) < honest).astype(np.float32)
    targets[rng.random(honest.shape) < 0.2] = NAN
    logits = np.log(honest / (1 - honest)) * [2.5, 1.0] + [0.0, 2.0]
    given = Validation(targets, ("p",) * 4000, {"plain": 1 / (1 + np.exp(-logits))})
    fitted = calibrate.fit_calibration(given)
    assert fitted.scale == pytest.approx((0.4, 1.0), rel=0.1)
    assert calibrate.calibrated(given, fitted).probabilities["plain"] == pytest.approx(
        honest, abs=0.03
    )


def test_balanced_sampling_is_for_classes() -> None:
    with pytest.raises(RecipeError, match="sampling"):
        Recipe(task="multilabel", sampling="balanced")


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


def train(tmp_path: Path, films: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "toy.toml").write_text(TOY)
    arguments = [
        sys.executable, "-m", "pneumoscope", "train", tmp_path / "toy.toml", "--data", films,
        "--out", tmp_path / "run", "--cache", tmp_path / "cache", "--json",
    ]  # fmt: skip
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


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
    found = meta.validation
    assert found["parity"]["max_heatmap_error"] <= 1e-3
    assert found["findings"]["Effusion"]["auc"]["value"] > 0.9
    assert found["findings"]["Nodule"]["unknown"] == found["films"]
    assert found["heatmaps"] is None  # no film is known to have none of the three


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
    done = subprocess.run(
        [sys.executable, "-m", "pneumoscope", "leaderboard", str(trained), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
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
