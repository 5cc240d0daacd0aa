"""The split that keeps a source for testing, in recipes."""

from __future__ import annotations

import pytest

from pneumoscope.errors import RecipeError
from pneumoscope.train.recipe.settings import Recipe


def test_a_source_can_be_left_out() -> None:
    assert Recipe(split="leave-out:north").split == "leave-out:north"


@pytest.mark.parametrize("split", ["leave-out:", "leave-out", "north", ""])
def test_other_splits_are_refused(split: str) -> None:
    with pytest.raises(RecipeError, match="split is") as error:
        Recipe(split=split)
    assert "given, or leave-out:SOURCE" in error.value.hint
