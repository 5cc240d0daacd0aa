from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import find
from pneumoscope.data.public_sets.mimic import mimic_tables
from pneumoscope.errors import DataError

TABLES = {
    "chexpert": "subject_id,study_id,Edema,No Finding\n10,50,1.0,\n11,51,,1.0\n12,52,-1.0,\n",
    "metadata": "dicom_id,subject_id,study_id,ViewPosition\na,10,50,PA\nb,10,50,LATERAL\nc,11,51,AP\nd,12,52,\ne,13,53,LL\n",
    "split": "dicom_id,study_id,subject_id,split\na,50,10,train\nb,50,10,train\nc,51,11,validate\nd,52,12,test\ne,53,13,train\n",
}  # fmt: skip


def films_of_mimic(root: Path, *, packed: bool = False) -> Path:
    name_films(root, *(f"files/p1/p1{i}/s5{i}/{name}.jpg" for i, name in enumerate("abcde")))
    for kind, text in TABLES.items():
        file = root / f"mimic-cxr-2.0.0-{kind}.csv"
        if packed:
            (root / f"{file.name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            file.write_text(text)
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_findings_of_studies_and_splits_of_films(tmp_path: Path, packed: bool) -> None:
    listing = find(films_of_mimic(tmp_path / "m", packed=packed))
    assert (listing.layout, listing.names, listing.obeyed) == (
        "mimic",
        ("No Finding", "Edema"),
        True,
    )
    assert [(e.path.stem, e.patient, e.split, e.values) for e in listing.entries] == [
        ("a", "10", "train", (None, 1.0)),
        ("c", "11", "validation", (1.0, None)),
        ("d", "12", "test", (None, None)),
    ]
    assert listing.warnings == ("lateral films, left out: 2",)
    if not packed:  # any of its tables stands for all
        assert find(tmp_path / "m/mimic-cxr-2.0.0-chexpert.csv") == listing


def test_tables_that_are_missing_or_damaged(tmp_path: Path) -> None:
    root = films_of_mimic(tmp_path, packed=True)
    findings = root / "mimic-cxr-2.0.0-chexpert.csv.gz"
    for damaged in (findings.read_bytes()[:30], b"no gzip", gzip.compress(b"a,b\n1,2\n")):
        findings.write_bytes(damaged)
        with pytest.raises(
            DataError, match=r"chexpert\.csv\.gz: (cannot be read|has no column study_id)"
        ):
            find(root)
    findings.unlink()
    assert mimic_tables(root) == {}
