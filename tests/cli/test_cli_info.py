"""``pneumoscope info``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from documented_output import undocumented
from pneumoscope.bundle import GOLDEN, Bundle, write_bundle
from tiny import findings_meta, tiny_files, tiny_meta


def test_the_card_stands_alone(tiny: tuple[str, Path]) -> None:
    assert run("info", "--card", "--json", *tiny).returncode == 2


def test_info(tiny: tuple[str, Path], tiny_bundle: Bundle) -> None:
    text = run("info", "--check", *tiny).stdout
    assert tiny_bundle.sha256 in text
    assert "golden check" in text
    facts = json.loads(run("info", "--json", *tiny).stdout)
    assert facts["bundle"] == "tiny 1"
    assert facts["labels"] == ["normal", "bacterial", "viral"]
    assert facts["providers"] == ["CPUExecutionProvider"]
    assert run("info", "--card", *tiny).stdout == "# tiny\n"


def test_info_of_the_shipped_bundle_shows_figures_with_intervals() -> None:
    done = run("info")
    assert done.returncode == 0, done.stderr
    assert "validation AUC" in done.stdout
    assert "balanced accuracy" in done.stdout


FACTS = {
    "attribution", "bundle", "bundle_path", "bundle_sha256", "calibration",
    "default_error", "default_operating_point", "gate", "input_px", "kinds", "kinds_warning", "labels",
    "licence", "notice", "operating_points", "pneumoscope", "population", "positive", "probabilities", "providers",
    "smallest_error", "task", "threads", "undetermined", "validation", "versions", "warnings",
}  # fmt: skip


def test_json_has_the_same_keys_for_every_bundle(
    tiny: tuple[str, Path], findings_bundle: Bundle
) -> None:
    for options in (("--bundle", "adults"), tiny, ("--bundle", findings_bundle.path)):
        done = run("info", "--json", *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert set(json.loads(done.stdout)) == FACTS
    checked = json.loads(run("info", "--json", "--check", *tiny).stdout)
    assert undocumented("info", checked) == []
    assert checked["golden_max_dp"] < 1e-6
    assert set(checked) == FACTS | {"golden_max_dp"}


def lines_of(text: str) -> dict[str, str]:
    """The table by its first column, which ends before two spaces."""
    rows = (line.split("  ", 1) for line in text.splitlines() if "  " in line.strip())
    return {name.strip(): value.strip() for name, value in rows}


def test_the_table_names_what_the_bundle_decides_by(tiny: tuple[str, Path]) -> None:
    table = lines_of(run("info", *tiny).stdout)
    assert table["classes"] == "normal, bacterial, viral"
    assert table["input"] == "32 x 32 pixels"
    assert table["balanced (default)"] == "NORMAL below 0.500, PNEUMONIA from 0.500: by hand"
    assert table["screen"] == "NORMAL below 0.100, PNEUMONIA from 0.100: by hand"
    assert table["population"] == "children in tests"
    assert "validation AUC" not in table  # nobody measured it
    assert "golden check" not in table


def test_findings_have_their_own_thresholds_and_mean(tmp_path: Path) -> None:
    figure = {"value": 0.8, "low": 0.7, "high": 0.9}
    validation = {"macro_auc": figure, "worst": figure | {"condition": "blur [2 px]"}}
    meta = findings_meta(validation=validation)
    bundle = write_bundle(tmp_path / "b", meta, tiny_files(tmp_path / "parts", last="Sigmoid"))
    shown = run("info", "--bundle", bundle.path).stdout
    table = lines_of(shown)
    assert table["findings"] == "Device, Mass, Nodule"
    for finding, threshold in (("Device", "0.600"), ("Mass", "0.500"), ("Nodule", "0.050")):
        assert f"{finding} absent below {threshold}, present from {threshold}: by hand" in shown
    assert table["validation AUC"] == (
        "0.800 [0.700, 0.900], mean over findings; worst perturbation 0.800 [0.700, 0.900] (blur [2 px])"
    )


def test_a_bundle_that_computes_something_else_here(tmp_path: Path) -> None:
    files = tiny_files(tmp_path / "parts")
    with np.load(files[GOLDEN]) as golden:
        inputs, probabilities = golden["inputs"], golden["probabilities"]
    np.savez(files[GOLDEN], inputs=inputs, probabilities=probabilities + np.float32(0.01))
    bundle = write_bundle(tmp_path / "b", tiny_meta(), files)
    done = run("info", "--check", "--bundle", bundle.path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "golden inputs differ by 0.01 on this machine" in done.stderr
    assert run("info", "--bundle", bundle.path).returncode == 0


def test_the_bundle_may_stand_in_the_environment(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLE", str(tiny_bundle.path))
    assert json.loads(run("info", "--json").stdout)["bundle"] == "tiny 1"
    assert (
        json.loads(run("info", "--json", "--bundle", "children").stdout)["bundle"] == "children 3"
    )


@pytest.mark.parametrize("options", [("--card", "--json"), ("--card", "--check")])
def test_options_that_exclude_each_other(tiny: tuple[str, Path], options: tuple[str, ...]) -> None:
    done = run("info", *options, *tiny)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--card goes with neither --json nor --check" in done.stderr
