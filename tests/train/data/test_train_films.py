"""The films that a recipe trains on, and which sets cannot be trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

import bright_films
from drawn import name_films
from pneumoscope import data
from pneumoscope.data import Film, FilmSet
from pneumoscope.errors import DataError
from pneumoscope.train.data.films import check_films, load_films, other_patients, population_of
from pneumoscope.train.progress import Progress
from pneumoscope.train.recipe.settings import Recipe

BOTH = ("train", "validation")


class Counted(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.counts: list[tuple[str, int, int]] = []

    def count(self, text: str, done: int, total: int) -> None:
        self.counts.append((text, done, total))


def film_set(names: tuple[str, ...], films: list[tuple[str, tuple[float | None, ...]]]) -> FilmSet:
    """Blank films by split and targets."""
    return replace(
        bright_films.films(),
        names=names,
        negative=names[0] if names[0] == "normal" else None,
        films=tuple(
            Film(f"{i}.png", targets, f"p{i}", str(i), split)
            for i, (split, targets) in enumerate(films)
        ),
        pixels=np.zeros((len(films), 8, 8), np.uint8),
    )


def test_missing_lung_masks_are_named_before_any_film_is_decoded(tmp_path: Path) -> None:
    folders = [f"{name}/{i}.png" for name in ("normal", "pneumonia") for i in range(3)]
    root = name_films(tmp_path, *folders)
    with pytest.raises(DataError, match="no training film has a lung mask") as raised:
        load_films(Recipe(head="lungs"), root, tmp_path / "cache", Counted())
    for way in ("--masks", "pneumoscope data masks", "flagship"):
        assert way in raised.value.hint
    assert not (tmp_path / "cache").exists()


def test_task_split_and_size_are_the_recipes(films_folder: Path, tmp_path: Path) -> None:
    recipe = Recipe(task="binary", size=32, source_size=64, validation=0.25)
    progress = Counted()
    films = load_films(recipe, films_folder, tmp_path / "cache", progress)
    assert (films.names, films.task) == (("normal", "pneumonia"), "binary")
    assert films.pixels.shape == (64, 64, 64)
    assert progress.counts[-1] == ("reading films", 64, 64)
    again = Counted()
    other = load_films(replace(recipe, seed=9), films_folder, tmp_path / "cache", again)
    # The cache has them, and another seed trains on the same split.
    assert again.counts == []
    assert other.films == films.films


def test_every_class_must_be_on_both_sides() -> None:
    films = [(split, (1.0 - k, float(k))) for split in BOTH for k in (0, 1)]
    check_films(film_set(("normal", "covid"), films))
    with pytest.raises(DataError, match="too few patients to hold some out of every class"):
        check_films(film_set(("normal", "covid"), films[:-1]))
    with pytest.raises(DataError, match="means that nothing was found"):
        check_films(film_set(("covid", "flu"), films))


def test_findings_need_films_with_and_without_them() -> None:
    films = [(split, (float(k), float(k))) for split in BOTH for k in (0, 1)]
    names = ("edema", "effusion")
    check_films(replace(film_set(names, films), task="multilabel"))
    unknown = [(split, (targets[0], None)) for split, targets in films]
    with pytest.raises(DataError, match=r"known both with and without effusion$"):
        check_films(replace(film_set(names, unknown), task="multilabel"))
    unmeasured = [*films[:2], ("validation", (1.0, 0.0)), ("validation", (None, 0.0))]
    with pytest.raises(DataError, match="no finding has validation films"):
        check_films(replace(film_set(names, unmeasured), task="multilabel"))
    with pytest.raises(DataError, match="only one finding, edema"):
        check_films(replace(film_set(("edema",), [("train", (1.0,))]), task="multilabel"))


def test_films_of_other_patients_come_from_other_sources_and_a_folder(
    films_folder: Path, tmp_path: Path
) -> None:
    known = bright_films.films()
    films = replace(
        known,
        films=tuple(replace(film, source="AB"[i % 2]) for i, film in enumerate(known.films)),
        population=("A",),
    )
    progress = Counted()
    nobody = other_patients(replace(films, population=()), None, tmp_path / "cache", progress)
    assert (len(nobody), progress.counts) == (0, [])
    others = other_patients(films, None, tmp_path / "cache", progress)
    np.testing.assert_array_equal(others, films.pixels[1::2])
    more = other_patients(films, films_folder, tmp_path / "cache", progress)
    assert more.shape == (
        len(others) + len(data.find(films_folder).entries),
        *films.pixels.shape[1:],
    )
    assert progress.counts[-1][0] == "reading films of other patients"


def test_sources_left_out_are_not_of_the_population() -> None:
    recipe = Recipe(population=("a", "b"), split="leave-out:b+c")
    assert population_of(recipe) == ("a",)
    assert population_of(Recipe(split="leave-out:b")) == ()
    with pytest.raises(DataError, match="the population of the recipe, b, is left out"):
        population_of(Recipe(population=("b",), split="leave-out:b"))
