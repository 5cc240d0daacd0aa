from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope.errors import RecipeError
from pneumoscope.train.recipe import reading
from pneumoscope.train.recipe.settings import Recipe


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "r.toml").write_text(text)
    return str(tmp_path / "r.toml")


def test_a_recipe_is_a_delta_over_the_defaults(tmp_path: Path) -> None:
    recipe = reading.load(written(tmp_path, "epochs = 3\n[augment]\nrotation = 4\n"))
    default = Recipe()
    assert recipe.epochs == 3
    assert recipe.augment.rotation == 4.0
    assert recipe == dataclasses.replace(
        default, epochs=3, augment=dataclasses.replace(default.augment, rotation=4.0)
    )


def test_overrides_win_and_none_leaves_the_file(tmp_path: Path) -> None:
    recipe = reading.load(written(tmp_path, "epochs = 3\nseed = 5\n"), epochs=9, seed=None)
    assert (recipe.epochs, recipe.seed) == (9, 5)


def test_a_resolved_recipe_survives_json() -> None:
    for name in reading.shipped():
        recipe = reading.load(name)
        assert reading.from_json(json.loads(json.dumps(reading.resolved(recipe)))) == recipe


@pytest.mark.parametrize("name", sorted(reading.shipped()))
def test_a_shipped_recipe_says_how_to_run_it_and_what_to_expect(name: str) -> None:
    header = reading.shipped()[name].read_text().split("\n\n")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    assert f"pneumoscope train {name}" in header
    assert "Expected:" in header


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown key epoch"),
        ("[augment]\nrotate = 3", r"unknown key augment\.rotate"),
        ("epochs = 'many'", "epochs must be an integer, not"),
        ("epochs = 2.5", "epochs must be an integer, not"),
        ("epochs = true", "epochs must be an integer, not"),
        ("name = 3", "name must be a string in quotes, not 3"),
        ("augment = 3", "augment must be a table"),
        ("filters = 3", "filters must be a list"),
        ("[augment]\ngamma = [1.0]", "list of 2"),
        ("[augment]\njpeg = 3.0", "probability"),
        ("[augment]\ngamma = [2.0, 1.0]", "low <= high"),
        ("tail = 'long'", "tail is 'long'"),
        ("size = 100\ntail = 'undilated'", "size is 100"),
        ("size = 16", "size is 16"),
        ("network = 'InceptionV3'\nsize = 64", "size is 64"),
        ("network = 'Xception'\nsize = 70", "size is 70"),
        ("network = 'ResNet50'\ntail = 'dilated'", "tail is 'dilated'"),
        ("task = 'ternary'", "task is 'ternary'"),
        ("head = 'flatten'\nregions = 0.5", "regions is 0.5"),
        ("mixup = 0.2\nregions = 0.5", "mixup is 0.2"),
        ("train_from = 'x'\ntrain_last = 3", "train_last is 3"),
        ("filters = []", "filters is"),
        ("filters = [3.5]", "filters must be an integer"),
        ("size = 256", "source_size is 224"),
        ("size = 48\nsource_size = 48", "source_size is 48"),
        ("validation = 1.0", "validation is 1.0"),
        ("dropout = 1.0", "dropout is 1.0"),
        ("soft_labels = 1.1", "soft_labels is 1.1"),
        ("soft_label_folds = 1", "soft_label_folds is 1"),
        ("soft_label_epochs = -1", "soft_label_epochs is -1"),
        ("learning_rate = 0", "learning_rate is 0"),
        ("class_weight_power = -1", "class_weight_power"),
        ("epochs = 0\nhead_epochs = 0", "epochs is 0"),
        ("epochs = ", "is not TOML"),
    ],
)
def test_bad_recipes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        reading.load(written(tmp_path, text))
    assert caught.value.hint


def test_changes_against_the_shipped_recipe() -> None:
    settings = json.loads(json.dumps(reading.resolved(reading.load("resnet50", seed=7))))
    assert reading.changes(settings) == {}
    settings["epochs"], settings["augment"]["flip"] = 3, 0.0
    del settings["mixup"]  # a bundle from before there was such a setting
    assert reading.changes(settings) == {"epochs": 3, "augment.flip": 0.0}
    assert reading.changes(settings | {"version": "0"}) == {}
    assert reading.changes(settings | {"name": "mine"}) == {}
    assert reading.changes({"seed": 1}) == {}


def test_an_unknown_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(RecipeError) as caught:
        reading.load("flagshp")
    assert "flagship" in caught.value.hint


def test_what_no_recipe_can_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is a directory"):
        reading.load(str(tmp_path))
    endless = Path("/dev/zero")
    if endless.is_char_device():
        with pytest.raises(RecipeError, match="has more than 16 MiB"):
            reading.load(str(endless))
