"""What labels mean to a bundle, subgroups, severities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.bundle import Bundle
from pneumoscope.data import tables
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.data.stress import severities, stress_suite
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.column_values import OTHERS
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
from pneumoscope.evidence.evaluation.questions import Question
from pneumoscope.evidence.evaluation.settings import Settings
from pneumoscope.evidence.evaluation.subgroups import subgroups
from pneumoscope.evidence.evaluation.truth import UNKNOWN, truth_of
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.records import OperatingPoint
from tiny import findings_meta, tiny_meta

ONE, NO, HUH = 1.0, 0.0, None


def listed(names: tuple[str, ...], *rows: tuple[float | None, ...], findings: bool) -> Listing:
    entries = tuple(
        Entry(Path(f"{i}.png"), f"{i}.png", row, f"p{i}", True, None) for i, row in enumerate(rows)
    )
    return Listing("manifest", findings, names, entries, "drawn")


def truth(found: Listing, **meta: object) -> tuple[list[float], list[int]]:
    bundle = Bundle(Path(), tiny_meta(**meta), "")
    told = truth_of(found.entries, found, bundle)
    assert told.classes is not None
    return told.targets[:, 0].tolist(), told.classes.tolist()


def same(found: list[float], wanted: list[float]) -> bool:
    return np.array_equal(found, wanted, equal_nan=True)


def test_sub_types_and_any_capitals_are_known() -> None:
    found = listed(
        ("Normal", "Virus", "BACTERIAL", "Pneumonia", "Covid"),
        (ONE, NO, NO, NO, NO), (NO, ONE, NO, NO, NO), (NO, NO, ONE, NO, NO),
        (NO, NO, NO, ONE, NO), (NO, NO, NO, NO, ONE), (HUH,) * 5,
        findings=False,
    )  # fmt: skip
    targets, classes = truth(found)
    assert same(targets, [0, 1, 1, 1, np.nan, np.nan])
    assert classes == [0, 2, 1, UNKNOWN, UNKNOWN, UNKNOWN]


def test_of_findings_only_pneumonia_and_no_finding_count() -> None:
    found = listed(
        ("No Finding", "Pneumonia", "Mass"),
        (ONE, NO, NO), (NO, ONE, ONE), (NO, NO, ONE), (NO, HUH, NO),
        findings=True,
    )  # fmt: skip
    targets, classes = truth(found, task="binary", labels=("normal", "pneumonia"), kinds=())
    assert same(targets, [0, 1, np.nan, np.nan])
    assert classes == [0, 1, UNKNOWN, UNKNOWN]
    # To a bundle for anything abnormal a mass counts.
    targets, _ = truth(
        found, task="binary", labels=("normal", "abnormal"), positive="ABNORMAL", kinds=()
    )
    assert same(targets, [0, 1, 1, np.nan])


def test_a_single_column_of_ones_and_zeros_is_enough() -> None:
    found = listed(("pneumonia",), (ONE,), (NO,), (HUH,), findings=True)
    targets, classes = truth(found)
    assert same(targets, [1, 0, np.nan])
    assert classes == [UNKNOWN, 0, UNKNOWN]


def test_findings_of_folders_are_not_denied_by_other_folders() -> None:
    found = listed(
        ("NORMAL", "mass", "Hernia"), (ONE, NO, NO), (NO, ONE, NO), (NO, NO, ONE), findings=False
    )
    told = truth_of(found.entries, found, Bundle(Path(), findings_meta(), ""))
    # Device, Mass, Nodule: a normal film has none, a film of a mass may have nodules too.
    assert same(told.targets[0].tolist(), [0, 0, 0])
    assert same(told.targets[1].tolist(), [np.nan, 1, np.nan])
    assert same(told.targets[2].tolist(), [np.nan] * 3)


def test_strange_labels_are_an_error_that_names_both_sides() -> None:
    found = listed(("NORMAL", "TUBERCULOSIS"), (NO, ONE), findings=False)
    with pytest.raises(DataError, match="TUBERCULOSIS, which says nothing to the bundle tiny 1"):
        truth_of(found.entries, found, Bundle(Path(), tiny_meta(), ""))


def test_columns_of_a_table_are_found_by_film(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("Path,label,Sex\n./a/b.png,normal,F\nc.png,normal,\n")
    header, rows = tables.columns(file)
    assert header == ("Path", "label", "Sex")
    assert rows["a/b.png"]["Sex"] == "F"
    assert rows["c.png"]["Sex"] == ""


def question(p: list[float], positive: list[bool]) -> Question:
    keys = [f"p{i}" for i in range(len(p))]
    point = OperatingPoint("balanced", 0.5, "by hand")
    return Question(
        name="ILL",
        negative="normal",
        finding=None,
        column=0,
        rows=np.arange(len(p)),
        positive=np.array(positive),
        p=np.array(p),
        before=np.array(p),
        points=(point,),
        boot=Bootstrap.of(keys, 200),
    )


def films(values: list[str]) -> list[EvaluatedFilm]:
    return [
        EvaluatedFilm(f"{i}.png", "x", f"p{i}", True, "", "", "", {"place": value})
        for i, value in enumerate(values)
    ]


SETTINGS = Settings((), "all", (), ("place",), 200, 0, 1)


def test_a_group_is_held_against_all_others() -> None:
    rng = np.random.default_rng(1)
    positive = [i % 2 == 1 for i in range(200)]
    # At place B the model guesses, at A it knows.
    p = [
        float(rng.random()) if i >= 100 else 0.1 + 0.8 * ill + 0.05 * float(rng.random())
        for i, ill in enumerate(positive)
    ]
    found = subgroups(question(p, positive), films(["A"] * 100 + ["B"] * 100), 0.5, SETTINGS)
    known, guessed = found
    assert (known.value, known.films, known.patients, known.positives) == ("A", 100, 100, 50)
    assert known.figures["roc_auc"].value == 1.0
    assert guessed.figures["roc_auc"].value == pytest.approx(0.5, abs=0.15)
    gap = known.against_rest["roc_auc"]
    assert gap.first == 1.0
    assert gap.second == guessed.figures["roc_auc"].value
    assert gap.difference.low is not None
    assert gap.difference.low > 0
    assert gap.verdict.startswith("The group's figure is higher by 0.")


def test_small_groups_say_that_they_are_small() -> None:
    p = [0.2, 0.8] * 20
    found = subgroups(question(p, [False, True] * 20), films(["A"] * 4 + [""] * 36), 0.5, SETTINGS)
    assert [group.value for group in found] == ["A", "(unknown)"]
    assert "4 patients" in found[0].against_rest["roc_auc"].verdict
    assert found[0].figures["roc_auc"].value == 1.0
    assert found[0].figures["roc_auc"].low is None


def test_many_values_end_in_one_group() -> None:
    names = [f"ward {chr(97 + i % 20)}" for i in range(400)]
    found = subgroups(question([0.2, 0.8] * 200, [False, True] * 200), films(names), 0.5, SETTINGS)
    assert len(found) == 13
    assert found[-1].value == OTHERS
    assert sum(group.films for group in found) == 400


def test_severities_grow_and_keep_the_shape() -> None:
    y, x = np.mgrid[:224, :224]
    film = (128 + 60 * np.sin(x / 5.0) * np.cos(y / 9.0) + (x - y) / 8).astype(np.uint8)
    table = severities()
    kinds = list(dict.fromkeys(one.kind for one in table))
    assert len(table) == 5 * len(kinds)
    assert len({one.words + one.kind for one in table}) == len(table)
    for kind in kinds:
        own = [one for one in table if one.kind == kind]
        assert [one.level for one in own] == [1, 2, 3, 4, 5]
        changed = [one.perturb(film) for one in own]
        assert {f.shape for f in changed} == {(224, 224)}
        assert {f.dtype for f in changed} == {np.dtype(np.uint8)}
        far = [float(np.abs(f.astype(float) - film).mean()) for f in changed]
        assert far[0] > 0
        # Turning and cutting move a pattern that repeats: farther is not always less alike.
        if kind not in ("rotation", "crop"):
            assert far == sorted(far), kind
    negative = next(one for one in table if one.kind == "negative" and one.level == 5)
    assert np.array_equal(negative.perturb(film), 255 - film)


def test_severity_3_is_what_training_validates_on() -> None:
    y, x = np.mgrid[:224, :224]
    film = (128 + 60 * np.sin(x / 5.0) * np.cos(y / 9.0)).astype(np.uint8)
    suite = stress_suite()
    middle = {one.kind: one.perturb for one in severities() if one.level == 3}
    names = {
        "blur": "blur", "sharpen": "sharpen", "resolution": "low-resolution", "jpeg": "jpeg",
        "contrast-low": "contrast-low", "contrast-high": "contrast-high",
        "gamma-bright": "gamma-bright", "gamma-dark": "gamma-dark", "noise": "noise",
        "borders": "frame", "crop": "crop", "rotation": "rotation-left",
    }  # fmt: skip
    for kind, name in names.items():
        assert np.array_equal(middle[kind](film), suite[name](film)), kind
