"""Which cells of the picture a network favours, and that the exported network does not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.train.network import keras_model, lungs
    from pneumoscope.train.network.mirror_balance import favoured_cells

pytestmark = pytest.mark.train

SIDE = 8
LEANING = np.array([[0.0, 2.0, 0.0, 0.0]] * 2 + [[0.0, 0.0, 0.0, 0.5]] * 2, np.float32)
"""What the network adds to each of 4 x 4 cells, whatever the film shows."""
NO_LUNG = -50.0


class Leaning(keras.layers.Layer):  # type: ignore[misc]
    """Log odds (n, 4, 4, units) from the cells (n, 4, 4, 1): the first unit's plus `LEANING`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def call(self, cells: Any) -> Any:
        parts = [cells + LEANING[None, :, :, None], *[cells] * (self.units - 1)]
        return keras.ops.concatenate(parts, axis=-1)


class Field(keras.layers.Layer):  # type: ignore[misc]
    """The lungs, logits (n, 4, 4, 2) from the cells: two columns each, none in the last row."""

    def call(self, cells: Any) -> Any:
        field = np.full((1, 4, 4, 2), NO_LUNG, np.float32)
        field[:, :3, :2, 0] = field[:, :3, 2:, 1] = -NO_LUNG
        return cells * 0.0 + field


class Cells(keras.layers.Layer):  # type: ignore[misc]
    """The mean grey level of each cell over 64, plus an offset, (n, 4, 4, 1)."""

    def __init__(self, offset: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, films: Any) -> Any:
        return keras.ops.average_pool(keras.ops.cast(films, "float32") / 64.0, 2) + self.offset


def network(task: str, offset: float = 10.0) -> Any:
    films = keras.Input((SIDE, SIDE, 1), name="films", dtype="uint8")
    cells = Cells(offset, name=lungs.FEATURES)(films)
    where = Field(name=lungs.LUNGS)(cells)
    what = Leaning(1 if task == "binary" else 3, name=lungs.EVIDENCE)(cells)
    return keras.Model(films, lungs.LungPooling(task, name=lungs.LOGITS)([where, what]))


def drawn_films(count: int = 60) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 1)).astype(np.uint8)


def test_what_the_network_adds_to_a_side_of_the_picture_is_measured() -> None:
    favoured = favoured_cells(network("binary"), drawn_films())
    expected = (LEANING - LEANING[:, ::-1]) / 2
    expected[3] = 0  # no lung: nothing counts there
    # 60 films, and one that favours nothing.
    assert favoured == pytest.approx(expected * 60 / 61, abs=1e-3)
    assert favoured.dtype == np.float32


def test_a_network_that_follows_the_film_favours_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.LEANING", np.zeros((4, 4), np.float32))
    assert np.abs(favoured_cells(network("binary"), drawn_films())).max() < 1e-6


def test_more_evidence_never_becomes_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.LEANING", LEANING * 10)
    assert np.abs(favoured_cells(network("binary"), drawn_films())).max() == 3.0


def test_nothing_changes_where_nothing_can_be_seen() -> None:
    favoured, films = favoured_cells(network("binary"), drawn_films()), drawn_films(4)

    def change(offset: float) -> float:
        model = network("binary", offset)
        plain, balanced = (
            np.asarray(keras.Model(model.input, logits)(films))
            for logits in (
                lungs.outputs_and_logits(model, "binary", value)[1] for value in (None, favoured)
            )
        )
        return float(np.abs(plain - balanced).max())

    assert change(offset=-20.0) < 1e-4
    assert change(offset=10.0) > 0.5


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_exported_network_treats_mirror_images_alike(task: str) -> None:
    """Verdict and heatmap: with the cells that are favoured on both sides alike, nothing else differs."""
    model, films = network(task), drawn_films(300)
    favoured = favoured_cells(model, films)
    before = keras_model.serving_model(model, Calibration(), task)
    after = keras_model.serving_model(model, Calibration(), task, favoured)
    mirrored = np.ascontiguousarray(films[:, :, ::-1])

    def difference(serving: Any, name: str) -> float:
        plain, mirror = (np.asarray(serving(x)[name]) for x in (films, mirrored))
        if name == "heatmaps":
            mirror = mirror[..., ::-1]
        return float(np.abs(plain - mirror).max())

    assert difference(before, "heatmaps") > 0.3
    assert difference(after, "heatmaps") < 0.02
    assert difference(after, "probabilities") < 0.3 * difference(before, "probabilities")
    # Kinds are told apart as before.
    if task == "multiclass":
        kinds = [np.asarray(serving(films)["probabilities"])[:, 1:] for serving in (before, after)]
        shares = [k / k.sum(axis=1, keepdims=True) for k in kinds]
        assert shares[0] == pytest.approx(shares[1], abs=0.02)
