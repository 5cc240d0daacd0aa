"""Bundles from before ``bundle.json`` said what its verdicts mean."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pneumoscope.bundle import META, SHIPPED, Bundle, open_bundle, write_bundle
from pneumoscope.errors import BundleMismatch
from tiny import tiny_files, tiny_meta


@pytest.fixture
def copy(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))


def as_format_1(folder: Path) -> None:
    """Takes from ``bundle.json`` what the former format did not have."""
    content = json.loads((folder / META).read_text())
    for key in ("kinds", "kinds_warning", "warnings"):
        del content[key]
    for key in ("attribution", "licence"):
        content["data"].pop(key, None)
    (folder / META).write_text(json.dumps(content | {"format": 1}))


def test_the_former_format_is_read_as_the_code_read_it(copy: Path) -> None:
    as_format_1(copy)
    assert open_bundle(copy).meta == tiny_meta()


def test_the_shipped_bundle_loses_nothing_by_way_of_the_former_format(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "former"))
    as_format_1(folder)
    former = open_bundle(folder)
    assert former.meta == open_bundle().meta
    assert former.meta.data["licence"] == "CC BY 4.0"
    # What is written again is of the present format.
    kept = {path.name: path for path in folder.iterdir() if path.name != META}
    write_bundle(folder, former.meta, kept)
    assert json.loads((folder / META).read_text())["format"] == 2


def test_former_bundles_of_other_classes_have_no_sentence_about_kinds(tmp_path: Path) -> None:
    meta = tiny_meta(
        labels=("normal", "covid", "tuberculosis"),
        positive="ABNORMAL",
        kinds=("covid", "tuberculosis"),
        kinds_warning="",
    )
    written = write_bundle(tmp_path / "b", meta, tiny_files(tmp_path / "parts"))
    as_format_1(written.path)
    assert open_bundle(written.path).meta == meta


def test_the_former_format_is_read_from_a_checked_in_file(copy: Path) -> None:
    # As version 1 wrote it, key by key.
    files = json.loads((copy / META).read_text())["files"]
    content = {
        "format": 1, "name": "old", "version": "3", "task": "binary",
        "labels": ["NORMAL", "PNEUMONIA"], "negative": "NORMAL", "positive": "PNEUMONIA",
        "size": 32, "source_size": 224,
        "calibration": {"scale": [1.0], "offset": [0.5], "kinds_temperature": 1.0, "prevalence": 0.25},
        "conformal": None,
        "operating_points": [
            {"name": "balanced", "threshold": 0.4, "rule": "by hand", "finding": None}
        ],
        "default_operating_point": "balanced",
        "population": {"text": "adults", "age_years": None, "views": ["PA"]},
        "intended_use": "Tests.", "recipe": {}, "data": {"source": "nobody's"}, "validation": {},
        "files": files,
    }  # fmt: skip
    (copy / META).write_text(json.dumps(content))
    bundle = open_bundle(copy)
    assert (bundle.title, bundle.meta.kinds, bundle.meta.warnings) == ("old 3", (), ())
    assert bundle.meta.kinds_warning == ""
    assert bundle.meta.data == {"source": "nobody's"}  # no licence is made up
    assert bundle.meta.calibration.offset == (0.5,)
    assert (bundle.meta.gate, bundle.meta.explanation) == (None, None)


@pytest.mark.parametrize("key", ["labels", "negative", "data", "operating_points", "positive"])
def test_a_former_bundle_without_what_it_needs(copy: Path, key: str) -> None:
    as_format_1(copy)
    content = json.loads((copy / META).read_text())
    del content[key]
    (copy / META).write_text(json.dumps(content))
    with pytest.raises(BundleMismatch, match="malformed"):
        open_bundle(copy)
