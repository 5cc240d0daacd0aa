"""A model folder is read and written whole, and whatever was changed in it is noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pneumoscope.bundle import META, Bundle, open_bundle, write_bundle
from pneumoscope.errors import (
    BundleDamaged,
    BundleMismatch,
    BundleMissing,
    UnknownOperatingPoint,
    UsageError,
)
from pneumoscope.records import Population
from tiny import scored_meta, tiny_files, tiny_meta

CALIBRATION = {"scale": [1.0], "offset": [0.0], "kinds_temperature": 1.0, "prevalence": None}
SIDES = {"negative": [0.5], "positive": [0.5]}


@pytest.fixture
def copy(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))


def test_a_written_bundle_reads_back_equal(tiny_bundle: Bundle) -> None:
    assert open_bundle(tiny_bundle.path).meta == tiny_meta()


def test_scores_read_back_equal_and_take_a_line_each(tmp_path: Path) -> None:
    meta = scored_meta()
    written = write_bundle(tmp_path / "b", meta, tiny_files(tmp_path / "parts"))
    assert written.meta == meta
    text = (written.path / META).read_text()
    assert '"negative": [0.2, 0.8, 0.8,' in text
    assert max(map(len, text.splitlines())) < 1000


def test_a_bundle_with_one_temperature_is_of_an_older_pneumoscope(copy: Path) -> None:
    content = json.loads((copy / META).read_text())
    del content["calibration"], content["conformal"]
    (copy / META).write_text(json.dumps(content | {"temperature": 0.89}))
    with pytest.raises(BundleMismatch, match="older pneumoscope"):
        open_bundle(copy)


def test_a_population_that_nobody_knows_reads_back(tmp_path: Path) -> None:
    meta = tiny_meta(population=Population("unknown", None, ()))
    written = write_bundle(tmp_path / "b", meta, tiny_files(tmp_path / "parts"))
    assert open_bundle(written.path).meta == meta


def test_limits_of_explanations_read_back(tmp_path: Path) -> None:
    meta = tiny_meta(explanation={"limits": {"fast": 0.25}, "films": 200})
    assert write_bundle(tmp_path / "b", meta, tiny_files(tmp_path / "parts")).meta == meta


def test_bundles_from_before_there_were_limits_can_be_read(copy: Path) -> None:
    content = json.loads((copy / "bundle.json").read_text())
    del content["explanation"]
    (copy / "bundle.json").write_text(json.dumps(content))
    assert open_bundle(copy).meta.explanation is None


def test_the_hash_depends_on_the_content_only(tiny_bundle: Bundle, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "b", tiny_meta(), tiny_files(tmp_path / "parts"))
    other = write_bundle(tmp_path / "c", tiny_meta(version="2"), tiny_files(tmp_path / "parts"))
    assert again.sha256 == tiny_bundle.sha256 != other.sha256


@pytest.mark.parametrize("file", ["model.onnx", "golden.npz", "README.md"])
def test_a_changed_file_is_noticed(copy: Path, file: str) -> None:
    with (copy / file).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(BundleDamaged, match=file.replace(".", r"\.")):
        open_bundle(copy)


@pytest.mark.parametrize("file", ["model.onnx", "golden.npz", "README.md", "bundle.json"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(BundleMissing, match=file.replace(".", r"\.")):
        open_bundle(copy)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="no such folder"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 99),
        ("size", "many"),
        ("labels", ["only"]),
        ("negative", "other"),
        ("negative", None),
        ("task", "multilabel"),
        ("task", "segmentation"),
        ("labels", ["normal", "viral", "viral"]),
        ("operating_points", [{"name": "x"}]),
        ("population", None),
        ("source_size", 0),
        (
            "operating_points",
            [{"name": "balanced", "threshold": float("nan"), "rule": "", "finding": None}],
        ),
        ("operating_points", [{"name": "balanced", "threshold": 1.0, "rule": "", "finding": None}]),
        ("calibration", {"scale": [1.0], "offset": [0.0], "kinds_temperature": 1.0}),
        ("calibration", CALIBRATION | {"scale": [-1.0]}),
        ("calibration", CALIBRATION | {"scale": [float("nan")]}),
        ("calibration", CALIBRATION | {"offset": [0.0, 1.0]}),
        ("calibration", CALIBRATION | {"kinds_temperature": 0}),
        ("calibration", CALIBRATION | {"prevalence": 1.2}),
        ("conformal", {"questions": {}, "kinds": {}}),
        ("conformal", {"questions": {"TUBERCULOSIS": SIDES}, "kinds": {}}),
        ("conformal", {"questions": {"PNEUMONIA": SIDES}, "kinds": {"fungal": [0.5]}}),
        ("conformal", {"questions": {"PNEUMONIA": SIDES | {"positive": [0.9, 0.2]}}, "kinds": {}}),
        ("conformal", {"questions": {"PNEUMONIA": SIDES | {"negative": [1.2]}}, "kinds": {}}),
        ("files", {}),
        ("files", 3),
    ],
)
def test_malformed_metadata_is_a_mismatch(copy: Path, key: str, value: object) -> None:
    content = json.loads((copy / META).read_text())
    (copy / META).write_text(json.dumps(content | {key: value}))
    with pytest.raises(BundleMismatch):
        open_bundle(copy)


def test_metadata_that_is_not_json(copy: Path) -> None:
    (copy / META).write_bytes(b"\xff\xfe{")
    with pytest.raises(BundleMismatch, match="malformed"):
        open_bundle(copy)


def test_the_default_operating_point_must_exist(copy: Path) -> None:
    content = json.loads((copy / META).read_text())
    (copy / META).write_text(json.dumps(content | {"default_operating_point": "none"}))
    with pytest.raises(BundleMismatch):
        open_bundle(copy)


def test_operating_points_by_name(tiny_bundle: Bundle) -> None:
    assert tiny_bundle.meta.operating_point().name == "balanced"
    assert tiny_bundle.meta.operating_point("screen").threshold == 0.1
    with pytest.raises(UnknownOperatingPoint) as caught:
        tiny_bundle.meta.operating_point("scren")
    assert "balanced, screen" in caught.value.hint


def test_writing_replaces_a_bundle_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out" / "bundle"
    files = tiny_files(tmp_path / "parts")
    write_bundle(target, tiny_meta(), files)
    assert write_bundle(target, tiny_meta(version="2"), files).meta.version == "2"
    assert [p.name for p in target.parent.iterdir()] == ["bundle"]


def test_writing_refuses_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        write_bundle(tmp_path / "precious", tiny_meta(), tiny_files(tmp_path / "parts"))
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "x"


def test_a_failed_swap_leaves_the_old_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out" / "bundle"
    files = tiny_files(tmp_path / "parts")
    before = write_bundle(target, tiny_meta(), files)
    replace = Path.replace

    def failing(self: Path, other: Path) -> Path:
        if other == target and not self.name.endswith("-old"):
            raise OSError("no space left")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="no space"):
        write_bundle(target, tiny_meta(version="2"), files)
    assert open_bundle(target).sha256 == before.sha256
    assert [p.name for p in target.parent.iterdir()] == ["bundle"]


def test_a_failed_write_leaves_the_old_bundle(tmp_path: Path) -> None:
    target = tmp_path / "out" / "bundle"
    files = tiny_files(tmp_path / "parts")
    before = write_bundle(target, tiny_meta(), files)
    with pytest.raises(FileNotFoundError):
        write_bundle(target, tiny_meta(version="2"), files | {"model.onnx": tmp_path / "no"})
    assert open_bundle(target).sha256 == before.sha256
    assert [p.name for p in target.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("kinds", [["normal", "viral"], ["fungal"], "viral", None])
def test_kinds_are_positive_classes(copy: Path, kinds: object) -> None:
    content = json.loads((copy / META).read_text())
    (copy / META).write_text(json.dumps(content | {"kinds": kinds}))
    with pytest.raises(BundleMismatch, match="malformed"):
        open_bundle(copy)
