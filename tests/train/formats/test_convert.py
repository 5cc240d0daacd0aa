"""Bundles in other formats, checked before they are put in place."""

from __future__ import annotations

import errno
import json
import os
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn

    from pneumoscope.train.formats import convert

from command_line import run
from pneumoscope import bundle as bundles
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ConversionError, DataError, DiskFull, UsageError

# Keras' own saving warns under NumPy 2.
pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning"),
]

FLOAT = ("keras", "savedmodel", "onnx", "litert")


def quiet(text: str) -> None:
    pass


@pytest.mark.parametrize("name", FLOAT)
def test_every_format_gives_the_same(name: str, conv_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out" / "export"
    done = convert.export(conv_bundle, name, out, None, quiet)
    assert done.path == out
    assert [p.name for p in out.parent.iterdir()] == ["export"]
    assert done.parity.max_dp <= 1e-4
    assert done.parity.drawn
    assert done.parity.auc is None
    assert done.megabytes > 0
    assert done.latency_ms > 0


def test_int8_wants_films(conv_bundle: Bundle, labelled_films: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="calibration") as caught:
        convert.export(conv_bundle, "litert-int8", tmp_path / "m", None, quiet)
    assert "--films" in caught.value.hint
    few = tmp_path / "few"
    few.mkdir()
    (few / "0.png").write_bytes((labelled_films / "NORMAL" / "0.png").read_bytes())
    with pytest.raises(DataError, match="32 films"):
        convert.export(conv_bundle, "litert-int8", tmp_path / "m", few, quiet)
    assert not (tmp_path / "m").exists()


def test_a_format_that_differs_is_not_written(
    conv_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = convert.FORMATS["onnx"]
    wrong = replace(whole, load=lambda path: lambda films: np.roll(whole.load(path)(films), 1, 1))
    monkeypatch.setattr(convert, "FORMATS", {"onnx": whole, "wrong": wrong})
    (tmp_path / "old").write_text("before")
    with pytest.raises(ConversionError, match="exceeds") as caught:
        convert.export(conv_bundle, "wrong", tmp_path / "old", None, quiet)
    assert "Nothing was written" in caught.value.hint
    assert (tmp_path / "old").read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["old"]


def test_an_auc_that_differs_is_an_error() -> None:
    near = convert.Parity(100, False, 0.005, 0.001, 0, 0.950, 0.952)
    convert._check_parity("litert", near)
    with pytest.raises(ConversionError, match=r"AUC differs by 0\.0040"):
        convert._check_parity("litert", replace(near, auc=0.948))
    with pytest.raises(ConversionError, match="mean"):
        convert._check_parity("litert-int8", replace(near, mean_dp=0.031))
    with pytest.raises(ConversionError, match="exceeds"):
        convert._check_parity("litert", replace(near, max_dp=float("nan")))


def test_older_exports_are_replaced_and_nothing_else(tiny_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "saved"
    convert.export(tiny_bundle, "savedmodel", out, None, quiet)
    (out / "stale").write_text("x")
    convert.export(tiny_bundle, "savedmodel", out, None, quiet)
    assert not (out / "stale").exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("x")
    for name in ("savedmodel", "onnx"):
        with pytest.raises(UsageError, match="is not an export of this format"):
            convert.export(tiny_bundle, name, precious, None, quiet)
    assert (precious / "thesis.txt").read_text() == "x"


def test_wrong_wishes(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown") as caught:
        convert.export(tiny_bundle, "coreml", tmp_path / "x", None, quiet)
    assert "litert" in caught.value.hint
    with pytest.raises(DataError, match="no such folder"):
        convert.export(tiny_bundle, "onnx", tmp_path / "x", tmp_path / "nowhere", quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no film can be read"):
        convert.export(tiny_bundle, "onnx", tmp_path / "x", tmp_path / "empty", quiet)
    assert not (tmp_path / "x").exists()


def test_the_command(
    tiny_bundle: Bundle, film_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    done = run("export", tiny_bundle.path, "--films", film_files, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["format"], facts["path"], facts["parity"]["films"]) == ("onnx", "tiny.onnx", 2)
    assert (work / "tiny.onnx").read_bytes() == tiny_bundle.model.read_bytes()
    plain = run("export", tiny_bundle.path, "--format", "litert")
    assert "verdicts changed" in plain.stdout, plain.stderr
    assert (work / "tiny.tflite").is_file()


@pytest.mark.parametrize("arguments", [["nowhere"], ["--format", "coreml"], ["--films", "nowhere"]])
def test_the_command_says_what_is_wrong(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("export", *arguments)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_real_films(films_dir: Path, tmp_path: Path) -> None:
    """The shipped bundle in float LiteRT, on a few films of either class."""
    done = convert.export(
        bundles.open_bundle(), "litert", tmp_path / "m.tflite", films_dir / "chest_xray" / "val", quiet
    )  # fmt: skip
    assert done.parity.max_dp <= 1e-3
    assert done.parity.auc == pytest.approx(done.parity.auc_onnx, abs=1e-3)


def test_an_export_that_does_not_fit(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DiskFull, match=r"out\.onnx"):
        convert.export(tiny_bundle, "onnx", tmp_path / "out.onnx", None, lambda _: None)
    assert list(tmp_path.iterdir()) == []
