"""Objects of a film are written all or not at all, each under a name of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope import files, runtime
from pneumoscope.bundle import Bundle
from pneumoscope.cli.read import reported_film
from pneumoscope.cli.read.reported_film import Reporter
from pneumoscope.errors import DiskFull
from result_films import film_bytes


def reporter(bundle: Bundle, folder: Path, *kinds: str) -> Reporter:
    return Reporter(runtime.load(bundle), folder, kinds, "R5")


def test_films_of_the_same_name_do_not_meet(tiny_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    reports = reporter(tiny_bundle, out, "sr")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "IM0001").write_bytes(film_bytes())
        reports.report(tmp_path / folder / "IM0001")
    assert sorted(path.name for path in out.iterdir()) == ["IM0001-2.sr.dcm", "IM0001.sr.dcm"]


def test_a_full_disk_leaves_nothing(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, out = tmp_path / "film.dcm", tmp_path / "out"
    film.write_bytes(film_bytes())
    out.mkdir()
    replacing = files.replacing

    def full(path: Path) -> object:
        if path.name.endswith("json"):
            raise DiskFull(str(path))
        return replacing(path)

    monkeypatch.setattr(reported_film.files, "replacing", full)
    with pytest.raises(DiskFull):
        reporter(tiny_bundle, out, "sr", "pdf", "fhir").report(film)
    assert list(out.iterdir()) == []
