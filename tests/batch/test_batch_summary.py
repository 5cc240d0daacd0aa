from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pneumoscope.batch import summary as counting
from pneumoscope.batch.columns import Row, columns
from pneumoscope.batch.places import Folder
from pneumoscope.batch.shards import Shards
from pneumoscope.batch.summary import summarise, to_json

FILLS = columns(["normal"], heatmaps=False)


def row(name: str, label: str, p: float | None, bundle: str = "a" * 64, **values: object) -> Row:
    gate = {"gate": "ok", "reasons": [], "gate_scores": [("blur", 0.5)]}
    return {
        "path": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "label": label,
        "p_unadjusted": p, "bundle": f"{bundle[0]} 1", "bundle_sha256": bundle, **gate, **values,
    }  # fmt: skip


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    made = Shards(Folder(tmp_path), FILLS)
    made.append([row("1", "NORMAL", 0.0), row("2", "NORMAL", 0.04), row("3", "PNEUMONIA", 1.0)])
    made.append(
        [
            row("4", "REFUSED", None, gate="refuse", reasons=["inverted", "cropped"]),
            row("5", "NORMAL", 0.5, bundle="b" * 64, gate="note", reasons=["cropped"]),
            {"path": "6", "error_code": "MissingFile"},
        ]
    )
    return made


def test_rows_are_counted(shards: Shards) -> None:
    summary = summarise(shards)
    record = to_json(summary)
    first, second = record.pop("bundles")
    assert record == {
        "films": 6,
        "shards": 2,
        "labels": {"NORMAL": 3, "PNEUMONIA": 1, "REFUSED": 1},
        "not_read": 1,
        "errors": {"MissingFile": 1},
        "refused": 1,
        "reasons": {"cropped": 2, "inverted": 1},
    }
    assert (first["bundle"], first["films"], second["films"]) == ("a 1", 4, 1)
    assert first["histogram"] == [2, *[0] * 18, 1]
    assert second["histogram"][10] == 1


def test_the_sample_depends_on_content_alone(
    shards: Shards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "SAMPLE_FILMS", 3)
    by_hash = sorted("1234", key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:3]
    sample = summarise(shards).bundles["a" * 64].sample
    assert [film.source for film in sample] == by_hash
    other = Shards(Folder(tmp_path / "other"), FILLS)
    for name in ("part-000002.parquet", "part-000001.parquet"):
        other.append(shards.read(name).to_pylist()[::-1])
    assert summarise(other).bundles["a" * 64].sample == sample
    refused = [film.refused for film in sample if film.source == "4"]
    assert refused in ([], [True])
    assert sample[0].scores == {"blur": 0.5}


def test_no_rows() -> None:
    assert to_json(counting.Summary())["labels"] == {}
