"""What a folder holds, counted before any training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

cv2 = pytest.importorskip("cv2", reason="needs the [train] extra")


from drawn import draw, drawn_set
from pneumoscope.data.check import check


def test_check_counts_what_is_there(tmp_path: Path) -> None:
    root = drawn_set(tmp_path / "films", 8, 12)
    for source, target in (
        ("train/NORMAL/IM-0000-0000.jpeg", "test/NORMAL/IM-0000-0000.jpeg"),
        ("train/PNEUMONIA/person0_bacteria_0.jpeg", "train/NORMAL/IM-0009-0000.jpeg"),
    ):
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / source, root / target)
    (root / "train" / "PNEUMONIA" / "person9_virus_99.jpeg").write_bytes(b"\xff\xd8\xff broken")
    calls: list[tuple[int, int]] = []
    report = check(root, progress=lambda done, total: calls.append((done, total)))
    assert (report.layout, report.task) == ("kermany", "multiclass")
    assert report.films == {"train": 22, "test": 1}
    assert report.counts["train"] == {"normal": 9, "bacterial": 6, "viral": 7}
    assert report.counts["test"] == {"normal": 1, "bacterial": 0, "viral": 0}
    assert report.patients == {"train": 4 + 1 + 6 + 1, "test": 1}
    assert [(b.path, b.code) for b in report.broken] == [
        ("train/PNEUMONIA/person9_virus_99.jpeg", "TruncatedImage")
    ]
    assert {twin.paths: twin.across for twin in report.twins if twin.exact} == {
        ("test/NORMAL/IM-0000-0000.jpeg", "train/NORMAL/IM-0000-0000.jpeg"): ("split",),
        ("train/NORMAL/IM-0009-0000.jpeg", "train/PNEUMONIA/person0_bacteria_0.jpeg"): (
            "class",
            "patient",
        ),
    }
    assert report.warnings == ("patients in two splits: 1 (normal/IM-0000)",)
    assert calls[-1] == (23, 23)
    assert check(root, "binary").counts["train"] == {"normal": 9, "pneumonia": 13}


def test_check_counts_findings_and_missing_films(tmp_path: Path) -> None:
    root = draw(tmp_path / "m", "a.png", "b.png")
    (root / "manifest.csv").write_text("path,Edema,Mass\na.png,1,\nb.png,0,1\nc.png,-1,0\n")
    report = check(root)
    assert (report.layout, report.task, report.names) == (
        "manifest",
        "multilabel",
        ("Edema", "Mass"),
    )
    assert report.films == {"films": 3}
    assert report.counts == {"films": {"Edema": 1, "Mass": 1}}
    assert report.unknown == {"films": {"Edema": 1, "Mass": 1}}
    assert report.patients == {"films": None}
    assert [(b.path, b.code) for b in report.broken] == [("c.png", "MissingFile")]
    assert report.warnings == ("no patient keys for 3 of 3 films",)
