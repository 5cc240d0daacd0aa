from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw, drawn_set, name_films
from pneumoscope import data
from pneumoscope.data.layouts import find
from pneumoscope.errors import DataError

NO_KEYS = "no patient keys: split by film, so films of one patient may be on both sides"


def load(root: Path, task: str = "multiclass", split: str = "patient") -> data.FilmSet:
    return data.load(
        root, 64, task=task, split=split, share=0.25, seed=1, cache=root.parent / "cache"
    )


def numbered(*folders: str, count: int = 4) -> list[str]:
    return [f"{folder}/{i}.png" for folder in folders for i in range(count)]


def test_class_folders_only(tmp_path: Path) -> None:
    root = draw(tmp_path / "mine", *numbered("TB", "Healthy", "covid"))
    (root / "TB" / "notes.txt").write_text("not a film")
    (root / "TB" / ".hidden.png").write_bytes(b"")
    (root / "__MACOSX").mkdir()
    films = load(root)
    assert (films.names, films.negative) == (("Healthy", "TB", "covid"), "Healthy")
    assert [f.path for f in films.films[:2]] == ["Healthy/0.png", "Healthy/1.png"]
    assert sorted(films.labels.tolist()) == [0] * 4 + [1] * 4 + [2] * 4
    assert len(films.rows("validation")) == 3
    assert films.warnings == (NO_KEYS,)
    assert films.source == "class folders of mine"


def test_binary_groups_everything_against_the_negative_class(tmp_path: Path) -> None:
    root = draw(tmp_path / "mine", *numbered("TB", "Healthy", "covid"))
    three, two = load(root), load(root, "binary")
    assert (two.names, two.negative) == (("Healthy", "abnormal"), "Healthy")
    assert (two.labels == (three.labels > 0)).all()
    assert [f.split for f in two.films] == [f.split for f in three.films]


def test_two_classes_keep_their_names(tmp_path: Path) -> None:
    films = load(draw(tmp_path / "a", *numbered("tb", "NORMAL")), "binary")
    assert (films.names, films.negative) == (("NORMAL", "tb"), "NORMAL")
    films = load(draw(tmp_path / "b", *numbered("tb", "covid")), "binary")
    assert (films.names, films.negative) == (("covid", "tb"), None)
    assert films.labels.tolist() == [0] * 4 + [1] * 4


def test_binary_needs_a_negative_class(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which of covid, flu, tb is the negative class"):
        load(draw(tmp_path / "mine", *numbered("tb", "covid", "flu")), "binary")


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only one class has films: tb"):
        load(draw(tmp_path / "mine", *numbered("tb")))


def test_class_folders_do_not_tell_findings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one class per film") as raised:
        load(draw(tmp_path / "mine", *numbered("tb", "normal")), "multilabel")
    assert "manifest" in raised.value.hint


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_split_folders(tmp_path: Path, name: str) -> None:
    names = numbered("train/tb", "train/normal", f"{name}/tb", f"{name}/normal", "test/tb")
    root = draw(tmp_path / "mine", *names)
    (root / "test" / "tb" / "0.png").write_bytes(b"never read")
    given = load(root, split="given")
    assert {f.path.split("/")[0] for f in given.films if f.split == "validation"} == {name}
    assert (len(given.rows("train")), len(given.rows("validation"))) == (8, 8)
    assert given.warnings[-1] == "only 8 validation films: too few to choose anything on"
    drawn = load(root)
    assert {f.path.split("/")[0] for f in drawn.films} == {"train"}
    assert len(drawn.rows("validation")) == 2
    assert drawn.warnings == (NO_KEYS,)


def test_a_class_without_training_films(tmp_path: Path) -> None:
    root = draw(tmp_path / "mine", *numbered("train/tb", "train/normal", "val/covid"))
    with pytest.raises(DataError, match="covid has validation films but none for training"):
        load(root, split="given")
    assert load(root).names == ("normal", "tb")


def test_a_validation_folder_without_train(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds test, val but no train folder"):
        load(draw(tmp_path / "mine", "val/tb/0.png", "test/tb/0.png"))


def test_splits_inside_of_class_folders_are_kept(tmp_path: Path) -> None:
    names = numbered("normal/train", "normal/test", "tb/Training", "tb/val")
    listing = find(draw(tmp_path / "mine", *names))
    assert (listing.layout, listing.names) == ("split folders", ("normal", "tb"))
    splits = {"train": "train", "test": "test", "Training": "train", "val": "validation"}
    assert all(e.split == splits[e.name.split("/")[1]] for e in listing.entries)
    # A film beside these folders has no split: all films counted as training films, those for testing, too.
    (tmp_path / "mine/tb/more.png").write_bytes(b"")
    with pytest.raises(DataError, match="not for all films") as caught:
        find(tmp_path / "mine")
    assert "tb/more.png" in caught.value.hint


def test_a_class_folder_with_masks_beside_its_images(tmp_path: Path) -> None:
    names = numbered("COVID/images", "COVID/masks", "Normal/images", "Normal/masks")
    films = load(draw(tmp_path / "mine", *names))
    assert len(films.films) == 8
    assert all("/images/" in f.path for f in films.films)


def test_names_of_version_3_of_the_kermany_set(tmp_path: Path) -> None:
    """Films of a patient were drawn into both splits: the number in a name is the patient's."""
    names = ["NORMAL/NORMAL-12-0001.jpeg", "NORMAL/NORMAL-12-0002.jpeg", "PNEUMONIA/BACTERIA-30-0001.jpeg",
             "PNEUMONIA/VIRUS-31-0003.jpeg"]  # fmt: skip
    listing = find(name_films(tmp_path / "films", *(f"train/{name}" for name in names)))
    assert (listing.layout, listing.names) == ("kermany", ("normal", "bacterial", "viral"))
    assert [(e.patient, e.keyed) for e in listing.entries] == [
        ("patient/12", True), ("patient/12", True), ("patient/30", True), ("patient/31", True),
    ]  # fmt: skip
    assert [e.values.index(1.0) for e in listing.entries] == [0, 0, 1, 2]
    mine = find(name_films(tmp_path / "mine", *names, "TB/0.png"))
    assert {e.patient for e in mine.entries} == {"patient/12", "patient/30", "patient/31", "file/TB/0.png"}  # fmt: skip


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    name_films(tmp_path, "data/train-00000-of-00001.parquet")
    with pytest.raises(DataError, match="holds no films, but data/train-00000") as caught:
        find(tmp_path)
    assert "as files" in caught.value.hint


def test_folders_of_bids_are_no_classes(tmp_path: Path) -> None:
    names = [f"sub-S0{i}/ses-E{i}/mod-rx/0.png" for i in range(4)]
    with pytest.raises(DataError, match="are no classes"):
        find(name_films(tmp_path, *names))


def test_kermany_films_keep_their_patients_among_other_classes(tmp_path: Path) -> None:
    root = drawn_set(tmp_path / "films", 8, 12)
    draw(root, *numbered("train/TUBERCULOSIS"))
    films = load(root)
    assert films.names == ("NORMAL", "PNEUMONIA", "TUBERCULOSIS")
    patients = {f.path.split("/", 1)[1]: f.patient for f in films.films}
    assert patients["NORMAL/IM-0001-0000.jpeg"] == "normal/IM-0001"
    assert patients["PNEUMONIA/person1_virus_2.jpeg"] == "virus/person1"
    assert patients["TUBERCULOSIS/0.png"] == "file/train/TUBERCULOSIS/0.png"
    data.check_split(films.films)
    assert films.warnings[0].startswith("no patient keys for 4 of 24 films")
    assert films.source == "train and test folders of films"


def test_a_file_that_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "films.zip").write_bytes(b"")
    with pytest.raises(DataError, match="is an archive, not a folder"):
        data.find(tmp_path / "films.zip")


def test_nothing_can_be_held_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few patients to hold some out"):
        load(draw(tmp_path / "mine", "tb/0.png", "normal/0.png"))


def test_a_link_to_another_class_is_no_class(tmp_path: Path) -> None:
    draw(tmp_path, *numbered("NORMAL", "PNEUMONIA", count=3))
    (tmp_path / "COPY").symlink_to(tmp_path / "NORMAL")
    listing = data.find(tmp_path)
    assert listing.names == ("NORMAL", "PNEUMONIA")
    assert len(listing.entries) == 6


def test_folders_of_few_films_are_patients(tmp_path: Path) -> None:
    draw(tmp_path, *numbered(*(f"study-{kind}" for kind in "abcdefg"), count=1))
    with pytest.raises(DataError, match="its folders are no classes"):
        data.find(tmp_path)


def test_a_train_folder_with_a_table_names_it(tmp_path: Path) -> None:
    draw(tmp_path, *numbered("train", count=3))
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n0.png,normal\n")
    with pytest.raises(DataError) as caught:
        data.find(tmp_path)
    assert f"If {tmp_path / 'train' / 'metadata.csv'} has the labels" in caught.value.hint


def test_pictures_of_programs_beside_class_folders_are_no_films(tmp_path: Path) -> None:
    root = name_films(tmp_path, "normal/0.png", "tb/1.png", "plots/roc.png", "Models/arch.png")
    listing = find(root)
    assert listing.names == ("normal", "tb")
    assert listing.warnings == (
        "folders that are no classes by their names, left out: Models, plots",
    )
    few = find(name_films(tmp_path / "few", "normal/0.png", "plots/1.png"))
    assert few.names == ("normal", "plots")


def test_a_class_of_one_film_cannot_be_validated(tmp_path: Path) -> None:
    root = draw(tmp_path / "mine", "normal/0.png", *numbered("tb"))
    with pytest.raises(DataError, match="normal has films for training but none for validation"):
        load(root)
    given = draw(tmp_path / "given", *numbered("train/normal", "train/tb", "val/normal"))
    with pytest.raises(DataError, match="tb has films for training but none for validation"):
        load(given, split="given")
    assert load(draw(root, "flu/0.png", *numbered("normal"))).names == ("normal", "flu", "tb")


def test_films_with_the_same_pixels_and_different_labels_are_named(tmp_path: Path) -> None:
    root = draw(tmp_path / "mine", *numbered("normal", "tb"))
    (root / "tb" / "copy.png").write_bytes((root / "normal" / "0.png").read_bytes())
    assert "films with the same pixels and different labels: 2" in load(root).warnings
