from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.probability import logit
from pneumoscope.decision.profile import (
    SitePoint,
    applied,
    read_profile,
    unmapped,
    write_profile,
)
from pneumoscope.decision.rules import points_named
from pneumoscope.errors import ProfileMismatch, ProfileMissing, UnknownOperatingPoint
from pneumoscope.records import OperatingPoint, Settings
from pneumoscope.runtime import load
from tiny import site_profile, tiny_files, tiny_meta

WIDE = Scores(
    {"PNEUMONIA": Sides(tuple(np.linspace(0.3, 0.9, 40)), tuple(np.linspace(0.5, 0.9, 40)))}
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_profile(tmp_path / "site.json", site_profile(prevalence=0.1))
    assert read_profile(tmp_path / "site.json") == site_profile(prevalence=0.1)


def test_a_new_calibration_has_another_title() -> None:
    profile, other = site_profile(), site_profile(prevalence=0.1)
    assert profile.title.startswith("ward (")
    assert profile.title == site_profile().title != other.title


def test_the_bundle_must_be_the_profile_s(tiny_bundle: Bundle) -> None:
    site_profile(bundle_sha256=tiny_bundle.sha256).check(tiny_bundle.title, tiny_bundle.sha256)
    with pytest.raises(ProfileMismatch, match="made for the bundle tiny 1") as error:
        site_profile().check(tiny_bundle.title, tiny_bundle.sha256)
    assert "calibrate" in error.value.hint


def test_a_bundle_reads_as_the_site_says(tiny_bundle: Bundle) -> None:
    gate = {"limits": {"distance": 2.0, "blur": 1.0}, "measured": {}}
    rules = applied(site_profile(), replace(tiny_bundle.meta, gate=gate).rules)
    (point,) = points_named(rules.operating_points, rules.default_operating_point)
    assert point.threshold == 0.4
    with pytest.raises(UnknownOperatingPoint) as error:
        points_named(rules.operating_points, "screen")
    assert error.value.hint == "Choose one of: balanced."
    assert rules.conformal == site_profile().conformal
    assert rules.calibration.prevalence == 0.5
    assert rules.gate_limits == {"distance": 2.5, "blur": 1.0}
    assert applied(site_profile(), tiny_bundle.meta.rules).gate_limits is None


def test_predicting_with_a_profile(tiny_bundle: Bundle, film_files: Path, tmp_path: Path) -> None:
    profile = site_profile(bundle_sha256=tiny_bundle.sha256, conformal=WIDE, prevalence=0.1)
    site = tmp_path / "site.json"
    write_profile(site, profile)
    settings = Settings(profile=site)
    prediction = load(tiny_bundle, settings=settings).predict(film_files / "bright.png")
    # A film of grey 204 has the log odds 8 * 0.3 + ln(1 + 1 / e); the site makes half of it plus 1.
    site_odds = 0.5 * (2.4 + math.log(1 + math.exp(-1))) + 1
    assert prediction.p_unadjusted == pytest.approx(1 / (1 + math.exp(-site_odds)), abs=1e-5)
    # From a prevalence of 1/2 to 1/10 the odds fall to a ninth.
    assert prediction.p_positive == pytest.approx(1 / (1 + 9 * math.exp(-site_odds)), abs=1e-5)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.profile == profile.title
    assert (prediction.prevalence, prediction.operating_point.threshold) == (0.1, 0.4)
    assert load(tiny_bundle).predict(film_files / "bright.png").profile is None
    common = Settings(profile=site, prevalence=0.5)
    assert load(tiny_bundle, settings=common).predict(film_files / "bright.png").prevalence == 0.5
    page = tmp_path / "sheet.html"
    options = ("--profile", site, "--bundle", tiny_bundle.path)
    done = run("predict", film_files, *options, "--sheet", page)
    assert done.returncode == 0, done.stderr
    assert f"site profile {profile.title}: NORMAL below" in done.stdout
    assert "like those of the site profile" in done.stdout
    assert "site profile ward" in page.read_text()
    assert (
        json.loads(run("predict", film_files, *options, "--json").stdout)["results"][0]["profile"]
        == profile.title
    )
    newer = write_bundle(tmp_path / "newer", tiny_meta(version="2"), tiny_files(tmp_path / "parts"))
    done = run("predict", film_files, "--profile", site, "--bundle", newer.path)
    assert (done.returncode, "made for the bundle tiny 1" in done.stderr) == (1, True)


def test_log_odds_stay_finite() -> None:
    log_odds = logit(np.array([0.0, 0.5, 0.8, 1.0]))
    assert log_odds.tolist() == pytest.approx(
        [-math.log(999999), 0.0, math.log(4), math.log(999999)]
    )


def test_the_bundle_s_probability_comes_back() -> None:
    # log odds 0.5 ln 9 + 1: odds 3 e
    assert unmapped(3 * math.e / (1 + 3 * math.e), Calibration((0.5,), (1.0,))) == pytest.approx(
        0.9
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "broken JSON"),
        ("[1]", "other JSON"),
        ('{"results": []}', "other JSON"),
        ('{"bundle_sha256": "", "format": 7}', "format 7"),
        ('{"bundle_sha256": "", "format": 1}', "name"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "site.json").write_text(text)
    with pytest.raises(ProfileMismatch, match=why):
        read_profile(tmp_path / "site.json")


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileMissing, match=r"none\.json"):
        read_profile(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileMismatch, match="not text"):
        read_profile(tmp_path / "bytes.json")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"calibration": {"scale": [-0.5], "offset": [0.0], "prevalence": 0.5}}, "above 0"),
        ({"prevalence": 1.2}, "prevalence 1.2"),
        ({"default_operating_point": "screen"}, "screen"),
        ({"reference": {"log odds": [2.0, 1.0]}}, "ascending"),
        ({"gate_limits": {"distance": math.nan}}, "gate limit"),
        ({"verdict": "perhaps"}, "perhaps"),
        ({"conformal": {"questions": {}, "kinds": {}}}, "conformal scores of nothing"),
        (
            {"conformal": {"questions": {"P": {"negative": [2.0], "positive": []}}, "kinds": {}}},
            "not a p",
        ),
    ],
)
def test_values_out_of_range_are_refused(
    tmp_path: Path, change: dict[str, object], why: str
) -> None:
    path = tmp_path / "site.json"
    write_profile(path, site_profile())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ProfileMismatch, match=why):
        read_profile(path)


def test_a_threshold_out_of_range_is_not_written(tmp_path: Path) -> None:
    bad = replace(site_profile(), points=(SitePoint(OperatingPoint("balanced", 1.0, "by hand")),))
    with pytest.raises(ValueError, match="threshold 1 of balanced"):
        write_profile(tmp_path / "site.json", bad)
    assert not list(tmp_path.iterdir())


def test_a_profile_leaves_the_heatmap_s_checks_alone_and_turns_the_occlusion_map(
    tiny_bundle: Bundle, film_files: Path, tmp_path: Path
) -> None:
    flipping = Calibration((2.0,), (6.0,), prevalence=0.5)
    profile = site_profile(bundle_sha256=tiny_bundle.sha256, calibration=flipping, conformal=WIDE)
    site = tmp_path / "site.json"
    write_profile(site, profile)
    dark = film_files / "dark.png"
    plain = load(tiny_bundle, settings=Settings(explain="checked"))
    at_site = load(tiny_bundle, settings=Settings(explain="checked", profile=site))
    before, after = plain.predict(dark), at_site.predict(dark)
    assert (before.called, after.called) == ("NORMAL", "PNEUMONIA")
    assert before.explanation is not None
    assert after.explanation is not None
    # The odds of the other verdict, of the same network: not of the site's.
    assert after.explanation.checks["odds_hot"] == pytest.approx(
        1 / before.explanation.checks["odds_hot"], rel=0.05
    )
    # The map explains what the title says, in the site's odds: twice the network's.
    np.testing.assert_allclose(at_site.occlusion(dark), -2 * plain.occlusion(dark), atol=1e-3)
    assert at_site.explained(after) == ("PNEUMONIA", after.p_positive)


def test_a_classifier_asked_otherwise_keeps_the_profile_it_read(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    site = tmp_path / "site.json"
    profile = site_profile(bundle_sha256=tiny_bundle.sha256, conformal=WIDE, prevalence=0.1)
    write_profile(site, profile)
    first = load(tiny_bundle, settings=Settings(profile=site))
    site.unlink()  # or a new one is written while a server runs
    other = first.with_settings(Settings(profile=site, prevalence=0.2))
    assert other.profile == first.profile
    assert (other.rules.prevalence, first.rules.prevalence) == (0.2, 0.1)
    assert other.with_settings(Settings()).profile is None


@pytest.mark.parametrize("text", ["[" * 100_000, '{"bundle_sha256":' * 100_000])
def test_deep_json_is_no_profile(tmp_path: Path, text: str) -> None:
    path = tmp_path / "site.json"
    path.write_text(text)
    with pytest.raises(ProfileMismatch, match="is not a site profile"):
        read_profile(path)


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_a_device_or_a_pipe_is_no_profile(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "site.json"
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(ProfileMismatch, match="a device or a pipe"):
        read_profile(path)
