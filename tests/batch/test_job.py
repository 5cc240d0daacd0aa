from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pneumoscope import runtime
from pneumoscope.batch.job import FILE, ReadJob, claim
from pneumoscope.batch.places import Folder
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.records import Settings
from stub_reader import JOB


def test_the_job_of_a_reader(tiny_bundle: Bundle) -> None:
    reader = runtime.load(tiny_bundle.path, settings=Settings(force=True))
    job = ReadJob.of(reader, tiny_bundle.path, heatmaps=True)
    assert job.bundles == (("tiny 1", tiny_bundle.sha256),)
    assert job.labels == ("normal", "bacterial", "viral")
    assert (job.settings.force, job.columns[-1].name) == (True, "heatmap")
    assert "p_viral" in [column.name for column in job.columns]


def test_a_place_belongs_to_one_kind_of_run(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    claim(place, "films", JOB)
    claim(place, "films", JOB)
    others = [
        ("wards", JOB, "holds films of films"),
        ("films", replace(JOB, bundles=(("stub 2", "1" * 64),)), r"other bundles \(stub 1: 0000"),
        ("films", replace(JOB, settings=Settings(force=True)), r"other settings \(force: False\)"),
        ("films", replace(JOB, settings=Settings(error=0.02)), r"\(error: the default\)"),
        ("films", replace(JOB, heatmaps=True), r"another --heatmaps \(False\)"),
    ]
    for source, job, message in others:
        with pytest.raises(UsageError, match=message):
            claim(place, source, job)


def test_a_profile_counts_by_its_content(tmp_path: Path) -> None:
    profile = tmp_path / "site.json"
    profile.write_text("1")
    place, job = Folder(tmp_path / "out"), replace(JOB, settings=Settings(profile=profile))
    claim(place, "films", job)
    profile.write_text("2")
    with pytest.raises(UsageError, match="other settings"):
        claim(place, "films", job)


def test_foreign_files_are_not_mixed_with_shards(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    place.write("part-000001.parquet", b"")
    with pytest.raises(UsageError, match="Parquet files of another origin"):
        claim(place, "films", JOB)
    for content, message in ((b"{", "is damaged"), (b"{}", "of another version")):
        place.write(FILE, content)
        with pytest.raises(UsageError, match=message):
            claim(place, "films", JOB)
