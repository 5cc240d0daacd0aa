"""The figures of a model card, from records made by hand."""

from __future__ import annotations

from typing import Any

from pneumoscope.render.card.figures import figures_of, headline
from tiny import findings_meta, tiny_meta


def figure(value: float, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, **more}


NAMES = ("auc", "balanced_accuracy", "accuracy", "sensitivity", "specificity", "f1")
HEAT = {"films": 8, "pointing": figure(0.7), "same_peak": 0.25}


def classes(**changes: Any) -> dict[str, Any]:
    record = {
        "plain": {name: figure(0.8) for name in NAMES}
        | {"class_accuracy": figure(0.6), "ece": 0.0125},
        "worst": {"auc": figure(0.5, condition="blur")},
        "stress": {
            "blur": {name: figure(0.5) for name in NAMES},
            "jpeg": {name: figure(0.4) for name in NAMES},
        },
        "stress_ece": 0.05,
        "classes": 3,
        "statistics_baseline": {"positive": figure(0.6), "bacterial_against_viral": figure(0.3)},
        "heatmaps": HEAT,
    }
    return record | changes


def findings(**changes: Any) -> dict[str, Any]:
    counts = {"with": 3, "without": 5, "unknown": 2}
    record = {
        "findings": {
            "Mass": counts | {name: figure(0.7) for name in ("auc", "sensitivity", "specificity")},
            "Nodule": counts,
        },
        "stress": {"blur": 0.9, "jpeg": 0.25, "noise": None},
        "statistics_baseline": {"Mass": figure(0.6)},
        "macro_auc": figure(0.7),
        "worst": figure(0.25, condition="jpeg"),
        "heatmaps": None,
    }
    return record | changes


def test_the_table_of_main_figures() -> None:
    rows = headline(classes()).splitlines()
    assert rows[0] == "| figure | as they are | under the worst of 2 perturbations |"
    assert rows[2] == "| AUC | 0.800 [0.700, 0.900] | 0.500 [0.400, 0.600] (blur) |"
    assert rows[3] == "| balanced accuracy | 0.800 [0.700, 0.900] |  |"
    assert rows[-2] == "| 3-class accuracy | 0.600 [0.500, 0.700] |  |"
    assert rows[-1] == "| expected calibration error | 0.013 | 0.050 on average |"


def test_two_classes_have_no_class_accuracy() -> None:
    assert "2-class accuracy" not in headline(classes(classes=2))


def test_figures_of_classes() -> None:
    text = figures_of(tiny_meta(validation=classes()))
    assert text.startswith(headline(classes()))
    assert "alone reach AUC 0.600 [0.500, 0.700] for pneumonia and\n0.300" in text
    assert "0.300 [0.200, 0.400] for bacterial against viral\non the same films." in text
    assert "on 8 films composed of a healthy and an ill half" in text
    assert "0.700 [0.600, 0.800] of the heat (0.5 is chance)" in text
    assert "cell on 25% of the ill films." in text
    # The worst balanced accuracy first.
    assert text.index("| jpeg | 0.400") < text.index("| blur | 0.500")


def test_a_bundle_without_kinds_has_no_baseline_of_kinds() -> None:
    text = figures_of(tiny_meta(kinds=(), validation=classes()))
    assert "0.600 [0.500, 0.700] for pneumonia\non the same films." in text


def test_figures_of_findings() -> None:
    text = figures_of(findings_meta(validation=findings()))
    assert (
        "| Mass | 3 | 5 | 2 | 0.700 [0.600, 0.800] | 0.700 [0.600, 0.800] "
        "| 0.700 [0.600, 0.800] | 0.600 [0.500, 0.700] |"
    ) in text
    unknown = " | ".join(["not measurable"] * 4)
    assert f"| Nodule | 3 | 5 | 2 | {unknown} |" in text
    assert "under the worst of 3 perturbations (jpeg)\n0.250 [0.150, 0.350]." in text
    assert "**Heatmaps**: not measured" in text
    # The lowest AUC first; without one there is no row.
    assert text.endswith("| jpeg | 0.250 |\n| blur | 0.900 |")
