"""The plan of trainings that leave a source out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope.errors import DataError, UsageError
from pneumoscope.train.leave_out import plan
from pneumoscope.train.recipe.settings import Recipe

BOTH = ("normal", "ill")
SOURCES = {"north": BOTH, "south": BOTH, "east": BOTH[:1], "west": BOTH[1:]}
SHARES = (("north", 0.5), ("south", 0.3), ("east+west", 0.2))


def manifest(root: Path, sources: dict[str, tuple[str, ...]], *more: str) -> Path:
    """Two films of each class that a source has; a plan decodes none of them."""
    root.mkdir()
    films = [
        f"{kind},{source}," for source, kinds in sources.items() for kind in kinds for _ in range(2)
    ]
    rows = [f"{i}.png,{film}" for i, film in enumerate((*films, *more))]
    for row in rows:
        (root / row.split(",")[0]).touch()
    (root / "manifest.csv").write_text("\n".join(["path,label,source,split", *rows]) + "\n")
    return root


def recipe(**changes: Any) -> Recipe:
    return Recipe(task="binary", **changes)


def by_shares(*shares: tuple[str, float]) -> Recipe:
    return recipe(sampling="sources", source_shares=shares)


def test_every_source_is_left_out_once(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES, "ill,abroad,test", "ill,,")
    trainings = plan(recipe(split="film"), root, ["all"])
    # A source with films for testing only is not trained on anyway.
    assert [training.name for training in trainings] == ["east", "north", "south", "west"]
    assert [training.recipe.split for training in trainings] == [
        "leave-out:east", "leave-out:north", "leave-out:south", "leave-out:west",
    ]  # fmt: skip


def test_named_sources_and_groups_in_their_order(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES | {"a/b c": BOTH})
    trainings = plan(recipe(), root, ["south", "east+west", "south", "a/b c", "west+east"])
    assert [training.name for training in trainings] == ["south", "east+west", "a/b c"]
    assert [training.folder for training in trainings] == [
        "leave-out-south", "leave-out-east+west", "leave-out-a%2Fb%20c",
    ]  # fmt: skip


def test_all_with_shares_is_every_group(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES)
    trainings = plan(by_shares(*SHARES), root, ["all"])
    assert [training.name for training in trainings] == ["north", "south", "east+west"]
    # The recipe is recorded as it is; the training drops the shares of the sources left out.
    assert {training.recipe.source_shares for training in trainings} == {SHARES}


def test_a_population_is_never_left_out_whole(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES)
    trainings = plan(recipe(population=("north",)), root, ["all"])
    assert [training.name for training in trainings] == ["east", "south", "west"]
    trainings = plan(recipe(population=("north", "south")), root, ["north"])
    assert [training.name for training in trainings] == ["north"]
    with pytest.raises(DataError, match="the population of the recipe, north, is left out"):
        plan(recipe(population=("north",)), root, ["north"])
    with pytest.raises(DataError, match="class ill of the population east remains") as error:
        plan(recipe(population=("north", "east")), root, ["north"])
    assert error.value.hint == "Leave another source out."


def test_a_group_that_loses_a_class(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES)
    with pytest.raises(DataError) as error:
        plan(by_shares(*SHARES), root, ["north", "east"])
    assert str(error.value) == "--leave-out east: all training films of west are ill"
    assert error.value.hint == "Leave the whole group out: --leave-out east+west."
    with pytest.raises(DataError, match="--leave-out north: no group of source_shares remains"):
        plan(by_shares(("north", 1.0)), root, ["all"])


@pytest.mark.parametrize(
    ("sources", "names", "message", "hint"),
    [
        ({"": BOTH}, ["all"], "no training film names its source", "data manifest"),
        ({"north": BOTH}, ["all"], "are from the source 'north'", "two or more"),
        (SOURCES, ["nroth"], "no training film is from the source 'nroth'", "east, north, south"),
        ({"a": BOTH, "b": ("ill",)}, ["a"], "--leave-out a: only one class has films: ill", "two"),
    ],
)
def test_data_that_cannot_be_left_out(
    tmp_path: Path, sources: dict[str, tuple[str, ...]], names: list[str], message: str, hint: str
) -> None:
    root = manifest(tmp_path / "films", sources)
    with pytest.raises(DataError, match=message) as error:
        plan(recipe(), root, names)
    assert hint in error.value.hint


def test_a_head_that_reads_the_lungs_needs_masks_of_what_remains(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "0.png").touch()  # of a film from north
    lungs = recipe(head="lungs", tail="undilated")
    (training,) = plan(lungs, root, ["south"], [tmp_path / "masks"])
    assert training.recipe.head == "lungs"
    with pytest.raises(DataError, match="--leave-out north: no film that remains has a lung mask"):
        plan(lungs, root, ["south", "north"], [tmp_path / "masks"])


def test_requests_that_make_no_sense(tmp_path: Path) -> None:
    root = manifest(tmp_path / "films", SOURCES)
    with pytest.raises(UsageError, match="is every source already"):
        plan(recipe(), root, ["all", "north"])
    with pytest.raises(UsageError, match="the task multilabel has no healthy class"):
        plan(Recipe(task="multilabel"), root, ["all"])
