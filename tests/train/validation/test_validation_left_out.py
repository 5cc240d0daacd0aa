"""The file with what a training says of the films that it left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope.errors import UsageError
from pneumoscope.train.validation import left_out


def test_negative_films_of_each_source(tmp_path: Path) -> None:
    p = np.array([0.1, 0.2, 0.3, 0.9])
    positive = np.array([False, False, True, False])
    left_out.save(tmp_path / left_out.FILE, ["east", "west", "east", "east"], p, positive)
    films = left_out.negative_films(tmp_path / left_out.FILE)
    assert {name: of_source.tolist() for name, of_source in films.items()} == {
        "east": [0.1, 0.9], "west": [0.2],
    }  # fmt: skip


@pytest.mark.parametrize(
    "p", [[0.1, 0.2], [0.1] * 37 + [np.nan], [0.1] * 37 + [1.5], [0.1] * 37 + [1 + 1e-7]]
)
def test_damaged_lists(p: list[float], tmp_path: Path) -> None:
    file = tmp_path / left_out.FILE
    left_out.save(file, ["north"] * 38, np.array(p), np.zeros(38, bool))
    with pytest.raises(UsageError, match=r"left-out\.npz: cannot be read") as caught:
        left_out.negative_films(file)
    assert caught.value.hint == left_out.AGAIN


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        left_out.negative_films(tmp_path / left_out.FILE)
