from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pneumoscope.batch.sent_files import SentFiles
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.records import Settings
from stub_reader import JOB


def test_a_bundle_of_ones_own_and_a_profile_are_sent(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_bundle.path.parent)
    profile, folder = tmp_path / "ward.json", tmp_path / "there"
    profile.write_text("{}")
    folder.mkdir()
    job = replace(JOB, bundle=Path(tiny_bundle.path.name), settings=Settings(profile=profile))
    files = SentFiles.of(job)
    monkeypatch.chdir(tmp_path)
    profile.unlink()
    sent = files.written(folder, job)
    assert isinstance(sent.bundle, Path)
    assert sent.bundle.is_relative_to(folder)
    assert open_bundle(sent.bundle).sha256 == tiny_bundle.sha256
    assert sent.bundle.name == tiny_bundle.path.name  # it is part of messages
    assert sent.settings.profile == folder / "ward.json"
    assert (folder / "ward.json").read_text() == "{}"


@pytest.mark.parametrize("bundle", [None, "children", Path("children")])
def test_what_is_part_of_the_package_is_not_sent(bundle: Path | str | None, tmp_path: Path) -> None:
    job = replace(JOB, bundle=bundle)
    files = SentFiles.of(job)
    assert (files.bundle_files, files.profile) == ({}, "")
    assert files.written(tmp_path, job) == job
    assert list(tmp_path.iterdir()) == []
