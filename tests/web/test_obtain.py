"""Where the packages come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from npm_packages import DECODER, RUNTIME, archive
from pneumoscope.errors import UsageError
from pneumoscope.web import obtain as module
from pneumoscope.web.obtain import obtain

NPM = """#!/bin/sh
[ "$5 $6" = "{served} " ] || {{ echo "npm error 404 $5 $6" >&2; exit 1; }}
cp "{archive}" "$4"
"""
"""Serves one package; like npm, it gives none if it lacks one of several."""


@pytest.fixture(autouse=True)
def tiny_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", (RUNTIME, DECODER))
    monkeypatch.setattr(module, "RUNTIME", RUNTIME)


@pytest.fixture
def no_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for programs, without npm."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/bin")
    monkeypatch.setattr("shutil.which", lambda name: next((str(p) for p in programs.glob(name)), None))  # fmt: skip
    return programs


def test_everything_from_a_folder(tmp_path: Path, no_npm: Path) -> None:
    archive(tmp_path, RUNTIME)
    archive(tmp_path, DECODER)
    said: list[str] = []
    files, missing = obtain(tmp_path, said.append)
    assert set(files) == {"runtime/ort.js", "runtime/ort-wasm.wasm", "codecs/decoder.js"}
    assert (missing, said) == ((), [])


def test_a_decoder_may_be_missing_but_not_the_runtime(tmp_path: Path, no_npm: Path) -> None:
    files, missing = obtain(archive(tmp_path, RUNTIME))
    assert set(files) == {"runtime/ort.js", "runtime/ort-wasm.wasm"}
    assert missing == (DECODER,)
    with pytest.raises(UsageError, match="there is no npm") as error:
        obtain(archive(tmp_path, DECODER))
    assert "npm pack onnxruntime-web@" in error.value.hint


def test_what_a_place_lacks_comes_from_npm(tmp_path: Path, no_npm: Path) -> None:
    script = no_npm / "npm"
    script.write_text(NPM.format(served=RUNTIME.title, archive=archive(tmp_path, RUNTIME)))
    script.chmod(0o755)
    said: list[str] = []
    files, missing = obtain(archive(tmp_path, DECODER), said.append)
    assert set(files) == {"runtime/ort.js", "runtime/ort-wasm.wasm", "codecs/decoder.js"}
    assert (missing, said) == ((), ["obtaining tiny-runtime@1.2.3 by npm"])
    _, missing = obtain(None)  # npm does not know the decoder
    assert missing == (DECODER,)


def test_what_npm_says_is_passed_on(tmp_path: Path, no_npm: Path) -> None:
    script = no_npm / "npm"
    script.write_text(NPM.format(served="nothing", archive=tmp_path))
    script.chmod(0o755)
    with pytest.raises(UsageError, match="npm error 404 tiny-runtime"):
        obtain(None)


@pytest.mark.parametrize("make", [False, True])
def test_a_place_without_packages(tmp_path: Path, make: bool) -> None:
    place = tmp_path / "place"
    if make:
        place.mkdir()
    with pytest.raises(UsageError, match=r"no such folder|contains no package"):
        obtain(place)
