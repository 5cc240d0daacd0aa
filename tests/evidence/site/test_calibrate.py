from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from command_line import run
from documented_output import undocumented
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import GO, read_profile
from pneumoscope.evidence.site import calibrate, films, request
from pneumoscope.evidence.site.drift import SCORE
from pneumoscope.evidence.site.verdict import Goal
from pneumoscope.render.written import Written
from site_films import judged_films, levels, site_data
from tiny import tiny_files, tiny_meta


def test_too_few_films_leave_the_limits_of_the_bundle(tiny_bundle: Bundle, tmp_path: Path) -> None:
    scores = Scores({"PNEUMONIA": Sides((0.5,) * 40, (0.5,) * 40)}, {})
    bundle = write_bundle(
        tmp_path / "scored", tiny_meta(conformal=scores), tiny_files(tmp_path / "parts")
    )
    data = site_data(tmp_path / "ward", levels(15, 80, 3), levels(30, 180, 4))
    profile = calibrate.calibrate(
        films.read(data, bundle), bundle, request.SiteRequest("ward", None, Goal())
    ).profile
    (a,), (b,) = profile.calibration.scale, profile.calibration.offset
    # 1/2 has the log odds 0, so at the site they are the offset.
    assert len(profile.conformal.questions["PNEUMONIA"].negative) == 40
    limit = profile.conformal.questions["PNEUMONIA"].positive[0]
    assert limit == pytest.approx(1 / (1 + math.exp(-b)), abs=1e-4)
    assert a > 0
    assert any("15 negative films are too few" in reason for reason in profile.reasons)


def test_the_reference_has_one_film_of_each_patient() -> None:
    written = [Written(f"{i}.png", p=p) for i, p in enumerate((0.8, 0.5, 0.2))]
    base = judged_films(2, 1).films
    site = replace(base, patients=("a", "a", "b"), written=tuple(written))
    assert calibrate.reference_of(site) == {
        SCORE: pytest.approx((-math.log(4), math.log(4)), abs=1e-4)
    }


@pytest.mark.slow
def test_calibrate_end_to_end(data: Path, tiny_bundle: Bundle, tmp_path: Path) -> None:
    (data / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with (data / "manifest.csv").open("a") as table:
        table.write("broken.png,extra,normal\n")
    out, page = tmp_path / "new" / "site.json", tmp_path / "new" / "site.html"
    bundle = ("--bundle", tiny_bundle.path)
    done = run("calibrate", data, "--out", out, "--report", page, *bundle, "--name", "Ward 7")
    assert done.returncode == 0, done.stderr
    assert "broken.png" in done.stderr
    assert "60 films of 60 patients" in done.stdout
    assert "NO-GO" in done.stdout
    profile = read_profile(out)
    profile.check(tiny_bundle.title, tiny_bundle.sha256)
    assert (profile.name, profile.films, profile.patients) == ("Ward 7", 60, 60)
    assert profile.classes == {"normal": 30, "pneumonia": 30}
    assert [at.point.name for at in profile.points] == ["balanced", "screen", "rule-in"]
    assert profile.default_operating_point == "balanced"
    assert len(profile.conformal.questions["PNEUMONIA"].positive) == 30
    assert len(profile.reference[SCORE]) == 60
    # The film of grey level g has the log odds 8 (g / 255 - 1/2) + ln(1 + 1/e).
    well = levels(30, 90, 1)
    lowest = 8 * (min(well) / 255 - 0.5) + math.log(1 + math.exp(-1))
    assert profile.reference[SCORE][0] == pytest.approx(lowest, abs=1e-3)
    html = page.read_text()
    assert html.lower().startswith("<!doctype html>")
    assert html.count("data:image/svg+xml") == 2
    text = out.read_text() + html
    assert "normal0.png" not in text
    done = run("calibrate", data, "--out", out, *bundle, "--strict", "--json", "--prevalence", 0.1)
    assert done.returncode == 1, done.stderr
    record = json.loads(done.stdout)
    assert undocumented("calibrate", record) == []
    assert (record["verdict"], record["profile"]["prevalence"]) == ("no-go", 0.1)
    assert [film["path"] for film in record["broken"]] == ["broken.png"]
    sensitivity = record["points"][0]["sensitivity"]
    assert sensitivity["low"] < sensitivity["value"] < sensitivity["high"]


def test_enough_films_are_a_go(tiny_bundle: Bundle, tmp_path: Path) -> None:
    data = site_data(tmp_path / "ward", [40 + i for i in range(45)], [180 + i for i in range(45)])
    site = films.read(data, tiny_bundle)
    calibrated = calibrate.calibrate(site, tiny_bundle, request.SiteRequest("ward", None, Goal()))
    assert calibrated.profile.verdict == GO
    # 45 of 45: the exact interval begins at 0.025 ** (1 / 45).
    assert calibrated.points[0].sensitivity.low == pytest.approx(0.025 ** (1 / 45))
    assert calibrated.after.error.ece.value is not None
    assert calibrated.before.error.ece.value is not None
    assert calibrated.after.error.ece.value < calibrated.before.error.ece.value
    # Apart from the lowest score of the other parts no film can fall out of its class.
    assert calibrated.undetermined.value is not None
    assert calibrated.undetermined.value <= 0.1


def test_bad_settings_and_targets(
    data: Path, tiny_bundle: Bundle, findings_bundle: Bundle, tmp_path: Path
) -> None:
    out = tmp_path / "site.json"
    cases = [
        (("--bundle", findings_bundle.path), "several findings is not supported"),
        (("--bundle", tiny_bundle.path, "--prevalence", 1.2), "--prevalence 1.2"),
        (("--bundle", tiny_bundle.path, "--min-sensitivity", 0), "--min-sensitivity 0"),
        (("--bundle", tiny_bundle.path, "--from-profile", out), "--from"),
        (("--bundle", tiny_bundle.path, "--out", data / "manifest.csv"), "not a site profile"),
        (("--bundle", tiny_bundle.path, "--report", data / "manifest.csv"), "no HTML page"),
        (("--bundle", tiny_bundle.path, "--split", "most"), "split 'most'"),
    ]
    for options, why in cases:
        done = run("calibrate", data, "--out", out, *options)
        assert done.returncode == 1
        assert why in done.stderr
        assert "hint:" in done.stderr
    assert not out.exists()
