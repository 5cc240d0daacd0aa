"""``pneumoscope import``; the conversion itself is tested with the trainings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from command_line import run
from documented_output import undocumented
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.cli.train import import_model as import_command
from replaced import replace_module
from tiny import tiny_files, tiny_meta


@dataclass(frozen=True)
class ImportOptions:
    labels: tuple[str, ...]
    size: int | None = None
    scaling: str = "unit"
    channels: int | None = None
    negative: str | None = None
    name: str | None = None
    resize: str = "antialias"
    heatmap: bool = True
    weights: Path | None = None
    check: Path | None = None


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the conversion was called with; it gives a bundle with its parity."""
    called: dict[str, Any] = {}
    meta = tiny_meta(validation={"parity": {"films": 32, "max_dp": 4.5e-7}})
    bundle = write_bundle(tmp_path / "mine", meta, tiny_files(tmp_path / "parts"))

    def import_model(model: Path, options: ImportOptions, out: Path, say: Any) -> Bundle:
        called.update(model=model, options=options, out=out)
        say("converting")
        return bundle

    called["bundle"] = bundle
    replace_module(
        monkeypatch, "pneumoscope.train.keras_import.importing", ImportOptions=ImportOptions,
        import_model=import_model,
    )  # fmt: skip
    monkeypatch.setattr("pneumoscope.cli.train.import_model.prepare_conversion", lambda _what: None)
    return called


def test_a_model_becomes_a_bundle(imported: dict[str, Any]) -> None:
    done = run("import", "model.h5", "--labels", "normal, pneumonia", "--out", "mine")
    assert (done.returncode, done.stderr) == (0, "converting ...\n")
    path = imported["bundle"].path
    assert done.stdout.splitlines() == [
        str(path),
        "Same as the Keras model on 32 drawn films: |dp| at most 4.5e-07. Not validated on any film.",
        f"Try it: pneumoscope predict film.jpg --bundle {path}",
    ]
    assert (imported["model"], imported["out"]) == (Path("model.h5"), Path("mine"))
    assert imported["options"] == ImportOptions(("normal", "pneumonia"))


def test_options_reach_the_conversion(imported: dict[str, Any]) -> None:
    done = run(
        "import", "m.keras", "--labels", "a,b,c", "--out", "x", "--size", 150, "--scaling", "none",
        "--channels", 3, "--negative", "a", "--name", "notebook", "--resize", "nearest",
        "--no-heatmap", "--weights", "w.h5", "--check", "pairs.npz", "--json",
    )  # fmt: skip
    assert imported["options"] == ImportOptions(
        labels=("a", "b", "c"), size=150, scaling="none", channels=3, negative="a", name="notebook",
        resize="nearest", heatmap=False, weights=Path("w.h5"), check=Path("pairs.npz"),
    )  # fmt: skip
    bundle = imported["bundle"]
    assert json.loads(done.stdout) == {
        "bundle": str(bundle.path), "sha256": bundle.sha256,
        "parity": {"films": 32, "max_dp": 4.5e-7},
    }  # fmt: skip
    assert undocumented("import", json.loads(done.stdout)) == []
    figures = dict.fromkeys(["films", "max_dp", "max_heatmap_error", "rounding", "check"])
    compared = dict.fromkeys(["kind", "pairs", "changed", "max_dp_half", "max_dp_tf32"])
    assert undocumented("import", figures | compared) == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--labels", "a,b"), "--out"),
        (("--out", "x"), "--labels"),
        (("--labels", "a,b", "--out", "x", "--size", "15"), "--size"),
        (("--labels", "a,b", "--out", "x", "--size", "1025"), "--size"),
        (("--labels", "a,b", "--out", "x", "--channels", "rgb"), "--channels"),
    ],
)
def test_wrong_usage(imported: dict[str, Any], options: tuple[str, ...], named: str) -> None:
    done = run("import", "model.h5", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert "options" not in imported


def test_the_cause_of_a_difference_from_the_pairs_is_named() -> None:
    same = {"pairs": 8, "max_dp": 3e-5, "changed": 0, "max_dp_half": None, "max_dp_tf32": None}
    said = import_command._agreement(same)
    assert said == "Same as your 8 pairs: |dp| at most 3.0e-05, 0 with another answer at 0.5.\n"
    near = same | {"max_dp": 0.004}
    gpu = import_command._agreement(near | {"max_dp_tf32": 0.003})
    assert gpu.startswith("Near your 8 pairs: |dp| at most 4.0e-03")
    assert "TF32 alone changes these answers by up to 3.0e-03" in gpu
    assert "tf.device('/CPU:0')" in gpu
    half = import_command._agreement(near | {"max_dp_half": 0.002})
    assert "In half precision the model differs from your pairs by 2.0e-03." in half
    assert "TF32" not in half
