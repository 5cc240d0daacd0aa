"""The figures of metrics.json stand in the report, and the report has no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)

from pneumoscope.evidence.evaluation.record import to_json
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.blocks import Report, words_of
from pneumoscope.render.serialise import NOTICE
from report_pages import parsed
from reported import N


def figures(value: Any, path: str = "") -> dict[str, dict[str, Any]]:
    """Path to every figure with an interval below a JSON value."""
    if isinstance(value, dict):
        if value.keys() >= {"value", "low", "high"} and value["low"] is not None:
            return {path: value}
        parts = ((f"{path}/{key}", inner) for key, inner in value.items())
    elif isinstance(value, list):
        parts = ((f"{path}/{i}", inner) for i, inner in enumerate(value))
    else:
        return {}
    return {name: figure for part, inner in parts for name, figure in figures(inner, part).items()}


# Drawn as curves, whose single points are in metrics.json only; and balanced accuracy of subgroups, of
# which the report has sensitivity and specificity.
DRAWN = (
    "/decision/", "/risk_coverage/risks", "/reliability/", "/confusion/rows", "/change/",
    "/figures/balanced_accuracy", "/against_rest/",
)  # fmt: skip


SHOWN = ("sensitivity", "specificity", "accuracy")
"""Figures of the films with a verdict that stand beside those of all films; the record has more."""


def is_tabled(path: str) -> bool:
    part, _, name = path.rpartition("/")
    if part.endswith("with_verdict/figures"):
        return name in SHOWN
    return not any(drawn in path for drawn in DRAWN)


def printed(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


@pytest.fixture
def document(record: Evaluation) -> dict[str, Any]:
    return json.loads(json.dumps(to_json(record), allow_nan=False))


def test_every_figure_of_the_record_stands_on_the_page(
    whole: Report, document: dict[str, Any]
) -> None:
    text = "\n".join(words_of(whole))
    for contrast in document["shortcuts"]:
        # A feature that is equal on all films is named, without an AUC.
        contrast["scores"] = [score for score in contrast["scores"] if not score["constant"]]
    tabled = {path: f for path, f in figures(document).items() if is_tabled(path)}
    assert len(tabled) > 150
    assert {path for path, figure in tabled.items() if printed(figure) not in text} == set()


def test_counts_of_the_record_stand_on_the_page(whole: Report, document: dict[str, Any]) -> None:
    text = " ".join(parsed(whole).text)
    for bundle in document["bundles"]:
        (target,) = bundle["targets"]
        assert (
            f"{target['name']} against {target['negative']}: {target['films']} films of "
            f"{target['patients']} patients, {target['positives']} of the films positive."
        ) in text
        assert bundle["sha256"] in text
        for label in bundle["verdicts"]["labels"]:
            assert label["label"] in text


def test_the_record_has_no_array_and_no_film(document: dict[str, Any]) -> None:
    assert document["films"]["films"] == N
    assert document["films"]["labels"] == {"bacterial": 20, "normal": 20, "viral": 20}
    text = json.dumps(document)
    assert "pixels" not in document["films"]
    # Films of the gallery are named, for those who have the films; all others are counted.
    assert "film59.png" not in text
    assert document["notice"] == NOTICE


def test_both_bundles_of_a_pair_are_named_with_their_points(document: dict[str, Any]) -> None:
    (pair,) = document["pairs"]
    assert (pair["first"], pair["second"], pair["target"]) == ("tiny 1", "tiny 2", "PNEUMONIA")
    difference = pair["differences"]["roc_auc"]
    assert difference["difference"]["value"] == pytest.approx(
        difference["first"] - difference["second"]
    )


def test_the_subtitle_names_films_version_date_and_hashes(
    whole: Report, record: Evaluation
) -> None:
    assert whole.title == "Evaluation of tiny 1, tiny 2"
    assert whole.subtitle.split(" · ") == [
        "drawn", "60 films", "pneumoscope 0.1", "2026-01-02",
        f"bundle SHA-256: {'0' * 64}, {'1' * 64}",
    ]  # fmt: skip
    assert whole.mark == f"tiny 1 {'0' * 12}, tiny 2 {'1' * 12}"


def test_the_method_names_draws_seed_and_packages(whole: Report) -> None:
    text = "\n".join(words_of(whole))
    assert "Intervals (95 %): 60 draws of patients with all their films, seed 0;" in text
    assert "numpy\n2" in text
    assert "seconds: bootstrap\n1.5" in text
    assert "No interval is corrected for the number of figures" in text
