"""The structured report, read back, by a validator and by DCMTK."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset

from pneumoscope.ai_results.objects import objects_of
from pneumoscope.bundle import Bundle
from pneumoscope.records import Settings
from result_films import made, result_of, validation_errors
from test_reasons import refused


def items(parent: Dataset) -> Iterator[tuple[str, Dataset]]:
    """Every content item below another, with the meaning of its concept."""
    for item in parent.get("ContentSequence", ()):
        names = item.get("ConceptNameCodeSequence")
        yield names[0].CodeMeaning if names else "", item
        yield from items(item)


def coded(report: Dataset, name: str) -> list[str]:
    """Meanings of all codes of a concept."""
    return [
        item.ConceptCodeSequence[0].CodeMeaning
        for meaning, item in items(report)
        if meaning == name and item.ValueType == "CODE"
    ]


def texts(report: Dataset, name: str) -> list[str]:
    return [item.TextValue for meaning, item in items(report) if meaning == name]


def test_it_says_what_the_prediction_says(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, 200)
    report = made(result, "sr")
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert coded(report, "AI verdict") == ["Pneumonia"]
    assert coded(report, "Finding")[:3] == ["Pneumonia", "Bacterial pneumonia", "Viral pneumonia"]
    assert coded(report, "Presence of finding")[0] == "Present"
    numbers = [i for name, i in items(report) if name == "Probability"]
    assert float(numbers[0].MeasuredValueSequence[0].NumericValue) == pytest.approx(
        100 * result.prediction.p_positive, abs=0.005
    )
    assert f"Bundle SHA-256 {tiny_bundle.sha256}" in texts(report, "Algorithm Parameters")
    assert "Research use, not a medical device." in texts(report, "Comment")


def test_hot_regions_lie_on_the_film(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, 200)
    report = made(result, "sr")
    regions = [item for name, item in items(report) if name == "Image Region"]
    assert regions
    for region in regions:
        assert region.GraphicType == "POLYLINE"
        assert region.GraphicData[:2] == region.GraphicData[-2:]
        assert max(region.GraphicData[::2]) <= 260
        assert max(region.GraphicData[1::2]) <= 240


def test_a_normal_film_has_no_region(tiny_bundle: Bundle) -> None:
    report = made(result_of(tiny_bundle, 60), "sr")
    assert coded(report, "AI verdict") == ["Normal"]
    assert coded(report, "Presence of finding") == ["Absent"]
    summary = coded(report, "CAD Processing and Findings Summary")
    assert summary == ["All algorithms succeeded; without findings"]
    assert "Image Region" not in dict(items(report))


def test_a_refused_film_has_its_coded_reason_and_no_figure(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    report = made(replace(result, prediction=refused(result.prediction)), "sr")
    assert coded(report, "AI verdict") == ["Film refused"]
    assert coded(report, "Reason for refusing the film") == ["Inverted"]
    assert coded(report, "Finding") == []
    assert "Probability" not in dict(items(report))
    assert any("black and white" in text.lower() for text in texts(report, "Comment"))


def test_a_forced_verdict_is_marked_in_each_group(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    p = replace(refused(result.prediction), label="PNEUMONIA", forced=True)
    report = made(replace(result, prediction=p), "sr")
    assert coded(report, "AI verdict") == ["Pneumonia"]
    assert coded(report, "CAD Processing and Findings Summary") == []
    assert coded(report, "Presence of finding") == []
    groups = [item for name, item in items(report) if name == "Measurement Group"]
    assert len(groups) == 4
    for group in groups:
        assert coded(group, "What sets the verdict apart") == ["forced"]


def test_each_finding_has_its_probability(findings_bundle: Bundle) -> None:
    report = made(result_of(findings_bundle, 200), "sr")
    assert coded(report, "AI verdict") == ["Abnormal"]
    assert {"Device", "Mass", "Nodule"} <= set(coded(report, "Finding"))


def test_a_chosen_prevalence_is_among_the_parameters(tiny_bundle: Bundle) -> None:
    report = made(result_of(tiny_bundle, settings=Settings(prevalence=0.05)), "sr")
    assert "Prevalence: 5 %" in texts(report, "Algorithm Parameters")


def test_dcmtk_reads_it(tiny_bundle: Bundle, tmp_path: Path) -> None:
    program = shutil.which("dsrdump")
    if program is None:
        pytest.skip("no dsrdump: the package dcmtk is not installed")
    [written] = objects_of(result_of(tiny_bundle), ["sr"])
    file = tmp_path / "sr.dcm"
    file.write_bytes(written.content)
    done = subprocess.run([program, "+Pl", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "E: " not in done.stderr
    assert '"AI verdict")=(233604007,SCT,"Pneumonia")' in done.stdout


def test_dciodvfy_finds_no_error(tiny_bundle: Bundle, tmp_path: Path) -> None:
    result = result_of(tiny_bundle)
    forced = replace(result.prediction, forced=True)
    for prediction in (result.prediction, refused(result.prediction), forced):
        [written] = objects_of(replace(result, prediction=prediction), ["sr"])
        assert validation_errors(written.content, tmp_path) == []
