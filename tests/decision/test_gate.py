from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import run
from pneumoscope.bundle import GATE, Bundle, open_bundle, write_bundle
from pneumoscope.decision import gate
from pneumoscope.decision.gate import NOTE, OK, REFUSE, Heads
from pneumoscope.errors import BundleMismatch, BundleMissing
from pneumoscope.records import FilmFacts, Population, Settings
from pneumoscope.runtime import load
from tiny import TINY_SIZE, tiny_files, tiny_meta

CHILDREN = Population("children", (1.0, 5.0), ("AP", "PA"))
LIMITS = {
    "unsuitable": 0.6, "distance": 1.2, "distance-note": 1.0, "mirrored": 0.7,
    "flatness": 0.8, "saturation": 0.2, "blur": 0.7, "one-lung": 0.5, "lung-doubt": 0.7,
}  # fmt: skip
CLEAN = {
    "unsuitable": 0.1, "distance": 0.8, "mirrored": 0.1, "flatness": 0.2, "saturation": 0.0, "blur": 0.5,
    "inverted": 0.02, "rotated-90": 0.03, "not-frontal": 0.01, "not-a-radiograph": 0.02, "cropped": 0.02,
}  # fmt: skip


def reasons_for(
    scores: dict[str, float] | None = None, facts: dict[str, Any] | None = None
) -> list[tuple[str, str]]:
    film = FilmFacts(**({"format": "DICOM", "rows": 300, "columns": 300} | (facts or {})))
    report = gate.report(CLEAN | (scores or {}), LIMITS, film, CHILDREN)
    assert report.level == (report.reasons[0].level if report.reasons else OK)
    for reason in report.reasons:
        assert reason.sentence
        assert reason.hint == gate.REASONS[reason.code][1]
    return [(reason.code, reason.level) for reason in report.reasons]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"age_years": 1.0},
        {"age_years": 5.9},
        {"view_position": "ap"},
        {"body_part": "Chest"},
        {"body_part": "CHEST_PA"},
        {"body_part": "PORT CHEST"},
        {"body_part": "THORAX AP"},
        {"body_part": "LUNGS"},
    ],
)
def test_a_clean_film_passes(facts: dict[str, Any]) -> None:
    assert reasons_for(facts=facts) == []


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"unsuitable": 0.9, "inverted": 0.8}, ("inverted", REFUSE)),
        ({"unsuitable": 0.9, "rotated-90": 0.5}, ("rotated-90", REFUSE)),
        ({"unsuitable": 0.9, "not-frontal": 0.5}, ("not-frontal", REFUSE)),
        ({"distance": 1.3}, ("outside-population", REFUSE)),
        ({"distance": 1.1}, ("outside-population", NOTE)),
        ({"mirrored": 0.9}, ("mirrored", NOTE)),
        ({"photo-of-a-screen": 0.04, "screenshot": 0.02}, ("photo-of-a-screen", NOTE)),
        ({"flatness": 0.9}, ("low-contrast", REFUSE)),
        ({"saturation": 0.3}, ("over-exposed", REFUSE)),
        ({"blur": 0.8}, ("too-blurred", REFUSE)),
        ({"one-lung": 0.6}, ("not-frontal", REFUSE)),
        ({"lung-doubt": 0.8}, ("not-frontal", REFUSE)),
        ({"lung-doubt": 0.8, "distance": 1.3}, ("not-frontal", REFUSE)),
        ({"one-lung": 0.6, "unsuitable": 0.9, "inverted": 0.8}, ("inverted", REFUSE)),
        ({"one-lung": 0.6, "blur": 0.8}, ("too-blurred", REFUSE)),
    ],
)
def test_a_score_beyond_its_limit_has_its_reason(
    scores: dict[str, float], expected: tuple[str, str]
) -> None:
    assert reasons_for(scores) == [expected]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"rows": 79}, ("too-small", REFUSE)),
        ({"columns": 127}, ("too-small", NOTE)),
        ({"missing_rows": 0}, ("truncated", NOTE)),
        ({"missing_rows": 8}, ("truncated", NOTE)),
        ({"grey_side": True}, ("screenshot", NOTE)),
        ({"screen_grid": True}, ("photo-of-a-screen", NOTE)),
        ({"taken_by": "camera"}, ("photo-of-a-screen", NOTE)),
        ({"taken_by": "screenshot"}, ("screenshot", NOTE)),
        ({"colour": True, "tint": 0.2}, ("not-a-radiograph", REFUSE)),
        ({"colour": True, "tint": 0.01}, ("not-a-radiograph", NOTE)),
        ({"age_years": 54.0}, ("outside-population", NOTE)),
        ({"age_years": 0.5}, ("outside-population", NOTE)),
        ({"age_years": 6.0}, ("outside-population", NOTE)),
        ({"view_position": "LL"}, ("header-says-otherwise", NOTE)),
        ({"view_position": "OBLIQUE"}, ("header-says-otherwise", NOTE)),
        ({"body_part": "HAND"}, ("header-says-otherwise", NOTE)),
    ],
)
def test_what_a_film_says_of_itself(facts: dict[str, Any], expected: tuple[str, str]) -> None:
    assert reasons_for(facts=facts) == [expected]


@pytest.mark.parametrize(
    ("age_years", "words"),
    [
        (54.0, "54 years"),
        (2.0, "2 years"),
        (1.999, "23 months"),
        (7 / 12, "7 months"),
        (2 / 12, "2 months"),
        (1 / 12, "1 month"),
        (3 * 7 / 365.25, "under 1 month"),
        (0.0, "under 1 month"),
    ],
)
def test_an_age_below_two_years_is_in_months(age_years: float, words: str) -> None:
    film = FilmFacts("PNG", 300, 300, age_years=age_years)
    old = Population("older children", (6.0, 12.0), ())
    (reason,) = gate.report({}, {}, film, old).reasons
    assert (
        reason.sentence == f"patient age {words} is outside the training population (6 to 12 years)"
    )


def test_a_grey_side_is_no_reason_beside_a_graver_one() -> None:
    assert reasons_for({"unsuitable": 0.9, "screenshot": 0.8}, {"grey_side": True}) == [
        ("screenshot", REFUSE)
    ]


def test_what_may_be_a_screen_is_noted_once_and_only_on_films_that_may_be_judged() -> None:
    screen = {"photo-of-a-screen": 0.5, "screenshot": 0.2}
    assert reasons_for(screen, {"grey_side": True}) == [("screenshot", NOTE)]
    assert reasons_for(screen, {"screen_grid": True}) == [("photo-of-a-screen", NOTE)]
    assert reasons_for({}, {"grey_side": True, "screen_grid": True}) == [("screenshot", NOTE)]
    assert reasons_for(screen, {"taken_by": "camera", "grey_side": True}) == [
        ("photo-of-a-screen", NOTE)
    ]
    assert reasons_for({"unsuitable": 0.9, "inverted": 0.8} | screen) == [("inverted", REFUSE)]
    assert reasons_for({"distance": 1.3} | screen) == [("outside-population", REFUSE)]
    assert reasons_for({"photo-of-a-screen": 0.05}) == []


def test_a_bundle_says_from_when_on_a_screen_is_noted() -> None:
    def codes(probability: float) -> list[str]:
        scores = CLEAN | {"photo-of-a-screen": probability}
        film = FilmFacts("PNG", rows=400, columns=400)
        report = gate.report(scores, LIMITS | {gate.SCREEN_NOTE: 0.003}, film, CHILDREN)
        return [reason.code for reason in report.reasons]

    assert codes(0.002) == []
    assert codes(0.004) == ["photo-of-a-screen"]


def test_a_header_never_refuses_by_itself() -> None:
    facts = {"age_years": 90.0, "view_position": "LATERAL", "body_part": "SKULL"}
    assert {level for _, level in reasons_for(facts=facts)} == {NOTE}


def test_a_mirrored_film_is_refused_only_if_the_header_says_that_it_is_not() -> None:
    assert reasons_for({"mirrored": 0.9}, {"row_direction": "L"}) == [("mirrored", REFUSE)]
    assert reasons_for({"mirrored": 0.9}, {"row_direction": "R"}) == [("mirrored", NOTE)]
    assert reasons_for({"mirrored": 0.2}, {"row_direction": "R"}) == []


def test_one_lung_on_a_narrow_picture_is_a_cut_film() -> None:
    scores = {"unsuitable": 0.9, "not-frontal": 0.8}
    assert reasons_for(scores, {"rows": 400, "columns": 200}) == [("cropped", REFUSE)]
    assert reasons_for(scores, {"rows": 400, "columns": 350}) == [("not-frontal", REFUSE)]
    assert reasons_for({"one-lung": 0.9}, {"rows": 400, "columns": 200}) == [("cropped", REFUSE)]


def test_a_narrow_film_is_cut_as_surely_as_it_is_taken_for_one_lung() -> None:
    """A gate may have learned nothing of cut films, and a defect does not hide what is certain."""
    narrow = {"rows": 400, "columns": 200}
    blurred = {"unsuitable": 0.9, "blur": 0.8, "not-frontal": 0.99995}
    assert reasons_for(blurred, narrow) == [("cropped", REFUSE), ("too-blurred", REFUSE)]
    assert reasons_for(blurred | {"not-frontal": 0.9}, narrow) == [("too-blurred", REFUSE)]
    film = FilmFacts("DICOM", rows=400, columns=200)
    known = {name: score for name, score in (CLEAN | blurred).items() if name != "cropped"}
    codes = [reason.code for reason in gate.report(known, LIMITS, film, CHILDREN).reasons]
    assert codes == ["cropped", "too-blurred"]


def test_the_gravest_reason_comes_first() -> None:
    reasons = reasons_for({"unsuitable": 0.9, "inverted": 0.8}, {"age_years": 54.0, "columns": 100})
    assert reasons[0] == ("inverted", REFUSE)
    assert {level for _, level in reasons[1:]} == {NOTE}


def test_a_bundle_without_limits_asks_only_what_the_film_says_of_itself() -> None:
    film = FilmFacts("PNG", 70, 300, age_years=54.0)
    wild = {"flatness": 1.0, "blur": 1.0, "distance": 9.0}
    report = gate.report(wild, {}, film, Population("whoever", None, ()))
    assert [reason.code for reason in report.reasons] == ["too-small"]


def test_grey_statistics_by_hand() -> None:
    flat = gate.grey_statistics(np.full((32, 32), 100, np.uint8))
    assert flat == {"flatness": 1.0, "saturation": 0.0, "blur": 1.0}
    ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    statistics = gate.grey_statistics(ramp)
    # 1st and 99th percentile are the first and the last column; second differences are all 0.
    assert statistics["flatness"] == pytest.approx(1 - 248 / 255)
    assert statistics["blur"] == 1.0
    steps = np.tile(np.array([0, 255], np.uint8), (32, 16))
    statistics = gate.grey_statistics(steps)
    assert statistics["saturation"] == 1.0
    assert statistics["blur"] == pytest.approx(1 - 510 / 510)


@pytest.mark.parametrize(
    ("level", "share"), [(0, 1.0), (2, 1.0), (3, 0.0), (252, 0.0), (253, 1.0), (255, 1.0)]
)
def test_two_levels_from_black_and_from_white_are_saturated(level: int, share: float) -> None:
    saturation = gate.grey_statistics(np.full((32, 32), level, np.uint8))["saturation"]
    assert type(saturation) is float
    assert saturation == share


def test_one_bright_half_is_saturated_only_in_the_middle() -> None:
    film = np.full((32, 32), 120, np.uint8)
    film[:4] = 255  # the border does not count
    assert gate.grey_statistics(film)["saturation"] == 0.0
    film[4:16] = 255
    assert gate.grey_statistics(film)["saturation"] == pytest.approx(0.5)


def test_scores_by_hand() -> None:
    heads = Heads(
        kinds=("frontal", "inverted"),
        weights=np.array([[0.0, 2.0], [0.0, 0.0]], np.float32),
        bias=np.zeros(2, np.float32),
        mirror=np.array([0.0, 1.0, -1.0], np.float32),
    )
    scores = heads.scores(np.array([[1.0, 1.0], [0.0, 0.0]], np.float32))
    assert scores["unsuitable"] == pytest.approx([1 / (1 + np.exp(-2.0)), 0.5])
    assert scores["inverted"] == pytest.approx(scores["unsuitable"])
    assert scores["distance"] == pytest.approx([1.0, 0.0])
    assert scores["mirrored"] == pytest.approx([0.5, 1 / (1 + np.e)])


def test_the_score_of_other_patients_by_hand() -> None:
    heads = Heads(
        kinds=("frontal",),
        weights=np.zeros((2, 1), np.float32),
        bias=np.zeros(1, np.float32),
        mirror=np.zeros(3, np.float32),
        others=np.array([2.0, 0.0, -1.0], np.float32),
    )
    scores = heads.scores(np.array([[1.0, 5.0], [0.0, 5.0]], np.float32))
    assert scores["other-population"] == pytest.approx([1 / (1 + np.exp(-1.0)), 1 / (1 + np.e)])


@pytest.mark.parametrize(("p", "outside"), [(0.71, True), (0.7, False)])
def test_a_film_of_another_patient_is_outside_the_population(p: float, outside: bool) -> None:
    scores = {"distance": 1.0, "other-population": p}
    limits = {"distance-note": 2.0, "other-population": 0.7}
    facts = FilmFacts("PNG", 400, 400)
    report = gate.report(scores, limits, facts, Population("adults", None, ()))
    assert gate.is_outside(report) == outside
    assert report.level == ("note" if outside else "ok")
    if outside:
        (reason,) = report.reasons
        assert reason.sentence == (
            "the film looks like one of a patient outside the training population"
        )


def gated_bundle(
    folder: Path,
    content: dict[str, Any] | None = None,
    *,
    features: bool = True,
    **gate_record: Any,
) -> Bundle:
    """The tiny bundle with a gate whose head looks at the mean of its 64 features."""
    files = tiny_files(folder / "parts", features=features)
    mean = np.full(64, 20 / 64, np.float32)
    values = content or {
        "kinds": np.array(["frontal", "inverted"]),
        "weights": np.stack([0 * mean, mean], axis=1),
        "bias": np.array([14.0, 0.0], np.float32),
        "mirror": np.append(0 * mean, np.float32(-9.0)),
    }
    np.savez(folder / "parts" / GATE, **values)
    record = {"limits": {"unsuitable": 0.5}, "measured": {}} | gate_record
    files[GATE] = folder / "parts" / GATE
    return write_bundle(folder / "bundle", tiny_meta(gate=record), files)


def test_a_refused_film_has_no_verdict_unless_it_is_forced(
    tmp_path: Path, film_files: Path
) -> None:
    bundle = gated_bundle(tmp_path)
    dark = load(bundle).predict(film_files / "dark.png")  # mean 0.2: frontal
    assert (dark.label, dark.gate.level) == ("NORMAL", OK)
    bright = load(bundle).predict(film_files / "bright.png")  # mean 0.8: inverted
    assert (bright.label, bright.gate.reasons[0].code) == ("REFUSED", "inverted")
    assert bright.heatmap is None
    forced = load(bundle, settings=Settings(force=True)).predict(film_files / "bright.png")
    assert (forced.label, forced.forced) == ("PNEUMONIA", True)
    assert forced.gate.reasons[0].code == "inverted"


def test_a_gate_without_its_file_is_refused(tmp_path: Path) -> None:
    files = tiny_files(tmp_path / "parts")
    with pytest.raises(BundleMismatch, match=r"does not list gate\.npz"):
        write_bundle(tmp_path / "bundle", tiny_meta(gate={"limits": {}, "measured": {}}), files)
    bundle = gated_bundle(tmp_path / "whole")
    (bundle.path / GATE).unlink()
    with pytest.raises(BundleMissing, match=r"gate\.npz"):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kinds": np.array(["frontal"])}, "malformed"),
        ({name: np.zeros(1) for name in ("weights", "bias", "mirror")}
         | {"kinds": np.array(["cat", "dog"])}, "tells"),
    ],
)  # fmt: skip
def test_a_foreign_gate_file_is_refused(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    bundle = gated_bundle(tmp_path, content)
    with pytest.raises(BundleMismatch, match=message):
        load(bundle)


def test_a_gate_limit_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleMismatch, match="malformed"):
        gated_bundle(tmp_path, limits={"unsuitable": "much"})


def test_the_network_input_of_the_tiny_bundle_is_large_enough(tiny_bundle: Bundle) -> None:
    outputs = load(tiny_bundle).run(np.zeros((1, TINY_SIZE, TINY_SIZE, 1), np.uint8))
    assert outputs.features is None


def test_heads_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleMismatch, match=r"knows 64 features, model\.onnx gives"):
        load(gated_bundle(tmp_path, features=False))


def test_a_refused_film_gets_no_occlusion_map(tmp_path: Path, film_files: Path) -> None:
    bundle = gated_bundle(tmp_path)
    done = run("predict", film_files, "--occlusion", tmp_path / "maps", "--bundle", bundle.path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["dark.png.occlusion.png"]
