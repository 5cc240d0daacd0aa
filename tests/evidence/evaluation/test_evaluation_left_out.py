"""The films for testing of bundles whose training left a source out."""

from __future__ import annotations

from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluations import film, manifest
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.evidence.evaluation.films import choose
from tiny import tiny_files, tiny_meta


def bundle(folder: Path, split: str) -> Bundle:
    meta = tiny_meta(recipe={"name": "tiny", "split": split, "validation": 0.25})
    return write_bundle(folder / "bundle", meta, tiny_files(folder / "parts"))


def test_the_left_out_source_is_for_testing(tmp_path: Path) -> None:
    rows = []
    for i in range(4):
        film(tmp_path / "films" / f"{i}.png", 60 + 40 * i)
        rows.append(f"{i}.png,{('normal', 'bacterial')[i % 2]},{'ab'[i // 2]}")
    table = manifest(tmp_path / "films", "path,label,source", *rows)
    left_out = bundle(tmp_path / "first", "leave-out:b")
    choice = choose(table, [left_out], "test")
    assert [entry.name for entry in choice.entries] == ["2.png", "3.png"]
    # Two trainings that left out different sources have no films for testing in common.
    other = bundle(tmp_path / "second", "leave-out:a")
    assert len(choose(table, [left_out, other]).entries) == 4
    assert choose(table, [bundle(tmp_path / "third", "patient")]).split == "all"
