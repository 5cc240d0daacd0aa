from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw
from pneumoscope import data
from pneumoscope.data.check import check
from pneumoscope.data.listing import for_task
from pneumoscope.data.manifests import collect, write_collected
from pneumoscope.errors import DataError
from pneumoscope.evidence.audit.listing import open_films


def numbered(*folders: str, count: int = 3) -> list[str]:
    return [f"{folder}/{folder[0]}{i}.png" for folder in folders for i in range(count)]


def test_two_spellings_of_healthy_are_one_class_everywhere(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("NORMAL", "Normal", "No_Finding", "PNEUMONIA"))
    listing = data.find(root)
    assert listing.names == ("NORMAL", "PNEUMONIA")
    assert [e.values for e in listing.entries].count((1.0, 0.0)) == 9
    assert listing.warnings == ("names of one class: NORMAL, No_Finding, Normal (as NORMAL)",)
    for task in ("binary", "multiclass"):
        assert for_task(listing, task).names == ("NORMAL", "PNEUMONIA")
    assert check(root).counts == {"films": {"NORMAL": 9, "PNEUMONIA": 3}}
    assert open_films(root)[0].names == ("NORMAL", "PNEUMONIA")


def test_spellings_across_splits_and_in_a_film_heap(tmp_path: Path) -> None:
    split = draw(
        tmp_path / "s", *numbered("train/normal", "train/TB", "test/Normal", "test/tb", count=2)
    )
    assert data.find(split).names == ("Normal", "TB")
    heap = draw(tmp_path / "h", *numbered("test/normal", "test/Normal", count=1))
    listing, limits = open_films(heap)  # training refuses it
    assert listing.names == ("Normal",)
    assert limits


def test_labels_of_a_table_and_columns_of_findings(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{i}.png" for i in range(4)))
    (tmp_path / "manifest.csv").write_text(
        "path,label\n0.png,Pneumonia\n1.png,Normal\n2.png,normal\n3.png,normal\n"
    )
    listing = data.find(tmp_path)
    assert listing.names == ("normal", "Pneumonia")
    assert [e.values[0] for e in listing.entries] == [0.0, 1.0, 1.0, 1.0]
    (tmp_path / "manifest.csv").write_text(
        "path,No Finding,Normal,Edema\n0.png,1,,0\n1.png,,1,\n2.png,0,0,1\n3.png,-1,,1\n"
    )
    listing = data.find(tmp_path)
    assert listing.names == ("No Finding", "Edema")
    assert [e.values for e in listing.entries] == [
        (1.0, 0.0), (1.0, None), (0.0, 1.0), (None, 1.0),
    ]  # fmt: skip


def test_folders_0_and_1_with_a_named_negative_class(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("0", "1"))
    assert data.find(root).negative is None
    assert "a training needs --negative" in check(root).warnings[-1]
    for name, names in (("0", ("0", "1")), ("1", ("1", "0"))):
        labelled = for_task(data.find(root, name), "binary")
        assert (labelled.names, labelled.negative) == (names, name)
        assert labelled.targets.count((1.0, 0.0)) == 3
    (root / "datasheet.toml").write_text('negative = "1"\n')
    assert data.find(root).negative == "1"
    assert data.find(root, "0").negative == "0"
    with pytest.raises(DataError, match="'2' is not among the classes 0, 1"):
        data.find(root, "2")


def test_a_named_class_groups_all_others_against_it(tmp_path: Path) -> None:
    labelled = for_task(data.find(draw(tmp_path / "f", *numbered("a", "b", "c")), "B"), "binary")
    assert (labelled.names, labelled.negative) == (("b", "abnormal"), "b")
    assert labelled.targets.count((0.0, 1.0)) == 6


def test_a_named_class_beside_one_called_normal(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("normal", "tb"))
    with pytest.raises(DataError, match="also films of the class normal"):
        data.find(root, "tb")
    assert data.find(root, "NORMAL").negative == "normal"


@pytest.mark.parametrize("other", ["NORMAL_augmented", "Normal chest film", "healthy_children"])
def test_other_words_for_healthy_are_no_illness(tmp_path: Path, other: str) -> None:
    root = draw(tmp_path / "f", *numbered("NORMAL", other, "PNEUMONIA"))
    with pytest.raises(DataError, match=f"{other} may have healthy films") as error:
        data.find(root)
    assert "put them into NORMAL" in error.value.hint
    assert "may have healthy films" in open_films(root)[1][0]


def test_classes_that_are_not_healthy_by_their_names(tmp_path: Path) -> None:
    """As those of RSNA's detailed classes and of COVIDx."""
    none = "No Lung Opacity, Not Normal"
    root = draw(tmp_path / "f", *numbered("Normal", none, "Lung Opacity"))
    listing = data.find(root)
    assert len(listing.names) == 3
    assert listing.warnings == (f"classes that count as positive, as there is Normal: {none}",)
    root = draw(tmp_path / "c", *numbered("Normal", "Non-COVID", "COVID"))
    warning = "classes that count as positive, as there is Normal: Non-COVID"
    assert data.find(root).warnings == (warning,)


def test_numbers_in_brackets_are_classes_where_nothing_was_copied(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("NORMAL", "stage (1)", "stage (2)"))
    listing = data.find(root)
    assert listing.names == ("NORMAL", "stage (1)", "stage (2)")
    assert listing.warnings == ()


def test_a_copy_of_a_folder_is_the_same_class(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("NORMAL", "NORMAL (1)", "TB", "TB - Copy"))
    assert data.find(root).names == ("NORMAL", "TB")


def test_films_of_unknown_class_have_no_label(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("normal", "TB", "unlabeled", count=1))
    listing = data.find(root)
    assert listing.names == ("normal", "TB")
    assert listing.warnings == ("names that tell no class, left out: unlabeled",)
    labelled = for_task(listing, "binary")
    assert [entry.name for entry in labelled.entries] == ["TB/T0.png", "normal/n0.png"]
    (root / "manifest.csv").write_text(
        "path,label\nnormal/n0.png,normal\nTB/T0.png,TB\nunlabeled/u0.png,-\n"
    )
    assert [entry.values for entry in data.find(root).entries] == [(1.0, 0.0), (0.0, 1.0), (None, None)]  # fmt: skip


@pytest.mark.parametrize("name", ["missing", "unknown", "results", "Outputs", "-", "n.a"])
def test_the_negative_class_may_have_any_name_if_it_is_said(name: str, tmp_path: Path) -> None:
    """Also one that else tells no class, or is that of a folder of outputs."""
    root = draw(tmp_path / "f", *numbered(name, "COVID", "TB", count=2))
    listing = data.find(root, name.lower())
    assert (listing.negative, listing.names) == (name, (name, "COVID", "TB"))
    assert len(listing.entries) == 6
    assert listing.warnings == ()


def test_words_about_a_report_are_no_findings(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{i}.png" for i in range(4)))
    (tmp_path / "manifest.csv").write_text(
        "path,labels\n0.png,normal|unchanged\n1.png,edema|suboptimal study\n2.png,exclude\n3.png,unchanged\n"
    )
    listing = data.find(tmp_path)
    assert listing.names == ("normal", "edema")
    nothing = (None, None)
    assert [entry.values for entry in listing.entries] == [(1.0, 0.0), (0.0, 1.0), nothing, nothing]


def test_a_finding_that_may_mean_healthy_is_an_error_in_a_binary_task(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{i}.png" for i in range(2)))
    (tmp_path / "manifest.csv").write_text("path,normal_flag,TB\n0.png,1,0\n1.png,0,1\n")
    with pytest.raises(DataError, match="normal_flag may mean that a film is healthy"):
        for_task(data.find(tmp_path), "binary")
    assert for_task(data.find(tmp_path, "normal_flag"), "binary").targets == ((1.0, 0.0), (0.0, 1.0))  # fmt: skip


def test_findings_such_as_a_tube_in_its_place_are_findings(tmp_path: Path) -> None:
    """RANZCR's table has ETT - Normal."""
    draw(tmp_path, *(f"{i}.png" for i in range(2)))
    (tmp_path / "manifest.csv").write_text(
        "path,ETT - Normal,ETT - Abnormal,CVC - Normal\n0.png,1,0,1\n1.png,0,1,1\n"
    )
    listing = data.find(tmp_path)
    assert for_task(listing, "multilabel").names == ("ETT - Normal", "ETT - Abnormal", "CVC - Normal")  # fmt: skip
    with pytest.raises(DataError, match="ETT - Normal may mean that a film is healthy"):
        for_task(listing, "binary")


def test_class_0_beside_normal_is_an_error(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("normal", "0", "1", count=1))
    with pytest.raises(DataError, match="the class 0 may have healthy films"):
        data.find(root)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("null", "stands for an empty cell"),
        ("NA", "stands for an empty cell"),
        ("age", "is a column about the film"),
        ("fold", "A column called 'fold' is not taken for a class"),
        ("masks", "not among"),
    ],
)
def test_a_negative_class_that_a_table_cannot_name(tmp_path: Path, name: str, hint: str) -> None:
    draw(tmp_path, "a.png", "b.png")
    table = tmp_path / "films.csv"
    label = name in ("null", "NA")
    header = "path,label" if label else f"path,{name},ill"
    rows = (f"a.png,{name}", "b.png,ill") if label else ("a.png,1,0", "b.png,0,1")
    table.write_text("\n".join((header, *rows)) + "\n")
    if name == "masks":  # only folders of that name are others
        assert for_task(data.find(table, name), "binary").names == ("masks", "ill")
        return
    with pytest.raises(DataError, match="is not among the classes ill") as refused:
        data.find(table, name)
    assert hint in refused.value.hint


def test_a_negative_class_that_is_called_like_masks(tmp_path: Path) -> None:
    for root in (tmp_path / "f", tmp_path / "s" / "train"):
        draw(root, *numbered("masks", "ill"))
    for root in (tmp_path / "f", tmp_path / "s"):
        with pytest.raises(DataError, match="'masks' is not among the classes ill") as refused:
            data.find(root, "masks")
        assert "A folder called 'masks' is taken for one of masks" in refused.value.hint


def test_folders_may_have_the_names_of_empty_cells(tmp_path: Path) -> None:
    root = draw(tmp_path / "f", *numbered("null", "ill"))
    listing = data.find(root, "null")
    assert for_task(listing, "binary").names == ("null", "ill")
    with pytest.raises(DataError, match="called null, which in a table stands for an empty cell"):
        write_collected(collect([("", root)]), tmp_path / "m.csv")
    assert not (tmp_path / "m.csv").exists()
