"""Damaged tables: a data folder is listed or refused with a `DataError`, whatever its table contains."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from drawn import name_films
from pneumoscope.data.layouts import columns_of, find
from pneumoscope.data.listing import for_task
from pneumoscope.data.public_sets.vindr_boxes import read_vindr_boxes
from pneumoscope.errors import DataError
from pneumoscope.records import TASKS

CASES = int(os.environ.get("PNEUMOSCOPE_FUZZ_CASES", "150"))
"""Of each table; a longer search needs no other change."""
TABLES = {
    "manifest.csv": "path,label,patient,split,boxes,mask\na/1.png,normal,p1,train,0.1 0.1 0.5 0.5,m.png\n"
    "a/2.png,tb,p2,val,none,\n",
    "findings/manifest.csv": "Path;Age;No Finding;Edema\n..\\a\\1.png;058Y;1,0;\n..\\a\\2.png;018M;;-1\n",
    "train.csv": "Path,Frontal/Lateral,No Finding,Edema\nx/a/1.png,Frontal,1.0,\nx/a/2.png,Lateral,,1\n",
    "Data_Entry_2017.csv": "Image Index,Finding Labels,Patient ID\n1.png,Mass|Edema,1\n2.png,No Finding,2\n",
    "stage_2_train_labels.csv": "patientId,x,y,width,height,Target\n1,1,1,9,9,1\n1,2,2,5,5,1\n2,,,,,0\n",
    "image_labels_train.csv": "image_id,rad_id,Edema,No finding\n1,R1,1,0\n1,R2,1,0\n2,R1,0,1\n",
    "annotations_train.csv": "image_id,rad_id,class_name,x_min,y_min,x_max,y_max,width,height\n1,R1,Edema,1,1,9,9,90,80\n"
    "1,R2,Edema,1,1,9,9,90,80\n2,R1,No finding,,,,,,\n",
    "train.txt": "1 1.png positive cohen\n2 2.png negative rsna\n",
    "pneumoniamnist.csv": "train,1.png,0\nval,2.png,1\n",
    "classes/datasheet.toml": 'negative = "a"\ncollection = "north"\nmasks = "masks"\n',
}  # fmt: skip
_PIECES = (
    b"", b",", b";", b"\t", b'"', b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"sep=|\n", b"..",
    b"/", b"\\", b"C:\\", b"x" * 300, b"x" * 5000, b"1", b"-1", b"nan", b"1e999", b"\xe2\x80\xa8",
    b"path", b"label", b"labels", b"normal", b"Normal", b"|", b" ",
)  # fmt: skip


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to four pieces of a table replaced, doubled or cut out."""
    for _ in range(rng.integers(1, 5)):
        start, length = int(rng.integers(len(content) + 1)), int(rng.integers(12))
        piece = _PIECES[rng.integers(len(_PIECES))]
        if rng.random() < 0.2:
            piece = 2 * content[start : start + length]
        content = content[:start] + piece + content[start + length :]
    return content


@pytest.mark.parametrize("name", TABLES)
def test_damaged_tables_are_listed_or_refused(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(sorted(TABLES).index(name))
    # The folders above a data folder are searched, too: those of other tests would take most of the time.
    root = name_films(
        tmp_path / "above" / "it" / "f", "a/1.png", "a/2.png", "train/1.png", "1.png", "2.png"
    )
    name_films(root, "pneumoniamnist/1.png", "pneumoniamnist/2.png", "b/3.png")
    name_films(root / "classes", "a/1.png", "b/2.png", "masks/a/1.png", "masks/b/2.png")
    file = root / name
    file.parent.mkdir(exist_ok=True)
    place, sound = file.parent, TABLES[name].encode()
    file.write_bytes(sound)
    assert find(place).entries
    for _ in range(CASES):
        file.write_bytes(damaged(sound, rng))
        with suppress(DataError):
            columns_of(place)
        if name == "annotations_train.csv":
            with suppress(DataError):
                read_vindr_boxes(file, {"1": root / "1.png", "2": root / "2.png"})
        with suppress(DataError):
            listing = find(place)
            for task in TASKS:
                with suppress(DataError):
                    for_task(listing, task)
