from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision.body import body

SIZE = 64


@pytest.mark.parametrize("grey", [0, 255])
@pytest.mark.parametrize("wide", [5, 8])
def test_frames_and_collimation_are_not_the_body(grey: int, wide: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(80, 160, (SIZE, SIZE)).astype(np.uint8)
    assert body(x).all()
    x[:wide] = x[-wide:] = x[:, :wide] = x[:, -wide:] = grey
    mask = body(x)
    assert mask.shape == (32, 32)
    assert not mask[0].any()
    assert not mask[:, -1].any()
    assert mask[6:-6, 6:-6].all()


def test_a_film_of_one_grey_has_no_frame() -> None:
    assert body(np.full((SIZE, SIZE), 100, np.uint8)).all()
    assert not body(np.zeros((SIZE, SIZE), np.uint8)).any()
