"""Figures of the verdicts that readers see, on decisions whose numbers are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import evaluated_film, settings
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
from pneumoscope.evidence.evaluation.settings import SECTIONS
from pneumoscope.evidence.evaluation.truth import UNKNOWN, Truth
from pneumoscope.evidence.evaluation.verdict_figures import verdict_result
from reported import outcomes_of
from tiny import findings_meta, scored_meta, tiny_meta

SETTINGS = settings(sections=SECTIONS)


def films(labels: list[str], places: str = "") -> list[EvaluatedFilm]:
    """Two films per patient."""
    places = places or "A" * len(labels)
    return [
        evaluated_film(i, label=label, patient=f"p{i // 2}", columns={"place": place})
        for i, (label, place) in enumerate(zip(labels, places, strict=True))
    ]


def classes(*rows: tuple[float, float]) -> np.ndarray:
    """Probabilities of normal, bacterial, viral from P(positive) and bacterial's share of it."""
    return np.array([[1 - p, p * share, p * (1 - share)] for p, share in rows])


def test_labels_and_their_errors() -> None:
    # Limits of `scored_meta`: NORMAL up to 0.2, PNEUMONIA from 0.7, no class in between.
    p = classes((0.1, 0.5), (0.1, 0.5), (0.4, 0.5), (0.6, 0.5), (0.8, 0.5), (0.9, 0.5), (0.1, 0.5))
    truth = Truth(np.array([[0.0], [1], [0], [0], [1], [np.nan], [1]]), np.full(7, UNKNOWN), {})
    outcomes = outcomes_of(p, scored_meta())
    assert outcomes.labels.tolist() == [
        "NORMAL", "NORMAL", "UNDETERMINED", "UNDETERMINED", "PNEUMONIA", "PNEUMONIA", "NORMAL",
    ]  # fmt: skip
    result = verdict_result(outcomes, truth, films(["x"] * 7), SETTINGS)
    assert (result.films, result.patients, result.known) == (7, 4, 6)
    normal, undetermined = result.label("NORMAL"), result.label("UNDETERMINED")
    assert normal.counts == {"NORMAL": 1, "PNEUMONIA": 2}
    assert normal.error.value == pytest.approx(2 / 3)
    assert normal.by_class["PNEUMONIA"].value == pytest.approx(2 / 3)
    # 0.4 is called NORMAL and is; 0.6 is called PNEUMONIA and is not.
    assert undetermined.error.value == pytest.approx(1 / 2)
    assert undetermined.by_class["PNEUMONIA"].value == 0.0
    # The last PNEUMONIA has no known class: it has a verdict, but neither right nor wrong.
    assert (result.label("PNEUMONIA").films, result.label("PNEUMONIA").error.value) == (2, 0.0)
    assert (result.shown.films, result.shown.error.value) == (5, pytest.approx(2 / 4))
    assert result.shown.share.value == pytest.approx(5 / 7)
    assert result.label("REFUSED").error.note == "no film of known class is labelled REFUSED"
    # Four patients are too few for an interval, and the figure says so.
    assert normal.share.low is None
    assert normal.share.note == "4 patients are too few, 10 are needed"


def test_refused_films_do_not_count_for_coverage() -> None:
    p = classes((0.1, 0.5), (0.4, 0.5), (0.9, 0.5), (0.6, 0.5))
    truth = Truth(np.array([[0.0], [0], [1], [1]]), np.full(4, UNKNOWN), {})
    result = verdict_result(
        outcomes_of(p, scored_meta(), refused=1), truth, films(["x"] * 4), SETTINGS
    )
    # Refused: the first. Of the others the sets are empty, PNEUMONIA, empty.
    assert {name: figure.value for name, figure in result.coverage.items()} == {
        "NORMAL": 0.0, "PNEUMONIA": 0.5,
    }  # fmt: skip
    (reason,) = result.gate
    assert (reason.code, reason.refused, reason.share.value) == ("too-small", 1, 0.25)
    assert reason.by_class == {"NORMAL": 1, "PNEUMONIA": 0}


def test_kinds_are_counted_on_films_with_the_verdict() -> None:
    # From a share of 0.4 on bacterial is in the set, from 0.2 on viral.
    p = classes((0.9, 0.9), (0.9, 0.5), (0.9, 0.3), (0.9, 0.1), (0.5, 0.9))
    truth = Truth(np.ones((5, 1)), np.array([1, 1, 1, 2, 1]), {})
    result = verdict_result(outcomes_of(p, scored_meta()), truth, films(["x"] * 5), SETTINGS)
    bacterial, viral = result.kinds
    # Sets: bacterial; both; viral. The last film is UNDETERMINED.
    assert (bacterial.kind, bacterial.films) == ("bacterial", 3)
    assert bacterial.covered.value == pytest.approx(2 / 3)
    assert bacterial.named.value == pytest.approx(1 / 3)
    assert bacterial.misnamed.value == pytest.approx(1 / 3)
    assert (viral.films, viral.covered.value, viral.named.value) == (1, 1.0, 1.0)


def test_groups_have_figures_of_their_own_films() -> None:
    p = classes(*[(0.1, 0.5), (0.4, 0.5)] * 12, *[(0.9, 0.5)] * 24)
    truth = Truth(np.repeat([[0.0], [1]], 24, axis=0), np.full(48, UNKNOWN), {})
    labels = ["normal"] * 24 + ["pneumonia"] * 24
    result = verdict_result(
        outcomes_of(p, scored_meta()), truth, films(labels, "AB" * 12 + "AAAA" + "B" * 20), SETTINGS
    )
    groups = {(group.column, group.value): group for group in result.groups}
    assert list(groups) == [
        ("class", "normal"),
        ("class", "pneumonia"),
        ("place", "A"),
        ("place", "B"),
    ]
    a, b = groups["place", "A"], groups["place", "B"]
    assert (a.films, a.patients, b.films) == (16, 14, 32)
    # At A 12 films are NORMAL and 4 PNEUMONIA, at B 12 are undetermined and 20 PNEUMONIA.
    assert {name: figure.value for name, figure in b.labels.items()} == {
        "NORMAL": 0.0, "PNEUMONIA": 20 / 32, "UNDETERMINED": 12 / 32, "REFUSED": 0.0,
    }  # fmt: skip
    assert (a.coverage["NORMAL"].value, b.coverage["NORMAL"].value) == (1.0, 0.0)
    assert a.shown_error.value == 0.0
    assert groups["class", "normal"].labels["UNDETERMINED"].value == pytest.approx(0.5)
    without = settings()
    outcomes = outcomes_of(p, scored_meta())
    assert verdict_result(outcomes, truth, films(labels), without).groups == ()


def test_without_limits_nothing_is_undetermined() -> None:
    truth = Truth(np.array([[0.0], [1]]), np.full(2, UNKNOWN), {})
    result = verdict_result(
        outcomes_of(classes((0.4, 0.5), (0.6, 0.5)), tiny_meta()), truth, films(["x"] * 2), SETTINGS
    )
    assert (result.error, result.coverage) == (None, {})
    assert result.label("UNDETERMINED").films == 0
    assert result.shown.films == 2


def test_findings_have_a_verdict_on_the_film() -> None:
    # Thresholds of Device, Mass, Nodule: 0.6, 0.5, 0.05. Mass is undetermined from 0.3 to 0.7.
    scores = Scores({"Mass": Sides((0.7,) * 19, (0.7,) * 19)})
    p = np.array([[0.1, 0.2, 0.01], [0.1, 0.6, 0.01], [0.9, 0.6, 0.01], [0.1, 0.9, 0.01]])
    outcomes = outcomes_of(p, findings_meta(conformal=scores))
    assert outcomes.labels.tolist() == ["NORMAL", "UNDETERMINED", "ABNORMAL", "ABNORMAL"]
    assert outcomes.shown.tolist() == [True, False, True, True]
    assert outcomes.shown_of("Mass").tolist() == [True, False, False, True]
    assert outcomes.shown_of("Device").tolist() == [True] * 4
    truth = Truth(np.array([[0.0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]]), None, {})
    result = verdict_result(outcomes, truth, films(["x"] * 4), SETTINGS)
    assert result.classes == ("NORMAL", "ABNORMAL")
    assert result.label("ABNORMAL").counts == {"NORMAL": 1, "ABNORMAL": 1}
    # Sets belong to the findings.
    assert result.coverage == {}
