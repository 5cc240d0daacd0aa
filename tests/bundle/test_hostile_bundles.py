"""Bundles from elsewhere that name files outside of their folder, devices, links or endless JSON."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.bundle.meta import GOLDEN, META, MODEL
from pneumoscope.errors import BundleMismatch


@pytest.fixture
def folder(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "bundle"))


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/dev/zero",
        "a/b",
        "..",
        ".",
        "",
        "a\\b",
        "C:x",
        ".hidden",
        "x" * 300,
        "a\x00b",
        "a\n",
    ],
)
def test_files_outside_of_the_folder_are_refused(folder: Path, name: str) -> None:
    content = json.loads((folder / META).read_text())
    content["files"][name] = "0" * 64
    (folder / META).write_text(json.dumps(content))
    with pytest.raises(BundleMismatch, match="no file of this folder"):
        open_bundle(folder)


@pytest.mark.parametrize("name", [MODEL, GOLDEN, META])
@pytest.mark.parametrize("kind", ["link", "device", "pipe"])
def test_links_devices_and_pipes_are_refused(
    folder: Path, tmp_path: Path, name: str, kind: str
) -> None:
    path = folder / name
    path.rename(tmp_path / "elsewhere")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    with pytest.raises(BundleMismatch, match="link or a device"):
        open_bundle(folder)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '{"format": 2, "calibration": ' + "[" * 100_000]
)
def test_deep_json_is_refused(folder: Path, text: str) -> None:
    (folder / META).write_text(text)
    with pytest.raises(BundleMismatch, match="malformed"):
        open_bundle(folder)
