from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from command_line import run
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import GO, NO_GO, read_profile
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.site import calibrate, fit, points, request
from pneumoscope.evidence.site import films as site_films
from pneumoscope.evidence.site.drift import SCORE
from pneumoscope.evidence.site.films import SiteFilms
from pneumoscope.evidence.site.results import PointResult
from pneumoscope.evidence.site.verdict import Goal, JudgedFilms, judge
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.records import GateReason, GateReport, OperatingPoint
from pneumoscope.render.written import Written
from tiny import tiny_files, tiny_meta


def site_data(root: Path, well: list[int], ill: list[int], *, each: int = 1) -> Path:
    """A manifest of even films with these grey levels; every patient has ``each`` films."""
    root.mkdir(parents=True, exist_ok=True)
    rows = ["path,patient,label"]
    for label, levels in (("normal", well), ("pneumonia", ill)):
        for i, level in enumerate(levels):
            name = f"{label}{i}.png"
            Image.fromarray(np.full((128, 128), level, np.uint8)).save(root / name)
            rows.append(f"{name},{label}-{i // each},{label}")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return root


def levels(number: int, around: int, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return np.clip(around + 30 * rng.standard_normal(number), 0, 255).astype(int).tolist()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return site_data(tmp_path / "ward", levels(30, 90, 1), levels(30, 170, 2))


def seen(ill: int, well: int, refused: int = 0) -> JudgedFilms:
    positive = np.arange(ill + well) < ill
    flags = np.arange(ill + well) < refused
    patients = [str(i) for i in range(ill + well)]
    films = SiteFilms(
        "ward", np.zeros((0, 2)), positive, positive.astype(np.intp), {}, tuple(patients), (), flags, {},
        None, (), (),
    )  # fmt: skip
    return JudgedFilms(positive, patients, Figure(0.1), films)


def result(sensitivity: Figure, specificity: Figure) -> PointResult:
    point = OperatingPoint("balanced", 0.5, "by hand")
    return PointResult(point, sensitivity, specificity, None, Figure(None), Figure(None))


def test_few_films_change_little_and_many_what_they_ask_for() -> None:
    # Log odds that are twice too large: the scale that fits best is 1/2.
    rng = np.random.default_rng(0)
    truth = 2 * rng.standard_normal(4000)
    positive = rng.random(4000) < 1 / (1 + np.exp(-truth))
    patients = [str(i) for i in range(4000)]
    many = fit.fit(2 * truth, positive, patients)
    assert many.scale[0] == pytest.approx(0.5, abs=0.05)
    assert many.offset[0] == pytest.approx(0.0, abs=0.15)
    # The same films of 12 patients weigh 12.
    grouped = fit.fit(2 * truth, positive, [str(i % 12) for i in range(4000)])
    assert many.scale[0] < grouped.scale[0] < 1


def test_the_fit_is_where_the_penalised_slope_is_zero() -> None:
    odds, positive = np.array([1.0, -1.0]), np.array([True, False])
    found = fit.fit(odds, positive, ["a", "b"])
    (a,), (b,) = found.scale, found.offset
    # By symmetry no offset; 2 (1 - expit(a)) = (a - 1) / 0.5 ** 2
    assert b == pytest.approx(0)
    assert 2 * (1 - 1 / (1 + math.exp(-a))) == pytest.approx(4 * (a - 1))
    assert found.prevalence == 0.5


def test_swapped_labels_are_refused() -> None:
    odds = np.r_[np.full(30, -3.0), np.full(30, 3.0)]
    with pytest.raises(DataError, match="slope -") as found:
        fit.fit(odds, odds < 0, [str(i) for i in range(60)])
    assert "swapped" in found.value.hint


def test_no_patient_is_in_two_parts() -> None:
    positive = np.arange(40) < 20
    patients = [str(i // 2) for i in range(40)]
    part = fit.parts_of(positive, patients)
    assert set(part) == set(range(10))
    assert all(part[i] == part[i + 1] for i in range(0, 40, 2))
    assert all(positive[part == k].any() and not positive[part == k].all() for k in range(10))


def test_gate_limits_are_only_loosened_and_only_so_far() -> None:
    calm = np.linspace(0.1, 1.0, 100)
    assert fit.gate_limit(calm, 1.0) is None
    # 4 of 100 lie above 1; the 99th of 100 values is the conformal quantile, ceil(0.98 * 101) = 99.
    some = np.r_[np.full(96, 0.5), 1.02, 1.04, 1.06, 9.0]
    assert fit.gate_limit(some, 1.0) == 1.06
    assert fit.gate_limit(some + 1, 1.0) == 1.1
    # Of 20 films no quantile says 2 %.
    assert fit.gate_limit(np.full(20, 1.04), 1.0) == 1.1


def gate_report(distance: float, *codes: str) -> GateReport:
    reasons = tuple(GateReason(code, "refuse", "", "") for code in codes)
    return GateReport(
        "refuse" if codes else "ok", reasons, {"distance": distance, "unsuitable": 0.9}
    )


def test_a_site_s_distances_move_its_limit_and_nothing_else() -> None:
    meta = tiny_meta(gate={"limits": {"distance": 1.0, "unsuitable": 0.5}, "measured": {}})
    far = gate_report(1.06, "outside-population")
    reports = [gate_report(0.5)] * 97 + [gate_report(1.04, "outside-population"), far, far]
    # ceil(0.98 * 101) = 99: the 99th of 100 distances. "unsuitable" stays the bundle's.
    limits = site_films.site_limits(reports, meta)
    assert limits == {"distance": 1.06}
    assert not site_films.is_refused(far, limits)
    assert site_films.is_refused(far, {})
    assert site_films.is_refused(gate_report(1.4, "outside-population"), limits)
    assert site_films.is_refused(gate_report(1.2, "outside-population", "inverted"), limits)
    assert site_films.site_limits(reports[:97], meta) == {}
    assert site_films.site_limits(reports, tiny_meta()) == {}


def test_the_bundle_s_scores_give_the_same_sets_after_the_calibration() -> None:
    p = np.array([0.05, 0.3, 0.5, 0.7, 0.95])
    scores = Scores({"PNEUMONIA": Sides((0.1, 0.4, 0.9), (0.2, 0.6, 0.8))})
    calibration = Calibration((0.5,), (1.0,))
    moved = fit.carried_scores(scores, calibration, "PNEUMONIA")
    site_p = calibration.apply(np.stack([1 - p, p], axis=1), 0)[:, 1]
    before, after = scores.at(0.5), moved.at(0.5)
    for one, other in zip(p, site_p, strict=True):
        assert before.holds("PNEUMONIA", one) == after.holds("PNEUMONIA", other)


def test_too_few_films_leave_the_bundle_s_limits(tiny_bundle: Bundle, tmp_path: Path) -> None:
    own = Scores({"PNEUMONIA": Sides((0.5,) * 40, (0.5,) * 40)}, {})
    bundle = write_bundle(
        tmp_path / "scored", tiny_meta(conformal=own), tiny_files(tmp_path / "parts")
    )
    data = site_data(tmp_path / "ward", levels(15, 80, 3), levels(30, 180, 4))
    found = calibrate.calibrate(
        site_films.read(data, bundle), bundle, request.SiteRequest("ward", None, Goal())
    ).profile
    (a,), (b,) = found.calibration.scale, found.calibration.offset
    # 1/2 has the log odds 0, so at the site they are the offset.
    assert len(found.conformal.questions["PNEUMONIA"].negative) == 40
    limit = found.conformal.questions["PNEUMONIA"].positive[0]
    assert limit == pytest.approx(1 / (1 + math.exp(-b)), abs=1e-4)
    assert a > 0
    assert any("15 negative films are too few" in reason for reason in found.reasons)


def test_thresholds_that_keep_what_the_old_ones_did() -> None:
    positive = np.array([True] * 5 + [False] * 5)
    p = np.array([0.9, 0.8, 0.6, 0.4, 0.2, 0.7, 0.5, 0.3, 0.1, 0.05])
    called = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0], bool)  # 3 of 5 hits, 1 of 5 false
    keep = points.matching
    assert keep(positive, p, called, "sensitivity") == 0.6
    assert keep(positive, p, called, "specificity") == pytest.approx(0.5)
    assert keep(positive, p, called, "specificity") > 0.5
    # Only at 0.6 neither side loses: 3 hits, 1 false.
    assert keep(positive, p, called, "both") == 0.6
    assert keep(positive, p, np.zeros(10, bool), "sensitivity") == 0.999
    assert keep(positive, p, np.ones(10, bool), "specificity") == pytest.approx(0.001)


def test_what_a_point_keeps_stands_in_its_rule() -> None:
    rules = ("sensitivity >= 0.97 on", "specificity >= 0.95", "best balanced accuracy", "by hand")
    found = [points.kept_by(OperatingPoint("a", 0.5, rule)) for rule in rules]
    assert found == ["sensitivity", "specificity", "both", "both"]
    carried = OperatingPoint("a", 0.5, "keeps the sensitivity of tiny 1 at screen")
    assert points.kept_by(carried) == "sensitivity"


def test_go_needs_the_lower_ends() -> None:
    good = Figure(0.97, 0.93, 0.99)
    assert judge(result(good, good), seen(60, 60), Goal())[0] == GO
    assert judge(result(good, good), seen(60, 60), Goal(0.95, 0.7))[0] == NO_GO
    assert judge(result(good, Figure(None, note="one class")), seen(60, 60), Goal())[0] == NO_GO


def test_no_go_says_how_many_films_it_would_take() -> None:
    verdict, reasons = judge(
        result(Figure(0.92, 0.81, 0.97), Figure(0.9, 0.8, 0.95)), seen(30, 30), Goal()
    )
    assert verdict == NO_GO
    # Half the width is 0.08: 60 (0.08 / 0.05)^2 = 153.6. To 0.90: 60 (0.11 / 0.02)^2 = 1815.
    assert reasons == [
        "with 60 films of 60 patients the sensitivity lies between 0.81 and 0.97: not enough, its "
        "lower end has to reach 0.90; about 160 films would narrow it to ±0.05; with about 1,900 it "
        "would, if the sensitivity stays 0.92"
    ]
    _, (hopeless,) = judge(
        result(Figure(0.8, 0.7, 0.9), Figure(0.9, 0.8, 0.95)), seen(30, 30), Goal()
    )
    assert "more films hardly help" in hopeless


def test_too_few_films_for_sets_and_too_many_refusals_are_no_go() -> None:
    good = Figure(0.97, 0.93, 0.99)
    verdict, (reason,) = judge(result(good, good), seen(60, 18), Goal())
    assert (verdict, "18 negative films are too few" in reason) == (NO_GO, True)
    verdict, (reason,) = judge(result(good, good), seen(50, 50, refused=11), Goal())
    assert (verdict, "refuses 11%" in reason) == (NO_GO, True)


def test_the_reference_has_one_film_of_each_patient() -> None:
    films = [Written(f"{i}.png", p=p) for i, p in enumerate((0.8, 0.5, 0.2))]
    base = seen(2, 1).films
    own = SiteFilms(
        "ward", base.p, base.positive, base.classes, {}, ("a", "a", "b"), tuple(films), base.refused,
        {}, None, (), (),
    )  # fmt: skip
    assert calibrate.reference_of(own) == {
        SCORE: pytest.approx((-math.log(4), math.log(4)), abs=1e-4)
    }


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
    assert [own.point.name for own in profile.points] == ["balanced", "screen", "rule-in"]
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
    assert (record["verdict"], record["profile"]["prevalence"]) == ("no-go", 0.1)
    assert [film["path"] for film in record["broken"]] == ["broken.png"]
    sensitivity = record["points"][0]["sensitivity"]
    assert sensitivity["low"] < sensitivity["value"] < sensitivity["high"]


def test_enough_films_are_a_go(tiny_bundle: Bundle, tmp_path: Path) -> None:
    data = site_data(tmp_path / "ward", [40 + i for i in range(45)], [180 + i for i in range(45)])
    films = site_films.read(data, tiny_bundle)
    found = calibrate.calibrate(films, tiny_bundle, request.SiteRequest("ward", None, Goal()))
    assert found.profile.verdict == GO
    # 45 of 45: the exact interval begins at 0.025 ** (1 / 45).
    assert found.points[0].sensitivity.low == pytest.approx(0.025 ** (1 / 45))
    assert found.after.error.ece.value is not None
    assert found.before.error.ece.value is not None
    assert found.after.error.ece.value < found.before.error.ece.value
    # Apart from the lowest score of the other parts no film can fall out of its class.
    assert found.undetermined.value is not None
    assert found.undetermined.value <= 0.1


def test_an_older_bundle_s_points_are_carried_over(
    data: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    parts = tiny_files(tmp_path / "parts")
    newer = write_bundle(tmp_path / "newer", tiny_meta(version="2"), parts)
    out, first = tmp_path / "site.json", tmp_path / "first.json"
    arguments = ("calibrate", data, "--bundle", newer.path, "--from", tiny_bundle.path)
    done = run(*arguments, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    balanced, screen = json.loads(done.stdout)["carried"]
    assert (balanced["old_threshold"], screen["old_threshold"]) == (0.5, 0.1)
    # Both bundles are one network: what changes is where thresholds of other patients fall.
    assert balanced["changed"]["value"] <= 0.1
    assert abs(balanced["sensitivity_change"]["value"]) <= 0.1
    profile = read_profile(out)
    assert [own.point.name for own in profile.points] == ["balanced", "screen"]
    assert "tiny 1 at balanced" in profile.points[0].point.rule
    run("calibrate", data, "--bundle", tiny_bundle.path, "--out", first)
    done = run(*arguments, "--from-profile", first, "--out", out)
    assert done.returncode == 0, done.stderr
    assert len(read_profile(out).points) == 3
    assert "from the older bundle" in done.stdout
    done = run(*arguments, "--from-profile", out, "--out", out)
    assert (done.returncode, "made for the bundle tiny 2" in done.stderr) == (1, True)
    done = run("calibrate", data, "--bundle", newer.path, "--from", newer.path, "--out", out)
    assert (done.returncode, "--from" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("well", "ill", "each", "why"),
    [
        (20, 0, 1, "no film of class PNEUMONIA"),
        (9, 20, 1, "9 films of class normal"),
        (20, 20, 10, "of 2 patients"),
    ],
)
def test_films_that_are_not_enough(
    tiny_bundle: Bundle, tmp_path: Path, well: int, ill: int, each: int, why: str
) -> None:
    data = site_data(tmp_path / "ward", [60] * well, [200] * ill, each=each)
    with pytest.raises(DataError, match=why):
        site_films.read(data, tiny_bundle)


def test_bad_settings_and_targets(
    data: Path, tiny_bundle: Bundle, findings_bundle: Bundle, tmp_path: Path
) -> None:
    out = tmp_path / "site.json"
    cases = [
        (("--bundle", findings_bundle.path), "several findings is not supported"),
        (("--bundle", tiny_bundle.path, "--prevalence", 1.2), "--prevalence 1.2"),
        (("--bundle", tiny_bundle.path, "--min-sensitivity", 0), "--min-sensitivity 0"),
        (("--bundle", tiny_bundle.path, "--from-profile", out), "--from"),
        (("--bundle", tiny_bundle.path, "--out", data / "manifest.csv"), "no site profile"),
        (("--bundle", tiny_bundle.path, "--report", data / "manifest.csv"), "no HTML page"),
        (("--bundle", tiny_bundle.path, "--split", "most"), "split 'most'"),
    ]
    for options, why in cases:
        done = run("calibrate", data, "--out", out, *options)
        assert done.returncode == 1
        assert why in done.stderr
        assert "hint:" in done.stderr
    assert not out.exists()


def test_labels_that_the_bundle_does_not_know(tiny_bundle: Bundle, tmp_path: Path) -> None:
    data = site_data(tmp_path / "ward", [60] * 12, [200] * 12)
    table = data / "manifest.csv"
    table.write_text(
        table.read_text().replace(",pneumonia\n", ",nodule\n").replace(",normal\n", ",mass\n")
    )
    with pytest.raises(DataError, match="says nothing to the bundle"):
        site_films.read(data, tiny_bundle)


def test_nothing_can_be_read(tiny_bundle: Bundle, data: Path) -> None:
    for film in data.glob("*.png"):
        film.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="no film of class normal that can be read"):
        site_films.read(data, tiny_bundle)


def test_settings_are_checked_before_films() -> None:
    with pytest.raises(UsageError, match="no name"):
        request.check(request.SiteRequest(" ", None, Goal()))
