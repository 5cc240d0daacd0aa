from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import columns_of, find
from pneumoscope.errors import DataError


def numbered(*folders: str, count: int = 2) -> list[str]:
    return [f"{folder}/{i}.png" for folder in folders for i in range(count)]


def counts(root: Path) -> dict[str, int]:
    listing = find(root)
    return dict(Counter(listing.names[e.values.index(1.0)] for e in listing.entries))


def test_masks_never_become_films(tmp_path: Path) -> None:
    kinds = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")
    root = name_films(
        tmp_path / "f", *numbered(*(f"{k}/{w}" for k in kinds for w in ("images", "masks")))
    )
    name_films(root, "COVID/Thumbs.db", "COVID/readme.txt", "Normal.metadata.xlsx")
    assert counts(root) == dict.fromkeys(kinds, 2)
    assert find(root).warnings == ("pictures that are masks by their names, left out: 8",)
    name_films(root, *numbered("masks"), "Normal/mask/0.png", "Normal/images/0_mask.png")
    assert counts(root) == dict.fromkeys(kinds, 2)


def test_films_beside_a_folder_of_masks(tmp_path: Path) -> None:
    names = numbered("normal", "normal/masks", "tb/2024", "tb/lung masks")
    assert counts(name_films(tmp_path, *names)) == {"normal": 2, "tb": 2}


@pytest.mark.parametrize("above", ["a", "a/b", "a/b/c"])
@pytest.mark.parametrize(
    "names",
    [
        numbered("train/normal", "train/tb", "dev/normal", "dev/tb"),
        numbered("Normal", "tb"),
        numbered("train/NORMAL", "train/PNEUMONIA", "test/NORMAL"),
    ],
)
def test_a_folder_too_high(tmp_path: Path, above: str, names: list[str]) -> None:
    inner = find(name_films(tmp_path / above, *names))
    outer = find(tmp_path)
    assert outer.names == inner.names
    assert [e.path for e in outer.entries] == [e.path for e in inner.entries]
    assert outer.entries[0].name == f"{above}/{inner.entries[0].name}"
    assert outer.entries[0].patient == f"file/{outer.entries[0].name}"
    assert outer.warnings == (*inner.warnings, f"the films are those of the folder {above}")


def test_a_table_in_a_folder_below(tmp_path: Path) -> None:
    root = name_films(tmp_path, *numbered("set/films"))
    (root / "set" / "manifest.csv").write_text(
        "path,label,age\nfilms\\0.png,normal,058Y\nfilms\\1.png,tb,018M\n"
    )
    assert counts(root) == {"normal": 1, "tb": 1}
    files, header, rows = columns_of(root)
    assert (files, header) == ((root / "set/manifest.csv",), ("path", "label", "age"))
    assert {film: row["age"] for film, row in rows.items()} == {
        "set/films/0.png": "58", "set/films/1.png": "1.5",
    }  # fmt: skip
    assert {*rows} == {e.name for e in find(root).entries}


def test_several_data_folders_are_named(tmp_path: Path) -> None:
    name_films(tmp_path, *numbered("A/normal", "A/tb", "B/train/normal", "B/train/tb"))
    with pytest.raises(DataError, match="more than one data folder") as raised:
        find(tmp_path)
    assert f"{tmp_path / 'A'}, {tmp_path / 'B'}" in raised.value.hint
    name_films(tmp_path / "C", *numbered("x/normal", "x/tb", "loose"))
    with pytest.raises(DataError, match="or one beside other films"):
        find(tmp_path / "C")


def test_class_folders_may_have_folders_called_train(tmp_path: Path) -> None:
    names = numbered("normal/train", "tb/train", "normal/old/normal", "normal/old/tb")
    assert counts(name_films(tmp_path, *names)) == {"normal": 6, "tb": 2}


@pytest.mark.parametrize("name", ["dev", "validate", "Validation", "VAL"])
def test_names_of_validation_folders(tmp_path: Path, name: str) -> None:
    root = name_films(tmp_path, *numbered("training/normal", "training/tb", f"{name}/tb"))
    assert Counter(e.split for e in find(root).entries) == {"train": 4, "validation": 2}


def test_folders_beside_train_that_are_no_split(tmp_path: Path) -> None:
    root = name_films(tmp_path, *numbered("train/normal", "train/tb", "extra/tb", "docs"))
    assert find(root).warnings == ("folders of films that are not used: extra",)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["patient{:05d}", "p{:02d}", "{:03d}", "images_{:03d}", "Study 1{}"]
)
def test_a_folder_per_patient_is_no_class(tmp_path: Path, name: str) -> None:
    root = name_films(tmp_path, *numbered(*(name.format(i) for i in range(4))))
    with pytest.raises(DataError, match="its folders are no classes") as raised:
        find(root)
    assert "manifest" in raised.value.hint
    split = name_films(tmp_path / "s", *numbered(*(f"train/{name.format(i)}" for i in range(4))))
    with pytest.raises(DataError, match="its folders are no classes"):
        find(split)


def test_numbers_may_be_classes(tmp_path: Path) -> None:
    assert counts(name_films(tmp_path, *numbered("0", "1", "2"))) == {"0": 2, "1": 2, "2": 2}


def test_what_is_no_data_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find(tmp_path / "typo")
    (tmp_path / "labels.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match="is not a CSV table"):
        find(tmp_path / "labels.xlsx")
    with pytest.raises(DataError, match="no training films in a layout that is known"):
        find(tmp_path)


def test_the_only_table_beside_films_that_are_not_sorted_is_taken(tmp_path: Path) -> None:
    root = name_films(tmp_path, *numbered("images", count=3))
    (root / "labels.csv").write_text("image_id,label\n0,normal\n1,tb\n2.png,tb\n")
    assert counts(root) == {"normal": 1, "tb": 2}
    listing = find(root)
    assert [entry.name for entry in listing.entries] == [f"images/{i}.png" for i in range(3)]
    assert listing.warnings == (
        "films of labels.csv found by their names alone: 3",
        "the labels are those of the table labels.csv",
    )
    assert columns_of(root)[0] == (root / "labels.csv",)
    (root / "other.csv").write_text("path,label\nimages/0.png,tb\n")
    with pytest.raises(DataError, match="several tables of films"):
        find(root)


def test_class_folders_go_before_a_table(tmp_path: Path) -> None:
    root = name_films(tmp_path, *numbered("normal", "tb"))
    (root / "labels.csv").write_text("path,label\nnormal/0.png,other\n")
    assert counts(root) == {"normal": 2, "tb": 2}


def test_a_table_goes_before_folders_of_an_archive(tmp_path: Path) -> None:
    """PadChest's films are in folders 0 to 54."""
    name_films(tmp_path, "0/a.png", "54/b.png", "54/c.png")
    assert find(tmp_path).names == ("0", "54")
    table = tmp_path / "labels.csv"
    table.write_text(
        "ImageID,Projection,Labels\na.png,PA,['normal']\nb.png,PA,['mass']\nc.png,L,['mass']\n"
    )
    listing = find(tmp_path)
    assert [(e.name, e.values) for e in listing.entries] == [
        ("0/a.png", (1.0, 0.0)), ("54/b.png", (0.0, 1.0)),
    ]  # fmt: skip
    assert listing.warnings == (
        "films of labels.csv found by their names alone: 3",
        "lateral films of labels.csv, left out: 1",
        "the labels are those of the table labels.csv",
    )
    assert [row["Projection"] for row in columns_of(tmp_path)[2].values()] == ["PA", "PA", "L"]
    assert find(tmp_path, "0").names == ("0", "54")  # the user says that they are classes


@pytest.mark.parametrize("folders", [("0", "1"), ("0", "1", "2")])
@pytest.mark.parametrize("column", ["diabetes", "age"])
def test_folders_of_numbers_go_before_a_table_without_classes(
    tmp_path: Path, folders: tuple[str, ...], column: str
) -> None:
    films = [f"{folder}/{i}{folder}.png" for folder in folders for i in range(2)]
    root = name_films(tmp_path, *films)
    rows = [
        f"{film[2:]},{i % 2 if column == 'diabetes' else 30 + i}" for i, film in enumerate(films)
    ]
    (root / "meta.csv").write_text("\n".join([f"image,{column}", *rows]))
    assert counts(root) == dict.fromkeys(folders, 2)
    notice = "the labels are those of the folders, not of the table meta.csv"
    assert find(root).warnings == (notice,)
    assert columns_of(root)[0] == ()
    assert find(root, "0").warnings == ()  # the user says that they are classes
    (root / "meta.csv").write_text('image,diagnosis\n"broken,tb\n')
    assert counts(root) == dict.fromkeys(folders, 2)


def test_folders_0_and_1_are_classes_whatever_a_table_tells(tmp_path: Path) -> None:
    root = name_films(tmp_path, "0/a.png", "1/b.png", "2/c.png")
    (root / "t.csv").write_text("image,label\na.png,mass\nb.png,normal\nc.png,normal\n")
    assert find(root).names == ("normal", "mass")
    (root / "datasheet.toml").write_text('negative = "0"\n')  # as `--negative 0`
    assert (find(root).names, find(root).negative) == (("0", "1", "2"), "0")
    assert columns_of(root)[0] == ()
    (root / "datasheet.toml").unlink()
    (root / "2" / "c.png").unlink()
    assert find(root).names == ("0", "1")


@pytest.mark.parametrize(
    "table",
    ["image,result\na.png,negative\nb.png,positive\nc.png,negative\n",  # of a laboratory
     "image,diagnosis\na.png,mass\nb.png,normal\nc.png,normal\n",
     "image,label\nx.png,mass\ny.png,normal\n",  # other films
     "Image Index,Finding Labels,Patient ID\nx.png,Mass,1\n"],
)  # fmt: skip
def test_folders_of_numbers_go_before_a_guess(tmp_path: Path, table: str) -> None:
    root = name_films(tmp_path, "0/a.png", "1/b.png", "2/c.png")
    (root / "t.csv").write_text(table)
    assert counts(root) == {"0": 1, "1": 1, "2": 1}
    assert columns_of(root)[0] == ()
    assert find(root).warnings == ("the labels are those of the folders, not of the table t.csv",)


def test_the_first_two_folders_of_padchest(tmp_path: Path) -> None:
    root = name_films(tmp_path, "0/a.png", "1/b.png")
    (root / "t.csv").write_text("ImageID,Labels\na.png,['normal']\nb.png,['mass']\n")
    assert find(root).names == ("normal", "mass")
    assert columns_of(root)[0] == (root / "t.csv",)
    (root / "t.csv").write_text("ImageID,Labels\nx.png,['normal']\ny.png,['mass']\n")
    assert find(root).names == ("0", "1")


_NIH = "Image Index,Finding Labels,Patient ID\n{}.png,No Finding,1\n1.png,Mass,2\n"
_RSNA = "patientId,x,y,width,height,Target\n{},,,,,0\n1,,,,,1\n"


@pytest.mark.parametrize("columns", [_NIH, _RSNA])
@pytest.mark.parametrize("first", ["0", "x"])
@pytest.mark.parametrize("inner", ["", "set/"])
@pytest.mark.parametrize("splits", [("",), ("train/", "test/")])
def test_class_folders_go_before_a_renamed_table_of_a_public_set(
    tmp_path: Path, columns: str, first: str, inner: str, splits: tuple[str, ...]
) -> None:
    """Only the official names of these tables say that the folders are theirs."""
    folders = [f"{inner}{split}{kind}" for split in splits for kind in ("normal", "tb")]
    root = name_films(tmp_path, *numbered(*folders))
    before = find(root)
    (root / "sample_labels.csv").write_text(columns.format(first))
    listing = find(root)
    assert (listing.names, listing.entries) == (("normal", "tb"), before.entries)
    notice = "the labels are those of the folders, not of the table sample_labels.csv"
    assert listing.warnings == before.warnings + (() if inner else (notice,))


@pytest.mark.parametrize("columns", [_NIH, _RSNA])
def test_other_public_sets_go_before_a_renamed_table(tmp_path: Path, columns: str) -> None:
    name_films(tmp_path / "s", "CXR_png/CHNCXR_0001_0.png", "CXR_png/CHNCXR_0002_1.png")
    (tmp_path / "s/x.csv").write_text(columns.format("0"))
    assert find(tmp_path / "s").layout == "tuberculosis"
    name_films(tmp_path / "t", "a/0.png", "a/1.png", "a/2.png")
    (tmp_path / "t/train.csv").write_text("Path,Edema\na/0.png,0\na/1.png,1\n")
    (tmp_path / "t/valid.csv").write_text("Path,Edema\na/2.png,1\n")
    (tmp_path / "t/x.csv").write_text(columns.format("0"))
    assert find(tmp_path / "t").names == ("Edema",)


@pytest.mark.parametrize(
    ("columns", "name"), [(_NIH, "Data_Entry_2017_v2020.csv"), (_RSNA, "stage_2_train_labels.csv")]
)
def test_tables_of_public_sets_with_their_official_names_go_first(
    tmp_path: Path, columns: str, name: str
) -> None:
    root = name_films(tmp_path, "normal/0.png", "tb/1.png")
    (root / name).write_text(columns.format("0"))
    assert find(root).layout in ("nih", "rsna")


@pytest.mark.parametrize("columns", [_NIH, _RSNA])
@pytest.mark.parametrize(
    "folders", [("images_001", "images_002"), ("images", "images"), ("train", "train"), ("0", "2")]
)
def test_renamed_tables_of_public_sets_go_before_folders_that_are_no_classes(
    tmp_path: Path, columns: str, folders: tuple[str, str]
) -> None:
    root = name_films(tmp_path, f"{folders[0]}/0.png", f"{folders[1]}/1.png")
    (root / "sample_labels.csv").write_text(columns.format("0"))
    listing = find(root)
    assert listing.layout in ("nih", "rsna")
    notice = "the labels are those of the table sample_labels.csv, not of the folders 0, 2"
    assert (notice in listing.warnings) == (folders == ("0", "2"))  # which may be classes
    assert columns_of(root)[0] == (root / "sample_labels.csv",)


def test_a_table_beside_folders_that_are_taken_for_classes_is_named(tmp_path: Path) -> None:
    root = name_films(tmp_path, "ward_a/0.png", "ward_b/1.png")
    (root / "labels.csv").write_text("path,label\nward_a/0.png,normal\nward_b/1.png,tb\n")
    notice = "the labels are those of the folders, not of the table labels.csv"
    assert find(root).warnings == (notice,)


def test_columns_of_findings_go_before_folders_that_are_no_classes(tmp_path: Path) -> None:
    folders = ("images_001", "images_002")
    root = name_films(tmp_path, *(f"{folder}/{folder}.png" for folder in folders))
    (root / "t.csv").write_text("image,tb\nimages_001.png,0\nimages_002.png,1\n")
    assert find(root).names == ("tb",)


@pytest.mark.parametrize(
    "names",
    [("Test_Negative", "Test_Positive"), ("PCR test negative", "PCR test positive"), ("train_normal", "train_pneumonia"),
     ("dev_normal", "dev_tb")],
)  # fmt: skip
def test_classes_with_the_name_of_a_split_in_theirs(tmp_path: Path, names: tuple[str, str]) -> None:
    assert counts(name_films(tmp_path, *numbered(*names))) == dict.fromkeys(names, 2)


@pytest.mark.parametrize(
    "name",
    ["x.csv", "train.csv", "pneumoniamnist.csv", "annotations/train.csv", "mimic-cxr-2.0.0-split.csv", "train.txt", "x.tsv",
     "manifest.csv", "datasheet.toml", "pneumoniamnist.npz", "normal/x.png"],
)  # fmt: skip
def test_pipes_are_never_opened(tmp_path: Path, name: str) -> None:
    """Nobody writes into them: whoever opens one waits for ever, until the alarm."""
    signal.alarm(60)
    root = name_films(tmp_path / "set", *numbered("normal", "tb"))
    (root / name).parent.mkdir(exist_ok=True)
    os.mkfifo(root / name)
    assert counts(root) == counts(tmp_path) == {"normal": 2, "tb": 2}
    with pytest.raises(DataError):
        find(root / name)
    with pytest.raises(DataError):
        find(root / "normal")
    signal.alarm(0)


def test_a_folder_above_that_nobody_may_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = name_films(tmp_path / "a", *numbered("normal"))
    listed = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder in root.parents:
            raise PermissionError(folder)
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(DataError, match="in a layout that is known"):
        find(root / "normal")


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        ("p10", "p11"),
        ("train_images", "test_images"),
        ("test 1", "test 2"),
        ("stage_2_train_images", "stage_2_test_images"),
        ("train-part1", "train-part2"),
    ],
)
def test_parts_of_an_archive_are_no_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    name_films(tmp_path, *numbered(*names))
    with pytest.raises(DataError, match="its folders are no classes"):
        find(tmp_path)


@pytest.mark.parametrize("low", ["NORMAL", "train/NORMAL", "train/NORMAL/images"])
def test_a_folder_too_low(tmp_path: Path, low: str) -> None:
    root = name_films(tmp_path / "a/b/c", *numbered(low, low.replace("NORMAL", "TB")))
    with pytest.raises(DataError, match="in a layout that is known") as raised:
        find(root / low)
    above = root if low == "NORMAL" else root / "train"
    assert raised.value.hint == f"Films of several classes are in {above}: name that folder."
    alone = name_films(tmp_path / "x/y/z", "0.png")
    with pytest.raises(DataError) as raised:
        find(alone)
    assert raised.value.hint.startswith("Known are")


def test_pictures_beside_folders_of_images_are_counted(tmp_path: Path) -> None:
    root = name_films(tmp_path, *numbered("NORMAL/imgs", "TB/imgs", "TB/segmented"))
    assert counts(root) == {"NORMAL": 2, "TB": 2}
    assert find(root).warnings == ("pictures beside folders of images, left out: 2",)
    split = name_films(tmp_path / "s", *numbered("train/TB/images", "train/TB/x", "train/NORMAL"))
    assert find(split).warnings == ("pictures beside folders of images, left out: 2",)


def test_a_table_with_names_of_its_own_for_columns(tmp_path: Path) -> None:
    """As RSNA's table of detailed classes, and that of CoronaHack."""
    name_films(tmp_path, *(f"images/{name}.png" for name in "abc"))
    table = tmp_path / "t.csv"
    table.write_text(
        "patientId,class,Kind\na,Normal,TRAIN\nb,Opacity,TRAIN\nb,Opacity,TRAIN\nc,Opacity,TEST\n"
    )
    listing = find(table)
    assert listing.names == ("Normal", "Opacity")
    assert [(e.name, e.patient, e.keyed, e.split) for e in listing.entries] == [
        ("images/a.png", "a", True, "train"), ("images/b.png", "b", True, "train"), ("images/c.png", "c", True, "test"),
    ]  # fmt: skip
    assert listing.warnings == (
        "the films are those of the column patientId",
        "rows of t.csv that are there twice: 1",
        "the splits are those of the column Kind",
        "the labels are those of the column class",
        "films of t.csv found by their names alone: 3",
    )
    assert columns_of(table)[2]["images/a.png"]["Kind"] == "TRAIN"
    table.write_text("patientId,class\na,Normal\na,Opacity\n")
    with pytest.raises(DataError, match=r"names images/a\.png twice"):
        find(table)


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.json"])
def test_a_table_of_another_kind_is_named(tmp_path: Path, name: str) -> None:
    root = name_films(tmp_path, *numbered("images"))
    (root / name).write_bytes(b"")
    with pytest.raises(DataError, match=f"{name} is no CSV table") as caught:
        find(root)
    assert "path and label" in caught.value.hint


def test_a_table_without_paths_says_so(tmp_path: Path) -> None:
    root = name_films(tmp_path, *numbered("images"))
    (root / "labels.csv").write_text("case,label\na,normal\nb,tb\n")
    with pytest.raises(DataError, match=r"labels\.csv: has no column path"):
        find(root)


@pytest.mark.parametrize("words", ["False True", "no yes", "NO Yes"])
def test_findings_in_words(tmp_path: Path, words: str) -> None:
    absent, present = words.split()
    name_films(tmp_path, *numbered("films"))
    file = tmp_path / "t.csv"
    file.write_text(f"path,tb,note\nfilms/0.png,{absent},a\nfilms/1.png,{present},b\n")
    listing = find(file)
    assert listing.names == ("tb",)
    assert [entry.values for entry in listing.entries] == [(0.0,), (1.0,)]
    # Beside a column of numbers they are another kind of column, as before.
    file.write_text(f"path,tb,seen\nfilms/0.png,0,{absent}\nfilms/1.png,1,{present}\n")
    assert find(file).names == ("tb",)


def test_findings_in_a_list_of_python(tmp_path: Path) -> None:
    name_films(tmp_path, *numbered("films"))
    file = tmp_path / "t.csv"
    file.write_text("ImageID,Labels\n0.png,['normal']\n1.png,\"['mass', 'pleural effusion']\"\n")
    listing = find(file)
    assert listing.names == ("normal", "mass", "pleural effusion")
    assert [entry.values for entry in listing.entries] == [(1, 0, 0), (0, 1, 1)]
