"""Pinned files from packages of npm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from npm_packages import CONTENT, DECODER, RUNTIME, archive
from pneumoscope.errors import UsageError
from pneumoscope.web.packages import PACKAGES, contents

FILES = {
    "runtime/ort.js": CONTENT["dist/ort.mjs"],
    "runtime/ort-wasm.wasm": CONTENT["dist/ort.wasm"],
}


def test_files_are_taken_from_an_archive_or_a_folder_of_archives(tmp_path: Path) -> None:
    path = archive(tmp_path, RUNTIME)
    archive(tmp_path, DECODER)
    assert contents(RUNTIME, path) == FILES
    assert contents(RUNTIME, tmp_path) == FILES
    assert contents(DECODER, tmp_path) == {"codecs/decoder.js": b"var Decoder = 1;\n"}
    assert contents(DECODER, path) is None


@pytest.mark.parametrize("below", ["", "package", "tiny-runtime", "node_modules/tiny-runtime"])
def test_files_are_taken_from_unpacked_packages(tmp_path: Path, below: str) -> None:
    (tmp_path / below / "dist").mkdir(parents=True)
    for file in RUNTIME.files:
        (tmp_path / below / file.path).write_bytes(CONTENT[file.path])
    assert contents(RUNTIME, tmp_path) == FILES
    assert contents(DECODER, tmp_path) is None


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, RUNTIME, ort=b"other")
    with pytest.raises(UsageError, match="its checksum differs") as error:
        contents(RUNTIME, path)
    assert error.value.hint == "Give this version: npm pack tiny-runtime@1.2.3"


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\0"])
def test_a_broken_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not an archive that npm wrote"):
        contents(RUNTIME, path)


def test_every_package_is_pinned() -> None:
    for package in PACKAGES:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package.version)
        assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in package.files)
        assert set(package.licence.split(" AND ")) <= {
            *("MIT", "BSD-2-Clause", "BSD-3-Clause"),
        }
    targets = [file.target for package in PACKAGES for file in package.files]
    assert len(targets) == len(set(targets))
