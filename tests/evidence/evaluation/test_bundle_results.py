"""All results of one bundle: what these films cannot show about it, and why a section is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import settings
from pneumoscope.bundle import BundleMeta
from pneumoscope.evidence.evaluation.bundle_results import bundle_result
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.results import BundleResult
from pneumoscope.evidence.evaluation.truth import UNKNOWN, Truth
from pneumoscope.evidence.evaluation.work import Work
from reported import films, outcomes_of
from tiny import findings_meta, scored_meta, tiny_meta

N = 60


def result_of(
    tmp_path: Path, meta: BundleMeta, truth: Truth, *sections: str, refused: int = 0
) -> BundleResult:
    """A bundle whose network is never asked: everything comes from its predictions."""
    rng = np.random.default_rng(3)
    p = rng.dirichlet((1, 1, 1), N)
    evaluated = films()
    bundle: Any = SimpleNamespace(meta=meta, path=tmp_path / "tiny", sha256="a" * 64)
    predicted = Predicted(
        title="tiny 1",
        classifier=SimpleNamespace(bundle=bundle),  # type: ignore[arg-type]
        truth=truth,
        p=p,
        outcomes=outcomes_of(p, meta, refused),
        pixels=np.zeros((N, 8, 8), np.uint8),
        hashes=("",) * N,
        patients=tuple(film.patient for film in evaluated.films),
        training=None,
        seconds=(1.23456, 2.34567),
    )
    context = Context(settings(sections=sections), Work(tmp_path), lambda *_: None)
    return bundle_result(predicted, evaluated, context)


def classes(*known: int) -> Truth:
    """These classes again and again."""
    values = np.array([known[i % len(known)] for i in range(N)])
    targets = np.where(values == UNKNOWN, np.nan, values > 0).astype(float)
    return Truth(targets[:, None], values, {})


def test_a_bundle_is_named_with_its_hash_and_speed(tmp_path: Path) -> None:
    result = result_of(tmp_path, tiny_meta(), classes(0, 1, 2))
    assert (result.title, result.folder, result.sha256) == ("tiny 1", "tiny", "a" * 64)
    assert (result.seconds_per_thousand, result.cpu_seconds_per_thousand) == (1.235, 2.346)
    assert result.warnings == ()
    assert not result.overlap.known


def test_every_section_that_was_left_out_says_so(tmp_path: Path) -> None:
    result = result_of(tmp_path, scored_meta(), classes(0, 1, 2))
    assert dict(result.silences) == dict.fromkeys(
        ("calibration", "decision", "conformal", "subgroups", "gallery", "robustness", "anatomy",
         "localisation", "sanity"), "left out on request",
    )  # fmt: skip


def test_conformal_sets_without_limits_and_films_say_why(tmp_path: Path) -> None:
    result = result_of(tmp_path, tiny_meta(), classes(1, 2), "conformal")
    assert result.silences["conformal"] == (
        "the bundle has no limits for conformal sets, and the films that the gate lets pass are of "
        "one class, or of one patient"
    )
    # With limits, or with films of both classes, something can be said.
    assert "conformal" not in result_of(tmp_path, scored_meta(), classes(1), "conformal").silences
    assert "conformal" not in result_of(tmp_path, tiny_meta(), classes(0, 1), "conformal").silences


@pytest.mark.parametrize(
    ("truth", "warnings"),
    [
        (
            classes(1, 2),
            (
                "PNEUMONIA: all films are PNEUMONIA, so there is no ROC AUC, and no specificity",
                "no film of class normal",
            ),
        ),
        (
            classes(0),
            (
                "PNEUMONIA: all films are normal, so there is no ROC AUC, and no sensitivity",
                "no film of class bacterial, viral",
            ),
        ),
        (classes(0, 1), ("no film of class viral",)),
    ],
)
def test_classes_without_films_are_named(
    tmp_path: Path, truth: Truth, warnings: tuple[str, ...]
) -> None:
    assert result_of(tmp_path, tiny_meta(), truth).warnings == warnings


def test_labels_that_mean_nothing_are_counted(tmp_path: Path) -> None:
    whole = classes(0, 1, UNKNOWN)
    truth = Truth(whole.targets, whole.classes, {"tuberculosis": 19, "cardiomegaly": 1})
    assert result_of(tmp_path, tiny_meta(), truth).warnings == (
        "films labelled cardiomegaly, which says nothing to this bundle, left out: 1",
        "films labelled tuberculosis, which says nothing to this bundle, left out: 19",
        "films whose label does not tell which class of this bundle: 20",
    )


def test_films_that_are_ill_in_an_unknown_way_are_no_missing_class(tmp_path: Path) -> None:
    whole = classes(0, 1, 2)
    values = np.array(whole.classes)
    values[values == 2] = UNKNOWN
    result = result_of(tmp_path, tiny_meta(), Truth(whole.targets, values, {}))
    assert result.warnings == ("films whose label does not tell which class of this bundle: 20",)


def test_findings_that_no_label_tells_are_named(tmp_path: Path) -> None:
    targets = np.full((N, 3), np.nan)
    targets[:, 1] = np.arange(N) % 2
    result = result_of(tmp_path, findings_meta(), Truth(targets, None, {}))
    assert [target.name for target in result.targets] == ["Mass"]
    assert result.warnings == ("findings that the films' labels do not tell: Device, Nodule",)
    assert result.classes is None
    assert result.findings is not None
