"""Settings of a training that do not go together."""

from __future__ import annotations

import pytest

from pneumoscope.errors import RecipeError
from pneumoscope.train.recipe.settings import Recipe


def test_balanced_sampling_is_for_classes() -> None:
    with pytest.raises(RecipeError, match="sampling"):
        Recipe(task="multilabel", sampling="balanced")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tail": "dilated", "network": "ResNet50"}, "tail is 'dilated'"),
        ({"tail": "dilated", "size": 80}, "size is 80"),
        ({"regions": 0.5, "mixup": 0.2}, "mixup is 0.2"),
        ({"regions": 0.5, "head": "flatten"}, "regions is 0.5"),
        ({"cached_views": 2, "regions": 0.5}, "cached_views is 2"),
        ({"train_last": 3, "train_from": "block_4_expand"}, "train_last is 3"),
        ({"epochs": 0, "head_epochs": 0}, "epochs is 0"),
        ({"size": 128, "source_size": 96}, "source_size is 96"),
        ({"soft_labels": 0.5, "task": "multilabel"}, "soft_labels is 0.5"),
        ({"mirror_loss": 0.2}, "mirror_loss is 0.2"),
        ({"mirror_balance": True}, "mirror_balance is True"),
        ({"mirror_loss": -0.2, "head": "lungs"}, "mirror_loss is -0.2"),
        ({"start_share": 1.0}, "start_share is 1.0"),
    ],
)
def test_settings_that_exclude_one_another(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        Recipe(**changes)  # type: ignore[arg-type]
    assert caught.value.hint
