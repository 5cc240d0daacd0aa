"""The pipeline of PS3.4 N.2 on a few stored values, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.images.greyscale import GreyscaleTransform, Lut, Window, grey


def shades(
    stored: list[int], transform: GreyscaleTransform, dtype: type = np.uint16
) -> list[float]:
    return [float(v) for v in grey(np.array([stored], dtype), transform)[0]]


def test_a_table_holds_its_ends_beyond_its_input() -> None:
    lut = Lut(first=10, entries=np.array([3, 5, 9]), bits=4)
    values = np.array([-7.0, 10.0, 10.6, 11.4, 12.0, 99.0])
    assert lut(values).tolist() == [3, 3, 5, 5, 9, 9]


@pytest.mark.parametrize(
    ("window", "valid"),
    [
        (Window(0, 1), True),
        (Window(0, 0.9), False),
        (Window(0, 0.9, "LINEAR_EXACT"), True),
        (Window(0, 0.9, "SIGMOID"), True),
        (Window(0, 0, "SIGMOID"), False),
        (Window(0, -4, "LINEAR_EXACT"), False),
        (Window(float("nan"), 5), False),
        (Window(0, float("inf")), False),
    ],
)
def test_which_windows_the_standard_allows(window: Window, valid: bool) -> None:
    assert window.is_valid is valid


def test_linear_window_by_its_formula() -> None:
    # ((x - (c - 0.5)) / (w - 1) + 0.5) with c = 2048, w = 4096: 0 at 0, 1 at 4095.
    values = np.array([-1.0, 0.0, 2047.5, 4095.0, 5000.0])
    assert Window(2048, 4096)(values).tolist() == [0, 0, 0.5, 1, 1]
    # Of width 1, a threshold at c - 0.5.
    assert Window(100, 1)(np.array([99.0, 99.5, 99.6])).tolist() == [0, 0, 1]


def test_exact_and_sigmoid_windows_by_their_formulae() -> None:
    values = np.array([50.0, 75.0, 100.0, 125.0, 150.0])
    assert Window(100, 100, "LINEAR_EXACT")(values).tolist() == [0, 0.25, 0.5, 0.75, 1]
    greys = Window(100, 100, "SIGMOID")(values)
    # 1 / (1 + exp(-4 (x - c) / w))
    assert greys.tolist() == pytest.approx([1 / (1 + np.exp(-k)) for k in (-2, -1, 0, 1, 2)])
    with np.errstate(over="raise"):
        assert Window(0, 1e-3, "SIGMOID")(np.array([-9.0, 9.0])).tolist() == pytest.approx([0, 1])


def test_8_bits_keep_their_full_range() -> None:
    assert shades([0, 51, 255], GreyscaleTransform(bits=8), np.uint8) == pytest.approx([0, 0.2, 1])
    # Two's complement: -128 is black, 127 white.
    signed = shades([-128, -1, 127], GreyscaleTransform(bits=8, signed=True), np.int8)
    assert signed == pytest.approx([0, 127 / 255, 1])
    # A slope and an intercept change the scale of values and of the range alike.
    scaled = GreyscaleTransform(bits=8, slope=-2.0, intercept=7.0)
    assert shades([0, 51, 255], scaled, np.uint8) == pytest.approx([1, 0.8, 0])


def test_deeper_films_take_the_range_that_they_use() -> None:
    assert shades([1000, 1500, 3000], GreyscaleTransform(bits=12)) == pytest.approx([0, 0.25, 1])
    assert shades([7, 7, 7], GreyscaleTransform(bits=12)) == [0, 0, 0]  # a flat film has no range


def test_one_pixel_in_ten_thousand_may_lie_outside_the_range() -> None:
    film = np.full((200, 100), 1000, np.uint16)
    film[:100] = 2000
    film[0, 0], film[-1, -1] = 0, 65535  # one of 20,000 at each end
    made = grey(film, GreyscaleTransform(bits=16))
    assert (made[0, 0], made[1, 0], made[-1, 0], made[-1, -1]) == (0, 1, 0, 1)
    film[0, :3] = 0  # three of 20,000 are too many to be outliers
    assert grey(film, GreyscaleTransform(bits=16))[1, 0] == 1
    assert grey(film, GreyscaleTransform(bits=16))[-1, 0] == 0.5


def test_the_modality_table_comes_first() -> None:
    modality = Lut(first=0, entries=np.array([0, 10, 20, 40]), bits=6)
    # Without a window, the table's own bits are the range of a film of 8 bits and less.
    made = shades([0, 1, 2, 3], GreyscaleTransform(bits=8, modality=modality), np.uint8)
    assert made == pytest.approx([0, 10 / 63, 20 / 63, 40 / 63])
    # It replaces the slope, and the window sees its output.
    transform = GreyscaleTransform(
        bits=8, modality=modality, slope=5.0, voi=Window(20, 40, "LINEAR_EXACT")
    )
    assert shades([0, 1, 2, 3], transform, np.uint8) == pytest.approx([0, 0.25, 0.5, 1])


def test_a_voi_table_is_read_in_its_own_bits() -> None:
    voi = Lut(first=100, entries=np.array([0, 255, 1023]), bits=10)
    transform = GreyscaleTransform(bits=12, intercept=-900.0, voi=voi)
    assert shades([999, 1000, 1001, 1002, 4000], transform) == pytest.approx(
        [0, 0, 255 / 1023, 1, 1]
    )


def test_inverse_turns_the_shades_and_leaves_padding_dark() -> None:
    transform = GreyscaleTransform(bits=12, inverse=True, padding=(4000, 4095))
    # The padding is no part of the range either: 0 to 1000.
    assert shades([0, 250, 1000, 4000, 4095], transform) == pytest.approx([1, 0.75, 0, 0, 0])


@pytest.mark.parametrize("bits", [8, 12])
def test_nothing_but_padding_is_no_film(bits: int) -> None:
    with pytest.raises(ValueError, match="every pixel is padding"):
        grey(np.full((3, 3), 5, np.uint16), GreyscaleTransform(bits=bits, padding=(5, 9)))


def test_values_too_far_apart_for_a_table_are_worked_out_one_by_one() -> None:
    stored = np.array([[0, 2**20, 2**22]], np.uint32)
    assert grey(stored, GreyscaleTransform(bits=32)).tolist() == [[0, 0.25, 1]]
    padded = grey(stored, GreyscaleTransform(bits=32, padding=(2**22, 2**22)))
    assert padded.tolist() == [[0, 1, 0]]


def test_shape_and_type_are_those_of_a_film() -> None:
    made = grey(np.arange(12, dtype=np.uint16).reshape(3, 4), GreyscaleTransform(bits=16))
    assert (made.shape, made.dtype) == ((3, 4), np.float32)
