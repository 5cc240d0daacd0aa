"""A model folder is read and written whole, and whatever was changed in it is noticed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from pneumoscope.bundle import (
    CARD,
    GATE,
    GOLDEN,
    META,
    MODEL,
    Bundle,
    folder,
    open_bundle,
    sha256_of,
    write_bundle,
)
from pneumoscope.errors import (
    BundleDamaged,
    BundleMismatch,
    BundleMissing,
    DiskFull,
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "malformed"),
        ("null", "malformed"),
        ("[]", "malformed"),
        ("7", "malformed"),
        ("{}", "malformed"),
        ('{"format": 2', "malformed"),
        ('{"format": "2"}', "format 2"),
        ('{"format": 0}', "format 0"),
        ('{"format": 3}', "format 3"),
        ('{"format": null}', "format None"),
        ('{"format": 2}', "older pneumoscope"),
        ('{"format": 2, "calibration": {}}', "malformed"),
        ('{"format": 1, "calibration": {}, "files": {}}', "malformed"),
    ],
)
def test_what_is_no_content_of_a_bundle(copy: Path, text: str, words: str) -> None:
    (copy / META).write_text(text)
    with pytest.raises(BundleMismatch, match=words) as error:
        open_bundle(copy)
    assert str(error.value).startswith("bundle copy: ")
    assert error.value.hint == "Export the bundle again with this version of pneumoscope."


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", float("inf")),
        ("source_size", float("inf")),
        ("size", float("nan")),
        ("population", {"text": "x", "age_years": [1], "views": []}),
        ("population", {"text": "x", "age_years": 3, "views": []}),
        ("population", {"text": "x", "age_years": None, "views": 7}),
        ("labels", 3),
        ("labels", None),
        ("warnings", None),
        ("kinds_warning", None),
        ("gate", {"limits": {"blur": "high"}, "measured": {}}),
        ("gate", {"limits": 3, "measured": {}}),
        ("explanation", {"limits": {"fast": "half"}}),
        ("recipe", 3),
        ("operating_points", []),
        ("operating_points", "balanced"),
    ],
)
def test_values_of_a_wrong_kind_are_a_mismatch(copy: Path, key: str, value: object) -> None:
    content = json.loads((copy / META).read_text())
    (copy / META).write_text(json.dumps(content | {key: value}))
    if (key, value) == ("kinds_warning", None):
        assert open_bundle(copy).meta.kinds_warning == "None"
        return
    with pytest.raises(BundleMismatch, match="malformed"):
        open_bundle(copy)


@pytest.mark.parametrize("name", [MODEL, GOLDEN, CARD])
def test_every_file_of_a_bundle_is_listed(copy: Path, name: str) -> None:
    content = json.loads((copy / META).read_text())
    del content["files"][name]
    (copy / META).write_text(json.dumps(content))
    with pytest.raises(BundleMismatch, match=f"bundle.json does not list {name}"):
        open_bundle(copy)


def test_a_bundle_with_a_gate_lists_its_file(copy: Path) -> None:
    content = json.loads((copy / META).read_text())
    content["gate"] = {"limits": {}, "measured": {}}
    (copy / META).write_text(json.dumps(content))
    with pytest.raises(BundleMismatch, match=f"does not list {GATE}"):
        open_bundle(copy)


def test_a_file_that_is_a_folder_or_empty(copy: Path) -> None:
    (copy / MODEL).unlink()
    (copy / MODEL).mkdir()
    with pytest.raises(BundleMissing, match=r"model\.onnx is missing or unreadable"):
        open_bundle(copy)
    (copy / MODEL).rmdir()
    (copy / MODEL).write_bytes(b"")
    with pytest.raises(BundleDamaged, match=r"model\.onnx does not match") as error:
        open_bundle(copy)
    assert error.value.hint


def test_files_that_the_bundle_does_not_list_do_no_harm(copy: Path, tiny_bundle: Bundle) -> None:
    (copy / "notes.txt").write_text("of a reader")
    assert open_bundle(copy).sha256 == tiny_bundle.sha256


def test_numbers_that_json_does_not_know_are_not_written(tmp_path: Path) -> None:
    target = tmp_path / "out" / "b"
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_bundle(
            target, tiny_meta(validation={"auc": float("nan")}), tiny_files(tmp_path / "p")
        )
    assert list(target.parent.iterdir()) == []


def test_a_full_disk_is_an_error_with_a_hint_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = tiny_files(tmp_path / "parts")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull) as error:
        write_bundle(tmp_path / "out" / "b", tiny_meta(), files)
    assert "Free some space" in error.value.hint
    assert list((tmp_path / "out").iterdir()) == []


def test_an_empty_folder_becomes_a_bundle_that_others_can_read(tmp_path: Path) -> None:
    target = tmp_path / "b"
    target.mkdir(mode=0o700)
    written = write_bundle(target, tiny_meta(), tiny_files(tmp_path / "parts"))
    assert written.path == target
    assert target.stat().st_mode & 0o777 == 0o755


def test_hashes_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    # printf x | sha256sum
    assert sha256_of(tmp_path / "x") == (
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    )


def test_lists_of_numbers_take_a_line_and_lists_of_words_one_each() -> None:
    text = json.dumps({"a": [1, -2.5, 3e-05], "b": ["x", "y"], "c": [], "d": [[1, 2]]}, indent=2)
    short = folder._lists_on_one_line(text)
    assert json.loads(short) == json.loads(text)
    assert '"a": [1, -2.5, 3e-05]' in short
    assert '"b": [\n    "x",\n    "y"\n  ]' in short
    assert "[1, 2]" in short


def test_a_bundle_that_contradicts_itself_does_not_replace_another(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    target = tmp_path / "b"
    write_bundle(target, tiny_meta(), tiny_files(tmp_path / "parts"))
    with pytest.raises(BundleMismatch, match=r"bundle b: bundle\.json is malformed"):
        write_bundle(target, tiny_meta(positive="NORMAL"), tiny_files(tmp_path / "parts"))
    assert open_bundle(target).sha256 == tiny_bundle.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "parts"]
