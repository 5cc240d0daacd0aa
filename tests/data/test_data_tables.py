from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw
from pneumoscope import data
from pneumoscope.data import tables
from pneumoscope.errors import DataError

NAMES = [f"f{i}.png" for i in range(8)]


def load(root: Path, task: str = "multiclass", split: str = "patient") -> data.FilmSet:
    folder = root if root.is_dir() else root.parent
    return data.load(
        root, 64, task=task, split=split, share=0.25, seed=1, cache=folder.parent / "cache"
    )


def manifest(folder: Path, header: str, *rows: str, name: str = "manifest.csv") -> Path:
    """A folder with eight films, one manifest row each: path, then what is given."""
    draw(folder, *NAMES)
    lines = [f"{film},{row}" for film, row in zip(NAMES, rows, strict=True)]
    (folder / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8-sig")
    return folder


def test_one_label_per_film(tmp_path: Path) -> None:
    labels = ["tb", "Normal", "tb", "Normal", "flu", "flu", "tb", ""]
    root = manifest(tmp_path / "m", "path,label", *labels)
    films = load(root)
    assert (films.names, films.negative) == (("Normal", "flu", "tb"), "Normal")
    assert films.labels.tolist() == [2, 0, 2, 0, 1, 1, 2]
    assert films.warnings[0] == "films without a known label, left out: 1"
    assert films.warnings[1].startswith("no patient keys")
    assert load(root / "manifest.csv").films == films.films


def test_patients_of_a_manifest_stay_together(tmp_path: Path) -> None:
    rows = [f"{'tb' if i < 4 else 'normal'},p{i // 2}" for i in range(8)]
    films = load(manifest(tmp_path / "m", "path,label,Patient ID", *rows))
    assert [f.patient for f in films.films] == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]
    data.check_split(films.films)
    assert len(films.rows("validation")) == 4
    assert films.warnings == ()


def test_a_split_column_is_obeyed(tmp_path: Path) -> None:
    splits = ["train", "valid", "train", "test", "", "VAL", "training", "validation"]
    rows = [f"{'normal' if i % 4 > 1 else 'tb'},p{i},{s}" for i, s in enumerate(splits)]
    root = manifest(tmp_path / "m", "path,label,patient,split", *rows)
    (root / "f3.png").unlink()  # for testing: not looked at
    for mode in ("patient", "film", "given"):
        films = load(root, split=mode)
        assert [f.split for f in films.films] == [
            *("train", "validation", "train", "train", "validation", "train", "validation"),
        ]


def test_a_split_column_without_validation_leaves_the_draw_to_us(tmp_path: Path) -> None:
    rows = [f"{'tb' if i % 2 else 'normal'},p{i},{'test' if i < 2 else 'train'}" for i in range(8)]
    films = load(manifest(tmp_path / "m", "path,label,patient,split", *rows))
    assert (len(films.rows("train")), len(films.rows("validation"))) == (4, 2)


def test_a_manifest_with_a_patient_in_two_splits(tmp_path: Path) -> None:
    splits = ["train", "test", "train", "validation", "train", "validation", "train", "validation"]
    rows = [f"{'tb' if i % 4 < 2 else 'normal'},p{i // 2},{s}" for i, s in enumerate(splits)]
    root = manifest(tmp_path / "m", "path,label,patient,split", *rows)
    with pytest.raises(DataError, match="patients stand in two splits: p0, p1, p2 and 1 more"):
        load(root)
    assert load(root, split="given").warnings[0] == "patients in train and in validation: 3"


def test_labels_with_bars_are_findings(tmp_path: Path) -> None:
    rows = ["Mass|Edema", "No Finding", "Mass", "", "Edema", "No Finding", "Mass", "Edema"]
    root = manifest(tmp_path / "m", "path,labels", *rows)
    films = load(root, "multilabel")
    assert (films.names, films.negative) == (("Edema", "Mass"), None)
    nan = float("nan")
    expected = [[1, 1], [0, 0], [0, 1], [nan, nan], [1, 0], [0, 0], [0, 1], [1, 0]]
    assert np.array_equal(films.targets, np.array(expected, np.float32), equal_nan=True)
    assert films.films[3].targets == (None, None)
    assert films.warnings[0] == "films without any known finding: 1"
    with pytest.raises(DataError, match="no one class"):
        _ = films.labels
    with pytest.raises(DataError, match="several findings or none"):
        load(root)
    two = load(root, "binary")
    assert (two.names, two.negative) == (("No Finding", "abnormal"), "No Finding")
    assert two.labels.tolist() == [1, 0, 1, 1, 0, 1, 1]


def test_a_column_per_finding_as_in_chexpert(tmp_path: Path) -> None:
    header = "Path,Sex,Age,AP/PA,No Finding,Edema,Support Devices,Hospital"
    rows = [
        *("F,60,AP,1.0,,,a", "M,61,,,1.0,0.0,b", "M,1,,0,-1.0,1,c", "F,0,AP,,0.0,,d"),
        *("F,60,AP,1.0,,1,a", "M,61,,,1.0,0.0,b", "M,1,,0,-1.0,1,c", "F,0,AP,,0.0,,d"),
    ]
    films = load(manifest(tmp_path / "m", header, *rows), "multilabel")
    assert films.names == ("Edema", "Support Devices")
    # No Finding answers for the silent pathology, not for devices; -1 stays unknown.
    assert [f.targets for f in films.films[:5]] == [
        (0.0, None), (1.0, 0.0), (None, 1.0), (0.0, None), (0.0, 1.0),
    ]  # fmt: skip
    assert films.warnings[0] == "columns of manifest.csv that are not used: Hospital"


def test_lateral_films_are_left_out(tmp_path: Path) -> None:
    header = "Path,Patient,Frontal/Lateral,Edema,Mass"
    rows = [f"p{i},{'Lateral' if i == 2 else 'Frontal'},{i % 2},{i // 2 % 2}" for i in range(8)]
    films = load(manifest(tmp_path / "m", header, *rows), "multilabel")
    assert "p2" not in [film.patient for film in films.films]
    assert len(films.films) == 7
    assert "lateral films of manifest.csv, left out: 1" in films.warnings
    with pytest.raises(DataError, match="lateral films only"):
        load(manifest(tmp_path / "n", header, *(["p,lateral,1,0"] * 8)), "multilabel")


def test_chexpert_paths_begin_with_its_folder_and_name_patients(tmp_path: Path) -> None:
    names = [f"chexpert/train/patient{i // 2}/study1/view{i}_frontal.jpg" for i in range(6)]
    draw(tmp_path, *names)
    lines = ["Path,Edema", *(f"{name},{i % 2}" for i, name in enumerate(names))]
    (tmp_path / "chexpert" / "train.csv").write_text("\n".join(lines))
    films = load(tmp_path / "chexpert" / "train.csv", "multilabel")
    assert [f.patient for f in films.films[:3]] == ["patient0", "patient0", "patient1"]
    assert len(films.rows("validation")) == 2


def test_findings_are_drawn_by_patient_and_silent_ones_are_told(tmp_path: Path) -> None:
    rows = [f"p{i // 2},{int(i == 0)},1" for i in range(8)]
    films = load(manifest(tmp_path / "m", "path,patient,Edema,Mass", *rows), "multilabel")
    data.check_split(films.films)
    assert len(films.rows("validation")) == 2
    assert "no train film is known to be without Mass" in films.warnings
    assert "no validation film is known to be without Mass" in films.warnings


def test_findings_read_back_the_same(tmp_path: Path) -> None:
    rows = [f"p{i},{'' if i == 3 else i % 2},{(1, 0, -1)[i % 3]}" for i in range(8)]
    root = manifest(tmp_path / "m", "path,patient,Edema,Mass", *rows)
    films = load(root, "multilabel")
    data.write_manifest(films, root / "split.csv")
    assert (root / "split.csv").read_text().splitlines()[
        0
    ] == "path,sha256,patient,split,Edema,Mass"
    again = load(root / "split.csv", "multilabel")
    assert again.films == films.films
    assert again.manifest_sha256 == films.manifest_sha256


def test_a_written_manifest_still_knows_that_it_knew_no_patients(tmp_path: Path) -> None:
    rows = ["tb", "normal"] * 4
    root = manifest(tmp_path / "m", "path,label", *rows)
    data.write_manifest(load(root), root / "split.csv")
    assert load(root / "split.csv").warnings == (
        "no patient keys: films of one patient may be on both sides",
    )


def test_a_class_cannot_take_a_column_of_the_manifest(tmp_path: Path) -> None:
    rows = manifest(tmp_path / "m", "path,label", *["Label", "normal"] * 4)
    folders = draw(
        tmp_path / "f", *(f"{name}/{i}.png" for name in ("sex", "ill") for i in range(4))
    )
    for root, name in ((rows, "Label"), (folders, "sex")):
        with pytest.raises(DataError, match=f"a class is called {name}, which in a table"):
            load(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("film,label\nf0.png,tb\n", "has no column path"),
        ("path,label\n", "names no films"),
        ("path,label\n,tb\n", "line 2: names no film"),
        ("path,label\nf0.png,tb\nf0.png,normal\n", "names f0.png twice"),
        ("path,Path,label\nf0.png,f0.png,tb\n", "two columns path: path, Path"),
        (
            "path,Patient ID,PatientID,label\nf0.png,1,1,tb\n",
            "two columns patient: Patient ID, PatientID",
        ),
        (
            "path,class,finding\na.png,normal,none\nb.png,tb,none\nc.png,tb,mass\n",
            "several columns of classes: class, finding",
        ),
        ("path,label,labels\nf0.png,tb,tb\n", "both label and labels"),
        ("path,hospital\nf0.png,north\n", "tells no labels"),
        ("path,label,split\nf0.png,tb,later\n", "line 2: split is 'later'"),
        ("path,label,split\n\n,,\nf0.png,tb,later\n", "line 4: split is 'later'"),
        (
            "path,Edema\n" + "".join(f"f{i}.png,{'l' if i == 5 else 1}\n" for i in range(20)),
            "line 7: Edema is 'l'",
        ),
    ],
)
def test_broken_manifests(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        data.find(tmp_path)


def test_a_manifest_in_another_encoding(tmp_path: Path) -> None:
    # A character of UTF-8 is broken, and the byte is none of Windows' coding.
    (tmp_path / "manifest.csv").write_bytes(b"path,label\nf0.png,gr\x81\n")
    with pytest.raises(DataError, match="cannot be read as a table"):
        data.find(tmp_path)


def test_a_film_of_the_manifest_that_is_not_there(tmp_path: Path) -> None:
    root = manifest(tmp_path / "m", "path,label", *["tb", "normal"] * 4)
    (root / "f5.png").unlink()
    with pytest.raises(DataError, match=r"f5\.png: no such file"):
        load(root)


def test_columns_of_a_table_are_found_by_film(tmp_path: Path) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("Path,label,Sex\n./a/b.png,normal,F\nc.png,normal,\n")
    header, rows = tables.columns(file)
    assert header == ("Path", "label", "Sex")
    assert rows["a/b.png"]["Sex"] == "F"
    assert rows["c.png"]["Sex"] == ""


@pytest.mark.parametrize(
    ("column", "words"), [("condition", "supine erect"), ("class", "adult child"), ("Finding", "portable fixed"), ("result", "read unread")]
)  # fmt: skip
@pytest.mark.parametrize("cells", ["01", ("no", "yes")])
def test_findings_beside_a_column_of_other_words(
    tmp_path: Path, column: str, words: str, cells: str
) -> None:
    rows = [f"{words.split()[i % 2]},{cells[i % 3 == 0]}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", f"path,{column},Pneumonia", *rows))
    assert listing.names == ("Pneumonia",)
    assert [entry.values for entry in listing.entries] == [(float(i % 3 == 0),) for i in range(8)]
    assert listing.warnings == (f"columns of manifest.csv that are not used: {column}",)


def test_findings_go_before_a_column_of_classes(tmp_path: Path) -> None:
    rows = [f"{('Normal', 'TB')[i % 2]},{i // 4}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,diagnosis,Pneumonia", *rows))
    assert listing.names == ("Pneumonia",)
    assert listing.warnings[0] == (
        "the labels are the columns of findings, not diagnosis: call a column label to take its classes"
    )


def test_words_that_are_no_diagnoses_do_not_hide_classes(tmp_path: Path) -> None:
    rows = [f"{('AP', 'PA')[i // 4]},{('No Finding', 'TB')[i % 2]}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,classes,finding", *rows))
    assert listing.names == ("No Finding", "TB")


def test_the_mark_of_a_side_is_no_view(tmp_path: Path) -> None:
    rows = [f"{('Normal', 'TB')[i % 2]},{'LR'[i // 4]}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,label,view", *rows))
    assert len(listing.entries) == 8


def test_columns_of_splits_that_differ_are_not_taken(tmp_path: Path) -> None:
    splits = ["train", "test"]
    rows = [f"{('Normal', 'TB')[i % 2]},{splits[i // 4]},{splits[i // 2 % 2]}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,label,fold1,fold2", *rows))
    assert {entry.split for entry in listing.entries} == {None}
    assert listing.warnings == (
        "no splits are taken, as several columns name them (fold1, fold2): call one split",
    )


def test_numbers_that_may_all_be_names_of_films(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{i}.png" for i in range(4)))
    lines = ["row,diagnosis,file_no", *(f"{3 - i},{('Normal', 'TB')[i % 2]},{i}" for i in range(4))]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="may name the films: row, file_no") as caught:
        data.find(tmp_path)
    assert caught.value.hint == "Name the column of the films' paths path."
    assert tables.columns(tmp_path / "manifest.csv")[1] == {}
    (tmp_path / "manifest.csv").write_text("\n".join(["age" + lines[0][3:], *lines[1:]]))
    listing = data.find(tmp_path)
    assert [entry.name for entry in listing.entries] == [f"{i}.png" for i in range(4)]
    assert listing.warnings[0] == "the films are those of the column file_no"


def test_anonymous_patients_are_not_one(tmp_path: Path) -> None:
    rows = [f"{('TB', 'Normal')[i % 2]},{('Anonymous', 'ANONYMIZED')[i % 2]}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,label,PatientName", *rows))
    assert {e.keyed for e in listing.entries} == {False}


def test_a_patient_in_whole_numbers_and_in_decimals_is_the_same(tmp_path: Path) -> None:
    """pandas writes 12 as 12.0 where another row has no patient."""
    keys = ["12", "12.0", "012", "12,00", "unknown", "?", "1.5", "P1.0"]
    rows = [f'{("TB", "Normal")[i % 2]},"{key}"' for i, key in enumerate(keys)]
    listing = data.find(manifest(tmp_path / "m", "path,label,patient", *rows))
    assert [e.patient for e in listing.entries] == [
        "12", "12", "012", "12", "file/f4.png", "file/f5.png", "1.5", "P1.0",
    ]  # fmt: skip
    assert [e.keyed for e in listing.entries] == [True] * 4 + [False] * 2 + [True] * 2


@pytest.mark.parametrize("column", ["fold", "male", "y_pred", "is_test"])
def test_other_columns_of_1_and_0_are_no_findings(tmp_path: Path, column: str) -> None:
    """They made healthy films ill in a binary task."""
    rows = [f"{i % 2},{1 - i % 2},{i // 4}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", f"path,Pneumonia,Normal,{column}", *rows))
    assert listing.names == ("Normal", "Pneumonia")
    assert f"columns of manifest.csv that are not used: {column}" in listing.warnings


def test_a_column_that_tells_nothing_else_is_the_finding(tmp_path: Path) -> None:
    rows = [f"{i % 2},{i // 4}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,died,icu", *rows))
    assert listing.names == ("died", "icu")
    listing = data.find(manifest(tmp_path / "n", "path,died,male", *rows))
    assert listing.names == ("died",)


def test_numbers_of_classes_need_names(tmp_path: Path) -> None:
    """1 was taken for ill, but where classes are numbered by the alphabet it may mean NORMAL."""
    numbers = [f"{i % 2}" for i in range(8)]
    with pytest.raises(DataError, match="tells no labels") as caught:
        data.find(manifest(tmp_path / "m", "path,class_id", *numbers))
    assert caught.value.hint.endswith("The columns are path, class_id.")
    named = [f"{number},{('COVID', 'NORMAL')[int(number)]}" for number in numbers]
    listing = data.find(manifest(tmp_path / "n", "image_id,class_id,class_name", *named))
    assert listing.names == ("NORMAL", "COVID")
    assert [e.values[0] for e in listing.entries] == [float(i % 2) for i in range(8)]


def test_flags_of_splits_are_named(tmp_path: Path) -> None:
    rows = [f"{('TB', 'Normal')[i % 2]},{i // 4}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,label,is_test", *rows))
    assert listing.warnings == ("no splits are taken from is_test: name them in a column split",)


def test_lists_of_findings_as_nih_calls_them(tmp_path: Path) -> None:
    rows = ["No Finding", "Edema|Mass"] * 4
    listing = data.find(manifest(tmp_path / "m", "path,Finding Labels", *rows))
    assert listing.names == ("No Finding", "Edema", "Mass")
    columns = [f"{row},{i % 2}" for i, row in enumerate(rows)]
    listing = data.find(manifest(tmp_path / "n", "path,Finding Labels,Mass", *columns))
    assert listing.names == ("Mass",)


@pytest.mark.parametrize(
    ("text", "message"),
    [("f0.png,normal\nf1.png,TB\n", "first line names a film"),
     ("Films of 2024,\n,\npath,label\nf0.png,normal\nf1.png,TB\n", "line 3: has the names of the columns")],
)  # fmt: skip
def test_a_table_that_does_not_begin_with_its_columns(
    tmp_path: Path, text: str, message: str
) -> None:
    draw(tmp_path, *NAMES)
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        data.find(tmp_path)


def test_a_cell_image_in_each_row_names_no_columns(tmp_path: Path) -> None:
    draw(tmp_path, *NAMES)
    rows = [f"{Path(name).stem},image,{('TB', 'Normal')[i % 2]}" for i, name in enumerate(NAMES)]
    (tmp_path / "manifest.csv").write_text("\n".join(["uid,kind,label", *rows]))
    assert data.find(tmp_path).names == ("Normal", "TB")


@pytest.mark.parametrize(
    ("column", "cell", "mark"), [("labels", '"Edema, Mass"', ","), ("labels", "Edema;Mass", ";"), ("label", "Edema|Mass", "|")]
)  # fmt: skip
def test_several_findings_in_a_cell(tmp_path: Path, column: str, cell: str, mark: str) -> None:
    """They were one finding, or one class, of that name."""
    listing = data.find(
        manifest(tmp_path / "m", f"path,{column}", *["No Finding", cell, "Mass", "Mass"] * 2)
    )
    assert listing.names == ("No Finding", "Edema", "Mass")
    assert [e.values for e in listing.entries][:3] == [(1, 0, 0), (0, 1, 1), (0, 0, 1)]
    assert listing.warnings == (
        f"the column {column} of manifest.csv has several findings in a cell, separated by {mark}",
    )


@pytest.mark.parametrize(
    "words", [("positive", "Negative"), ("Y", "N"), ("+", "-"), ("present", "absent")]
)
def test_results_of_tests_are_findings_if_there_is_nothing_else(
    tmp_path: Path, words: tuple[str, str]
) -> None:
    rows = [words[0], words[1], words[1], ""] * 2
    listing = data.find(manifest(tmp_path / "m", "path,Pneumonia", *rows))
    assert listing.names == ("Pneumonia",)
    assert [e.values[0] for e in listing.entries] == [1.0, 0.0, 0.0, None] * 2
    beside = [f"{word},{name}" for word, name in zip(words * 4, ("Normal", "TB") * 4, strict=True)]
    listing = data.find(manifest(tmp_path / "n", "path,PCR,diagnosis", *beside))
    assert listing.names == ("Normal", "TB")


@pytest.mark.parametrize("odd", ["-", "rotated"])
def test_dashes_for_empty_cells_are_no_finding(odd: str, tmp_path: Path) -> None:
    rows = [f"{i}.png,{'positive' if i % 2 else '-'},{odd if i == 7 else '-'}" for i in range(20)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,pneumonia,remark", *rows]))
    assert data.find(table).names == ("pneumonia",)


@pytest.mark.parametrize("words", [("positive", "negative"), ("yes", "no")])
def test_findings_in_words_precede_the_course_of_the_disease(
    words: tuple[str, str], tmp_path: Path
) -> None:
    rows = [f"{words[i % 2]},{int(i == 3)}" for i in range(8)]
    listing = data.find(manifest(tmp_path / "m", "path,pneumonia,died", *rows))
    assert listing.names == ("pneumonia",)
