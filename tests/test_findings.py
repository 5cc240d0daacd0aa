"""A bundle for several findings on one film, from the probabilities to every output."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import command_line
from pneumoscope.bundle import Bundle, open_bundle, write_bundle
from pneumoscope.errors import BundleMismatch
from pneumoscope.records import Finding, Settings
from pneumoscope.runtime import load
from tiny import findings_meta, tiny_files, tiny_meta


def run(*arguments: object) -> str:
    done = command_line.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_leading_finding_lies_furthest_above_its_own_threshold(
    findings_bundle: Bundle, film_files: Path
) -> None:
    # Logits of the bright film: 0, 2.4, 1.4; of the thresholds 0.6, 0.5, 0.05: 0.41, 0, -2.94.
    bright = load(findings_bundle).predict(film_files / "bright.png")
    assert (bright.label, bright.heatmap_class, bright.subtype) == ("ABNORMAL", "Nodule", None)
    assert bright.findings == (
        Finding("Nodule", pytest.approx(0.8022, abs=1e-4), 0.05, True, False, 0.05, 0.05),
        Finding("Mass", pytest.approx(0.9168, abs=1e-4), 0.5, True, False, 0.5, 0.5),
        Finding("Device", pytest.approx(0.5, abs=1e-4), 0.6, False, False, 0.6, 0.6),
    )
    assert bright.p_positive == bright.findings[0].probability
    assert (bright.operating_point.finding, bright.operating_point.threshold) == ("Nodule", 0.05)
    assert bright.heatmap[0, 0] == pytest.approx(0.8, abs=1e-6)


def test_without_any_finding_the_nearest_one_is_explained(
    findings_bundle: Bundle, film_files: Path
) -> None:
    dark = load(findings_bundle).predict(film_files / "dark.png")
    assert (dark.label, dark.heatmap_class) == ("NORMAL", "Device")
    assert dark.p_positive < dark.operating_point.threshold
    assert not any(finding.present for finding in dark.findings)


def test_each_operating_point_has_a_threshold_per_finding(
    findings_bundle: Bundle, film_files: Path
) -> None:
    dark = load(findings_bundle, settings=Settings(operating_point="screen")).predict(
        film_files / "dark.png"
    )
    assert (dark.label, dark.heatmap_class) == ("ABNORMAL", "Nodule")
    assert [point.threshold for point in findings_bundle.meta.points("screen")] == [0.6, 0.1, 0.01]


def test_the_table_names_the_findings(findings_bundle: Bundle, film_files: Path) -> None:
    lines = run("predict", film_files, "--bundle", findings_bundle.path).splitlines()
    assert lines[0].split() == ["film", "verdict", "P(leading)", "findings"]
    assert lines[1].split()[1:] == ["ABNORMAL", "0.802", "Nodule", "(0.80),", "Mass", "(0.92)"]
    assert lines[2].split()[1:] == ["NORMAL", "0.500"]
    assert "ABNORMAL if a finding is present" in lines[3]


def test_json_and_csv_hold_the_findings(findings_bundle: Bundle, film_files: Path) -> None:
    where = (film_files, "--bundle", findings_bundle.path)
    bright, dark = json.loads(run("predict", "--json", *where))["results"]
    assert bright["findings"][0] == {
        "name": "Nodule",
        "probability": 0.802184,
        "threshold": 0.05,
        "present": True,
        "undetermined": False,
        "negative_below": 0.05,
        "positive_from": 0.05,
    }
    assert [finding["present"] for finding in dark["findings"]] == [False] * 3
    rows = list(csv.DictReader(io.StringIO(run("predict", "--csv", *where))))
    assert [row["findings"] for row in rows] == ["Nodule; Mass", ""]
    assert float(rows[0]["p_Mass"]) == pytest.approx(0.9168, abs=1e-4)


def test_the_sheet_shows_each_threshold(
    findings_bundle: Bundle, film_files: Path, tmp_path: Path
) -> None:
    page = tmp_path / "sheet.html"
    run("predict", film_files / "bright.png", "--bundle", findings_bundle.path, "--sheet", page)
    text = page.read_text()
    assert "P(Nodule) 0.802" in text
    assert (
        "<tr class=positive><td>Mass</td><td>0.917: absent below 0.500, present from 0.500</td></tr>"
        in text
    )
    assert "<tr><td>Device</td><td>0.500: absent below 0.600, present from 0.600</td></tr>" in text


def test_info_lists_findings(findings_bundle: Bundle) -> None:
    text = run("info", "--bundle", findings_bundle.path)
    assert "Device, Mass, Nodule" in text
    assert "Nodule absent below 0.050, present from 0.050: by hand" in text


@pytest.mark.parametrize("keep", [slice(0, 2), slice(2, None), slice(None, None, -1)])
def test_every_finding_needs_its_threshold(tmp_path: Path, keep: slice) -> None:
    points = findings_meta().operating_points[keep]
    files = tiny_files(tmp_path / "parts", last="Sigmoid")
    meta = tiny_meta(
        task="multilabel",
        labels=("Device", "Mass", "Nodule"),
        negative=None,
        positive="ABNORMAL",
        kinds=(),
        operating_points=points,
    )
    with pytest.raises(BundleMismatch, match="operating point"):
        write_bundle(tmp_path / "bundle", meta, files)


def test_the_task_survives_the_file(findings_bundle: Bundle) -> None:
    meta = open_bundle(findings_bundle.path).meta
    assert (meta.task, meta.negative, meta.labels[0]) == ("multilabel", None, "Device")
