"""What other devices may do to a film, on films whose answer can be computed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope.data import stress

SUITE = stress.stress_suite()
SEVERITIES = stress.severities()


def flat(level: int = 100, rows: int = 224, columns: int = 224) -> np.ndarray:
    return np.full((rows, columns), level, np.uint8)


def grain(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (224, 224)).astype(np.uint8)


def level(kind: str, number: int) -> stress.Severity:
    return next(s for s in SEVERITIES if (s.kind, s.level) == (kind, number))


@pytest.mark.parametrize("name", SUITE)
def test_a_perturbation_keeps_shape_and_type_and_is_the_same_every_time(name: str) -> None:
    film = grain()
    before = film.copy()
    made = SUITE[name](film)
    assert (made.shape, made.dtype) == (film.shape, np.uint8)
    assert (film == before).all()
    assert (made != film).any()
    assert (stress.stress_suite()[name](film) == made).all()


@pytest.mark.parametrize("severity", SEVERITIES, ids=lambda s: f"{s.kind}-{s.level}")
def test_a_severity_changes_the_film(severity: stress.Severity) -> None:
    film = grain()
    made = severity.perturb(film)
    assert (made.shape, made.dtype) == (film.shape, np.uint8)
    assert (made != film).any()


def test_there_are_five_of_each_and_worse_is_farther_away() -> None:
    kinds = dict.fromkeys(s.kind for s in SEVERITIES)
    assert len(kinds) == 13
    film = grain(1)
    for kind in kinds:
        steps = [s for s in SEVERITIES if s.kind == kind]
        assert [s.level for s in steps] == [1, 2, 3, 4, 5]
        assert len({s.words for s in steps}) == 5
        far = [np.abs(s.perturb(film).astype(int) - film).mean() for s in steps]
        if kind not in ("rotation", "crop"):  # noise turned or enlarged is other noise at once
            assert far == sorted(far), kind


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("blur", "blur"), ("sharpen", "sharpen"), ("resolution", "low-resolution"),
        ("jpeg", "jpeg"), ("contrast-low", "contrast-low"), ("contrast-high", "contrast-high"),
        ("gamma-bright", "gamma-bright"), ("gamma-dark", "gamma-dark"), ("noise", "noise"),
        ("rotation", "rotation-left"), ("borders", "frame"), ("crop", "crop"),
    ],
)  # fmt: skip
def test_the_third_severity_is_that_of_the_suite(kind: str, name: str) -> None:
    film = grain(2)
    assert (level(kind, 3).perturb(film) == SUITE[name](film)).all()


def test_words_name_the_value() -> None:
    assert level("jpeg", 3).words == "JPEG quality 20"
    assert level("resolution", 1).words == "160 x 160 pixels"
    assert level("negative", 5).words == "mixed with 100% of its negative"
    assert level("crop", 1).words == "3% cut off at each edge"


def test_contrast_and_brightness_by_hand() -> None:
    film = flat(100)
    film[:112] = 60  # a mean of 80
    assert set(np.unique(SUITE["contrast-low"](film))) == {68, 92}
    assert set(np.unique(SUITE["contrast-high"](film))) == {52, 108}
    assert set(np.unique(SUITE["brightness-up"](film))) == {100, 140}
    assert set(np.unique(SUITE["brightness-down"](film))) == {20, 60}
    assert SUITE["brightness-up"](flat(240)).max() == 255


def test_gamma_by_hand() -> None:
    assert SUITE["gamma-bright"](flat(64))[0, 0] == round(255 * (64 / 255) ** 0.6)
    assert SUITE["gamma-dark"](flat(64))[0, 0] == round(255 * (64 / 255) ** 1.6)
    for end in (0, 255):
        assert SUITE["gamma-dark"](flat(end))[0, 0] == end


def test_a_negative_turns_every_level() -> None:
    film = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (level("negative", 5).perturb(film) == 255 - film).all()
    half = level("negative", 4).perturb(film)  # three quarters of it
    assert (half[0, 0], half[-1, -1]) == (191, 64)


def test_borders_and_bars_are_black() -> None:
    framed = SUITE["frame"](flat())
    assert framed.sum() == 100 * (224 - 2 * 18) ** 2  # 8 % of 224 is 17.9
    boxed = SUITE["letterbox"](flat())
    assert boxed[:, :27].max() == boxed[:, -27:].max() == 0
    assert (boxed[:, 27:-27] == 100).all()


def test_cuts_keep_the_middle() -> None:
    film = flat(0)
    film[30:-30] = 255
    assert SUITE["cut-rows"](film).min() == 255
    assert SUITE["cut-columns"](film.T).min() == 255
    crop = flat(0)
    crop[22:-22, 22:-22] = 7
    assert (SUITE["crop"](crop) == 7).all()


def test_a_low_resolution_film_has_lost_its_grain() -> None:
    board = np.indices((224, 224)).sum(0) % 2 * 255
    made = SUITE["low-resolution"](board.astype(np.uint8))
    assert made.min() > 100
    assert made.max() < 155


def test_the_light_falls_off_towards_the_lower_right() -> None:
    made = SUITE["illumination"](flat(100)).astype(int)
    assert made[0, 0] == 135
    assert made[-1, -1] == 65
    assert abs(made[0, -1] - 100) <= 1


def test_the_marker_stands_in_the_upper_right() -> None:
    made = SUITE["marker"](flat(0))
    rows, columns = np.nonzero(made)
    assert rows.max() < 56
    assert columns.min() > 168
    assert made.max() == 255


def test_turning_leaves_the_middle_and_blackens_corners() -> None:
    film = flat(200)
    for name in ("rotation-left", "rotation-right"):
        made = SUITE[name](film)
        assert made[112, 112] == 200
        assert min(made[0, 0], made[0, -1], made[-1, 0], made[-1, -1]) == 0
