"""The line from trained weights to a bundle, on a network that can be computed by hand."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.compose
import onnx.parser
import pytest

import pneumoscope
from pneumoscope.bundle import Bundle
from pneumoscope.data import Film, FilmSet
from pneumoscope.decision.calibration import Calibration
from tiny import TINY_SIZE, tiny_model

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train import line
    from pneumoscope.train.export import to_onnx
    from pneumoscope.train.export.exported import ExportedNetwork
    from pneumoscope.train.export.parity import Comparison
    from pneumoscope.train.left_out_films import LeftOutSource
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe
    from pneumoscope.train.validation import predictions

pytestmark = pytest.mark.train

RECIPE = Recipe(name="tiny", network="cnn", size=TINY_SIZE, source_size=96)
PARITY = {"films": 20, "max_dp": 0.0, "max_heatmap_error": 0.0, "max_embedding_error": 0.0}


def shades() -> FilmSet:
    """Films of one grey level and some noise: dark ones are normal, bright ones bacterial."""
    rng = np.random.default_rng(0)
    records, pixels = [], []
    for i in range(80):
        ill = i % 2
        split = "validation" if i % 4 < 2 else "train"
        targets = (1.0 - ill, float(ill), 0.0)
        records.append(Film(f"{i}.png", targets, f"p{i}", str(i), split))
        grey = rng.normal(190 if ill else 60, 6, (96, 96))
        pixels.append(np.clip(grey + rng.normal(0, 8), 0, 255).astype(np.uint8))
    return FilmSet(
        task="multiclass",
        names=("normal", "bacterial", "viral"),
        negative="normal",
        films=tuple(records),
        pixels=np.stack(pixels),
        source="drawn",
        warnings=(),
        files=(),
    )


TAIL = """
<ir_version: 8, opset_import: ["" : 13]>
tail (float[n, 3] p, float[1] calibration_scale, float[1] calibration_against,
      float[1] calibration_kinds_scale, float[2] calibration_kinds_against)
  => (float[n, 3] probabilities)
  <int64[2] sizes = {1, 2}, int64[1] columns = {1}, float[1] whole = {1.0}>
{
    well, kinds = Split <axis = 1> (p, sizes)
    ill = ReduceSum (kinds, columns)
    odds = Div (ill, well)
    log_odds = Log (odds)
    scaled = Mul (log_odds, calibration_scale)
    shifted = Sub (scaled, calibration_against)
    p_ill = Sigmoid (shifted)
    p_well = Sub (whole, p_ill)
    log_kinds = Log (kinds)
    scaled_kinds = Mul (log_kinds, calibration_kinds_scale)
    shifted_kinds = Sub (scaled_kinds, calibration_kinds_against)
    shares = Softmax <axis = 1> (shifted_kinds)
    p_kinds = Mul (p_ill, shares)
    probabilities = Concat <axis = 1> (p_well, p_kinds)
}
"""
"""What calibrates the tiny network's probabilities p, with open values."""


class Exports:
    """Stands in for the export process: writes the tiny network and remembers its films."""

    def __init__(self, *, features: bool) -> None:
        self.features = features
        self.films: list[Any] = []
        self.ill_films: list[Any] = []

    def __call__(
        self,
        recipe: Recipe,
        classes: int,
        weights: Path,
        target: Path,
        films: Any,
        ill_films: Any,
    ) -> Comparison:
        assert (recipe.name, classes, weights.name) == (RECIPE.name, 3, "weights.npz")
        self.films.append(films)
        self.ill_films.append(ill_films)
        tiny_model(target, features=self.features)
        uncalibrated = ExportedNetwork(target).probabilities(films)
        network = onnx.load(target)
        for node in network.graph.node:
            for names in (node.input, node.output):
                names[:] = ["p" if name == "probabilities" else name for name in names]
        network.graph.output[0].name = "p"
        tail = onnx.parser.parse_model(TAIL)
        onnx.save(onnx.compose.merge_models(network, tail, io_map=[("p", "p")]), target)
        return Comparison(PARITY, uncalibrated.astype(np.float32))


class Notes(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def finished(run: Path) -> line.Trained:
    run.mkdir()
    np.savez(run / "weights.npz", v0=np.zeros((4, 3), np.float32), v1=np.int64(7))
    (run / "log.csv").write_text("phase,epoch,seconds\nhead,1,90\nwhole network,1,150\n")
    return line.Trained(
        recipe=RECIPE,
        films=shades(),
        run=run,
        soft_labels_from=None,
        start_weights={"name": "none"},
        foreign=None,
        others=np.empty((0, 8, 8), np.uint8),
    )


def through_the_line(
    run: Path, monkeypatch: pytest.MonkeyPatch, *, features: bool
) -> tuple[Bundle, Exports, Notes]:
    exports, notes = Exports(features=features), Notes()
    monkeypatch.setattr(to_onnx, "export_onnx", exports)
    return line.bundle_of(finished(run), notes), exports, notes


def test_every_step_leaves_its_part_in_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, exports, _ = through_the_line(tmp_path / "run", monkeypatch, features=True)
    meta = bundle.meta
    # Exported and compared once; the calibration is written into the file afterwards.
    assert not (tmp_path / "run" / "export" / "network.onnx").exists()
    assert [films.shape for films in exports.films] == [(40, TINY_SIZE, TINY_SIZE, 1)]
    assert exports.ill_films == [None]
    assert meta.calibration != Calibration()
    assert (meta.labels, meta.negative, meta.size) == (shades().names, "normal", TINY_SIZE)
    assert meta.validation["parity"] == PARITY | {"max_dp": pytest.approx(0, abs=1e-5)}
    assert meta.validation["training_minutes"] == 4.0
    assert meta.validation["parameters"] == 12
    assert meta.validation["plain"]["auc"]["value"] == 1.0
    assert meta.validation["classes"] == 3
    assert meta.data["films"]["train"] == {"normal": 20, "bacterial": 20, "viral": 0}
    assert [point.name for point in meta.operating_points] == ["balanced", "screen", "rule-in"]
    assert meta.explanation is not None
    negative = meta.explanation.get("negative", {"films": 0})
    assert meta.explanation["films"] + negative["films"] == 40
    assert meta.gate is not None
    assert meta.gate["measured"]["plain"]["films"] == 40
    assert pneumoscope.load(bundle).check() < 1e-5


def test_the_validation_is_kept_beside_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, _, _ = through_the_line(tmp_path / "run", monkeypatch, features=False)
    validation = predictions.load(tmp_path / "run" / predictions.FILE)
    assert validation.ill.tolist() == [False, True] * 20
    balanced = bundle.meta.operating_points[0]
    assert ((validation.p_positive() >= balanced.threshold) == validation.ill).all()


def test_the_limit_holds_in_sources_that_trainings_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_onnx, "export_onnx", Exports(features=False))
    trained = finished(tmp_path / "run")
    unseen = LeftOutSource("north", np.linspace(0.5, 0.99, 19), "ab")
    notes, no_notes = Notes(), Notes()
    bundle = line.bundle_of(trained, notes, [unseen])
    plain = line.bundle_of(trained, no_notes)
    assert bundle.meta.conformal is not None
    assert plain.meta.conformal is not None
    assert bundle.meta.conformal.at(0.05).questions["ABNORMAL"][0] == pytest.approx(0.01)
    assert plain.meta.conformal.at(0.05).questions["ABNORMAL"][0] > 0.5
    assert bundle.meta.conformal.left_out == {"north": 1 / 20}
    assert bundle.meta.validation["left_out"] == {
        "north": {"negative_films": 19, "run_sha256": "ab"}
    }
    assert "left_out" not in plain.meta.validation
    # The limits say from which probability on a film is ABNORMAL: no drawn film is as certain as .99.
    cost = "0% of the ill validation films are ABNORMAL with the limits of the sources left out, 100% without"
    assert any(cost in text for text in notes.lines)
    assert not any("--limits-from" in text for text in no_notes.lines)


def test_a_network_without_maps_gets_no_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, _, notes = through_the_line(tmp_path / "run", monkeypatch, features=False)
    assert bundle.meta.gate is None
    assert not (bundle.path / "gate.npz").exists()
    assert any("the bundle gets no gate" in text for text in notes.lines)


def test_the_evidence_is_balanced_on_ill_training_films_of_the_population(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, exports = finished(tmp_path / "run"), Exports(features=False)
    trained = replace(
        trained,
        recipe=replace(RECIPE, head="lungs", mirror_balance=True),
        films=replace(
            trained.films,
            films=tuple(
                replace(film, source="ours" if i < 40 else "others")
                for i, film in enumerate(trained.films.films)
            ),
            population=("ours",),
        ),
    )
    monkeypatch.setattr(to_onnx, "export_onnx", exports)
    (tmp_path / "run" / "export").mkdir()
    line.export(trained, np.zeros((1, TINY_SIZE, TINY_SIZE, 1), np.uint8))
    [balanced] = exports.ill_films
    assert balanced.shape == (10, TINY_SIZE, TINY_SIZE, 1)
    ill = trained.films.pixels[3:40:4]
    assert sorted(balanced.mean(axis=(1, 2, 3))) == pytest.approx(
        sorted(film.mean() for film in ill), abs=1
    )


def test_without_ill_training_films_of_the_population_others_balance_the_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them may be held out, as by a given split; the training is over by then and must not be lost."""
    trained, exports = finished(tmp_path / "run"), Exports(features=False)
    films = tuple(
        replace(film, source="others" if film.split == "train" and film.targets[1] else "ours")
        for film in trained.films.films
    )
    trained = replace(
        trained,
        recipe=replace(RECIPE, head="lungs", mirror_balance=True),
        films=replace(trained.films, films=films, population=("ours",)),
    )
    monkeypatch.setattr(to_onnx, "export_onnx", exports)
    (tmp_path / "run" / "export").mkdir()
    line.export(trained, np.zeros((1, TINY_SIZE, TINY_SIZE, 1), np.uint8))
    assert [x.shape for x in exports.ill_films] == [(20, TINY_SIZE, TINY_SIZE, 1)]


def test_a_step_alone(tmp_path: Path) -> None:
    """The gate needs nothing of the steps before it but a network."""
    trained = finished(tmp_path / "run")
    tiny_model(tmp_path / "model.onnx", features=True)
    gate = line.fit_gate(trained, ExportedNetwork(tmp_path / "model.onnx"), Notes())
    assert gate is not None
    assert gate.record["measured"]["learned"]["plain"] == 40
