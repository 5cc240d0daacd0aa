from __future__ import annotations

import pytest

from pneumoscope.data.split_names import split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("Training", "train"), ("train_set", "train"), ("trainset", "train"),
     ("val", "validation"), ("VALID", "validation"), ("validate", "validation"),
     ("dev", "validation"), ("Development", "validation"), ("validation data", "validation"),
     ("test", "test"), ("Testing", "test"), ("set", None), ("latest", None), ("normal", None),
     ("", None)],
)  # fmt: skip
def test_names_of_splits(name: str, split: str | None) -> None:
    assert split_of(name) == split
