"""The synthetic films that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.images import samples
from pneumoscope.images.samples import sample_films


def test_films_of_a_clone_of_an_installed_package_and_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [
        "normal-1.png",
        "normal-2.png",
        "pneumonia-1.png",
        "pneumonia-2.png",
        "pneumonia-3.dcm",
    ]
    assert [path.name for path in sample_films()] == names
    package = tmp_path / "lib" / "pneumoscope"
    monkeypatch.setattr(samples, "_PACKAGE", package)
    assert sample_films() == ()
    (package / "samples").mkdir(parents=True)
    (package / "samples" / "normal-1.png").touch()
    (package / "samples" / "README.md").touch()
    assert [path.name for path in sample_films()] == ["normal-1.png"]
