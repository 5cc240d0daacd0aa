from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope import data
from pneumoscope.data import folders
from pneumoscope.data.split import split_films
from pneumoscope.errors import DataError

# What the draw held out before other layouts were known; a change of it would make the figures of
# two versions incomparable.
HELD_OF_THE_DRAWN_SET = [
    "train/NORMAL/IM-0004-0000.jpeg",
    "train/NORMAL/IM-0004-0001.jpeg",
    "train/NORMAL/IM-0008-0000.jpeg",
    "train/NORMAL/IM-0008-0001.jpeg",
    "train/NORMAL/IM-0009-0000.jpeg",
    "train/NORMAL/IM-0009-0001.jpeg",
    "train/PNEUMONIA/person0_bacteria_0.jpeg",
    "train/PNEUMONIA/person0_bacteria_1.jpeg",
    "train/PNEUMONIA/person2_bacteria_4.jpeg",
    "train/PNEUMONIA/person2_bacteria_5.jpeg",
    "train/PNEUMONIA/person3_virus_6.jpeg",
    "train/PNEUMONIA/person3_virus_7.jpeg",
    "train/PNEUMONIA/person9_virus_18.jpeg",
    "train/PNEUMONIA/person9_virus_19.jpeg",
]


def load(
    folder: Path, tmp_path: Path, seed: int = 0, task: str = "multiclass", split: str = "patient"
) -> data.FilmSet:
    return data.load(
        folder, 224, task=task, split=split, share=0.25, seed=seed, cache=tmp_path / "cache"
    )


def held(films: data.FilmSet) -> list[str]:
    return [film.path for film in films.films if film.split == "validation"]


def test_labels_and_patients_come_from_names(films_folder: Path) -> None:
    listing = data.find(films_folder)
    assert listing.names == ("normal", "bacterial", "viral")
    films = {entry.path.name: (entry.values, entry.patient) for entry in listing.entries}
    assert len(films) == 64
    assert films["IM-0003-0001.jpeg"] == ((1.0, 0.0, 0.0), "normal/IM-0003")
    assert films["person0_bacteria_1.jpeg"] == ((0.0, 1.0, 0.0), "bacteria/person0")
    assert films["person1_virus_2.jpeg"] == ((0.0, 0.0, 1.0), "virus/person1")


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("NORMAL2-IM-1266-0001.jpeg", "NORMAL", ("normal", "normal/NORMAL2-IM-1266", True)),
        ("IM-1266-0001.jpeg", "NORMAL", ("normal", "normal/IM-1266", True)),
        ("scan.jpeg", "NORMAL", ("normal", "normal/file/scan.jpeg", False)),
        ("person7_virus_12.jpeg", "PNEUMONIA", ("viral", "virus/person7", True)),
        ("person7_bacteria_12.jpeg", "PNEUMONIA", ("bacterial", "bacteria/person7", True)),
        ("scan.jpeg", "PNEUMONIA", ("pneumonia", "pneumonia/file/scan.jpeg", False)),
    ],
)
def test_keys_keep_prefix_and_subtype(
    name: str, folder: str, expected: tuple[str, str, bool]
) -> None:
    assert folders.kermany_label(name, folder) == expected


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_split_of_the_kermany_set_is_pinned(
    films_folder: Path, tmp_path: Path, task: str
) -> None:
    films = load(films_folder, tmp_path, 20180222, task)
    assert held(films) == HELD_OF_THE_DRAWN_SET
    assert films.warnings == ()
    assert films.source.startswith("Kermany")


def test_tasks_of_the_kermany_set(films_folder: Path, tmp_path: Path) -> None:
    three = load(films_folder, tmp_path)
    assert (three.names, three.negative) == (("normal", "bacterial", "viral"), "normal")
    assert np.bincount(three.labels).tolist() == [24, 20, 20]
    two = load(films_folder, tmp_path, task="binary")
    assert (two.names, two.negative) == (("normal", "pneumonia"), "normal")
    assert (two.labels == (three.labels > 0)).all()
    assert two.targets.shape == (64, 2)
    assert two.targets.dtype == np.float32
    with pytest.raises(DataError, match="several findings"):
        load(films_folder, tmp_path, task="multilabel")


def test_validation_and_test_folders_are_left_out(films_folder: Path, tmp_path: Path) -> None:
    for name in ("val", "test"):
        shutil.copytree(films_folder / "train", films_folder / name)
    (films_folder / "test" / "NORMAL" / "IM-0000-0000.jpeg").write_bytes(b"broken")
    films = load(films_folder, tmp_path, 20180222)
    assert held(films) == HELD_OF_THE_DRAWN_SET
    assert len(films.films) == 64


def test_no_patient_in_two_splits(films_folder: Path, tmp_path: Path) -> None:
    loaded = load(films_folder, tmp_path)
    films = loaded.films
    data.check_split(films)
    splits: dict[str, set[str]] = {}
    for film in films:
        splits.setdefault(film.patient, set()).add(film.split)
    assert all(len(s) == 1 for s in splits.values())
    for label in range(3):
        patients = {f.patient for f in films if f.targets[label]}
        held_out = {f.patient for f in films if f.targets[label] and f.split == "validation"}
        assert len(held_out) == round(0.25 * len(patients))


def test_patients_who_share_a_film_stay_together() -> None:
    patients = [f"p{i}" for i in range(20)]
    hashes = [f"h{i // 2}" for i in range(20)]  # p0 and p1 share h0, p2 and p3 h1 ...
    for seed in range(10):
        split = data.split_patients([0] * 20, patients, hashes, 0.3, seed)
        assert split[::2] == split[1::2]
        assert split.count("validation") == 6


def test_the_split_is_seeded() -> None:
    arguments = ([0] * 30, [f"p{i}" for i in range(30)], [f"h{i}" for i in range(30)], 0.3)
    assert data.split_patients(*arguments, 1) == data.split_patients(*arguments, 1)
    assert data.split_patients(*arguments, 1) != data.split_patients(*arguments, 2)


def test_films_are_cached_and_the_cache_notices_changes(films_folder: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    def run() -> data.FilmSet:
        return data.load(
            films_folder,
            224,
            task="multiclass",
            share=0.25,
            seed=0,
            cache=tmp_path / "c",
            progress=lambda d, t: calls.append(d),
        )

    first = run()
    assert calls == list(range(1, 65))
    second = run()
    assert len(calls) == 64
    assert (first.pixels == second.pixels).all()
    assert isinstance(second.pixels, np.memmap)
    assert first.manifest_sha256 == second.manifest_sha256
    (films_folder / "train" / "NORMAL" / "IM-0000-0000.jpeg").unlink()
    assert len(run().films) == 63
    assert not list((tmp_path / "c").glob("*.part"))


def test_the_parent_of_chest_xray_is_found(films_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "parent").mkdir()
    shutil.move(films_folder, tmp_path / "parent" / "chest_xray")
    listing = data.find(tmp_path / "parent")
    assert len(listing.entries) == 64
    assert listing.entries[0].name == "chest_xray/train/NORMAL/IM-0000-0000.jpeg"


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        data.find(tmp_path / "no")


def test_another_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no training films in a layout") as raised:
        data.find(tmp_path)
    assert "a folder per class" in raised.value.hint


def test_one_class_only(films_folder: Path) -> None:
    shutil.rmtree(films_folder / "train" / "NORMAL")
    with pytest.raises(DataError, match="holds no films"):
        data.find(films_folder)


def test_a_name_without_subtype(films_folder: Path, tmp_path: Path) -> None:
    folder = films_folder / "train" / "PNEUMONIA"
    (folder / "person0_bacteria_0.jpeg").rename(folder / "film.jpeg")
    with pytest.raises(DataError, match=r"film\.jpeg: the name tells neither bacteria nor virus"):
        load(films_folder, tmp_path)
    films = load(films_folder, tmp_path, task="binary")
    assert np.bincount(films.labels).tolist() == [24, 40]
    assert films.warnings == (
        "no patient keys for 1 of 64 films: split by film, so films of one patient may be on "
        "both sides",
    )


def test_an_unreadable_film_is_named(films_folder: Path, tmp_path: Path) -> None:
    (films_folder / "train" / "NORMAL" / "IM-0001-0000.jpeg").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(DataError, match=r"IM-0001-0000\.jpeg"):
        load(films_folder, tmp_path)
    assert not list((tmp_path / "cache").glob("*"))


def test_splitting_by_film_ignores_patients(films_folder: Path, tmp_path: Path) -> None:
    films = load(films_folder, tmp_path, split="film")
    assert len(held(films)) == 16  # a quarter of 24 + 20 + 20
    with pytest.raises(DataError, match="stand in two splits"):
        data.check_split(films.films)
    assert films.warnings[0].startswith("split by film")
    assert films.warnings[1].startswith("patients in train and in validation: ")


def test_splitting_by_film_takes_a_share_of_each_class() -> None:
    labels = [0] * 8 + [1] * 4
    split = split_films(labels, 0.25, 3)
    assert (split[:8].count("validation"), split[8:].count("validation")) == (2, 1)
    assert split == split_films(labels, 0.25, 3)


def test_given_takes_the_folders_own_validation(films_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no validation films of its own"):
        load(films_folder, tmp_path, split="given")
    for kind, name in (("NORMAL", "IM-0000-0000.jpeg"), ("PNEUMONIA", "person1_virus_2.jpeg")):
        (films_folder / "val" / kind).mkdir(parents=True)
        (films_folder / "train" / kind / name).rename(films_folder / "val" / kind / name)
    films = load(films_folder, tmp_path, split="given")
    assert held(films) == ["val/NORMAL/IM-0000-0000.jpeg", "val/PNEUMONIA/person1_virus_2.jpeg"]
    assert films.warnings == (
        "patients in train and in validation: 2",
        "only 2 validation films: too few to choose anything on",
    )


def test_a_patient_in_two_splits_is_named() -> None:
    films = [
        data.Film(path=f"{i}.png", targets=(1.0, 0.0), patient=patient, sha256="", split=split)
        for i, (patient, split) in enumerate(
            [("p2", "train"), ("p2", "test"), ("p1", "train"), ("p1", "train")]
        )
    ]
    data.check_split(films[2:])
    with pytest.raises(DataError, match=r"two splits: p2$"):
        data.check_split(films)
    many = [
        data.Film(path="", targets=(), patient=f"p{i}", sha256="", split=s)
        for i in range(5)
        for s in ("train", "validation")
    ]
    with pytest.raises(DataError, match="p0, p1, p2 and 2 more"):
        data.check_split(many)


def test_unknown_tasks_and_splits(films_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="task 'three' is unknown"):
        load(films_folder, tmp_path, task="three")
    with pytest.raises(DataError, match="split 'random' is unknown"):
        load(films_folder, tmp_path, split="random")


def test_the_manifests_hash_is_that_of_pixels_targets_and_split(
    films_folder: Path, tmp_path: Path
) -> None:
    films = load(films_folder, tmp_path)
    nested = films_folder.rename(tmp_path / "chest_xray").parent
    elsewhere = load(nested, tmp_path)
    assert [f.path for f in elsewhere.films] != [f.path for f in films.films]
    assert elsewhere.manifest_sha256 == films.manifest_sha256
    first, *others = films.films
    for changed in (
        replace(first, split="test"),
        replace(first, sha256="0"),
        replace(first, targets=first.targets[::-1]),
    ):
        other = replace(films, films=(changed, *others))
        assert other.manifest_sha256 != films.manifest_sha256
    turned = replace(films, films=films.films[::-1])
    assert turned.manifest_sha256 == films.manifest_sha256


def test_the_written_manifest_reads_back_the_same(films_folder: Path, tmp_path: Path) -> None:
    films = load(films_folder, tmp_path)
    data.write_manifest(films, films_folder / "manifest.csv")
    again = load(films_folder, tmp_path, seed=99)  # the manifest's split, not another draw
    assert again.films == films.films
    assert (again.names, again.negative) == (films.names, films.negative)
    assert again.manifest_sha256 == films.manifest_sha256
    assert (again.source, again.warnings) == ("CSV manifest manifest.csv in films", ())


def test_a_manifest_elsewhere_leads_back(films_folder: Path, tmp_path: Path) -> None:
    films = load(films_folder, tmp_path)
    (tmp_path / "lists").mkdir()
    data.write_manifest(films, tmp_path / "lists" / "split.csv")
    again = load(tmp_path / "lists" / "split.csv", tmp_path, task="binary")
    assert again.names == ("normal", "abnormal")
    assert again.films[0].path == "../films/train/NORMAL/IM-0000-0000.jpeg"
    assert [f.split for f in again.films] == [f.split for f in films.films]


def test_a_manifest_tells_when_films_changed(films_folder: Path, tmp_path: Path) -> None:
    data.write_manifest(load(films_folder, tmp_path), films_folder / "manifest.csv")
    folder = films_folder / "train" / "NORMAL"
    shutil.copy(folder / "IM-0001-0000.jpeg", folder / "IM-0001-0001.jpeg")
    assert load(films_folder, tmp_path).warnings == (
        "films with other pixels than the manifest says (another size, or changed): 1",
    )


def two_hospitals(films_folder: Path, tmp_path: Path) -> Path:
    """A manifest of the drawn films: patients with even numbers from hospital A, the others from B."""
    rows = ["path,label,source,patient"]
    for path in sorted(films_folder.rglob("train/*/*.jpeg")):
        label = "normal" if "NORMAL" in path.parts else "ill"
        number = int("".join(c for c in path.stem.split("_")[0] if c.isdigit())[:4] or 0)
        rows.append(f"{path},{label},{'AB'[number % 2]},{path.stem.split('_')[0]}")
    file = tmp_path / "two.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


def test_only_films_of_the_population_are_held_out(films_folder: Path, tmp_path: Path) -> None:
    file = two_hospitals(films_folder, tmp_path)
    films = data.load(
        file, 64, task="binary", share=0.25, seed=0, population=["A"], cache=tmp_path / "cache"
    )
    sources = {film.source for film in films.films}
    assert sources == {"A", "B"}
    assert {film.source for film in films.films if film.split == "validation"} == {"A"}
    assert films.population == ("A",)
    assert films.in_population.tolist() == [film.source == "A" for film in films.films]
    # The population's films are split as they would be without the others.
    lines = file.read_text().splitlines()
    alone = tmp_path / "alone.csv"
    alone.write_text("\n".join([lines[0], *(row for row in lines if ",A," in row)]) + "\n")
    expected = data.load(alone, 64, task="binary", share=0.25, seed=0, cache=tmp_path / "cache")
    assert held(films) == held(expected)
    assert expected.in_population.all()


def test_a_population_that_no_film_is_from(films_folder: Path, tmp_path: Path) -> None:
    file = two_hospitals(films_folder, tmp_path)
    with pytest.raises(DataError, match="no film is from C") as caught:
        data.load(file, 64, task="binary", share=0.25, seed=0, population=["A", "C"])
    assert caught.value.hint == "Sources of the films: A, B."


def test_broken_films_stop_a_training_or_are_left_out(films_folder: Path, tmp_path: Path) -> None:
    names = ["train/NORMAL/IM-0003-0001.jpeg", "train/PNEUMONIA/person1_virus_2.jpeg"]
    for name in names:
        (films_folder / name).write_bytes(b"no film")
    with pytest.raises(DataError, match="2 films cannot be read"):
        load(films_folder, tmp_path)
    films = data.load(
        films_folder, 224, task="multiclass", share=0.25, seed=0, skip_broken=True, cache=tmp_path
    )
    assert films.broken == tuple(names)
    assert len(films.films) == len(films.pixels) == 62
    assert not {*names} & {film.path for film in films.films}
    assert films.warnings[0] == f"films that cannot be read, left out: 2 ({', '.join(names)})"
