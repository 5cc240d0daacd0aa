"""Directories of TIFF that Pillow or libtiff would not read."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from film_files import ramp
from pneumoscope import errors, images
from pneumoscope.images.tiff_directory import form_of, lost_tags, with_number, without_tags
from tiff_files import one_page

GREY = ramp(70, 90)
FORMS = [(order, wide) for order in "<>" for wide in (False, True)]


def with_words(order: str, wide: bool, tag: int = 270) -> tuple[bytes, int]:
    """A film with a long entry, and the position of this entry's own position."""
    data = one_page(GREY.tobytes(), 8, order=order, wide=wide, **{f"t{tag}": (65,) * 200})
    form = form_of(data)
    head = tag.to_bytes(2, form.order) + (4).to_bytes(2, form.order)
    return data, data.index(head) + form.entry_bytes - form.word


@pytest.mark.parametrize(("order", "wide"), FORMS)
@pytest.mark.parametrize("tag", [270, 305, 33432])
def test_words_that_are_lost_hide_no_other_entry(order: str, wide: bool, tag: int) -> None:
    data, at = with_words(order, wide, tag)
    form = form_of(data)
    lost = data[:at] + (10**9).to_bytes(form.word, form.order) + data[at + form.word :]
    for film in (data, lost):
        np.testing.assert_allclose(images.read(film).pixels, GREY / 255, atol=1e-6)


def test_a_film_of_which_only_words_are_missing_is_whole() -> None:
    data, _ = with_words("<", wide=False)
    np.testing.assert_array_equal(images.read(data[:-500]).levels, GREY)
    with pytest.raises(errors.ImageError):
        images.read(data[:-1000])  # a part of the directory, too


@pytest.mark.parametrize("tag", [258, 262, 279, 317, 339])
def test_what_is_needed_and_lost_is_an_error(tag: int) -> None:
    data = one_page(GREY.tobytes(), 8, **{f"t{tag}": (1,) * 100})
    with pytest.raises(errors.TruncatedImage):
        images.read(data[:-150])


def test_entries_are_taken_out() -> None:
    data, at = with_words("<", wide=False, tag=305)
    offset = int.from_bytes(data[4:8], "little")
    lost = data[:at] + (10**9).to_bytes(4, "little") + data[at + 4 :]
    assert (lost_tags(data, offset), lost_tags(lost, offset)) == (set(), {305})
    shorter = without_tags(lost, offset, {305})
    assert len(shorter) == len(lost)
    assert shorter[offset] == lost[offset] - 1
    assert (shorter[:offset], shorter[at + 4 :]) == (lost[:offset], lost[at + 4 :])


@pytest.mark.parametrize(("order", "wide"), FORMS)
def test_a_number_is_replaced(order: str, wide: bool) -> None:
    old, new = (one_page(b"x", 8, order=order, wide=wide, t278=(rows,)) for rows in (5, 70))
    form = form_of(old)
    offset = int.from_bytes(old[8:16] if wide else old[4:8], form.order)
    assert with_number(old, offset, 278, 70) == new


def test_entries_that_share_their_values_do_not_take_any_amount_of_memory() -> None:
    """Each of them would be copied: a file of half a megabyte would take gigabytes."""
    data = one_page(bytes(2**18), 8, **{f"t{tag}": (1,) for tag in range(40000, 43000)})
    form, offset = form_of(data), int.from_bytes(data[4:8], "little")
    shared = bytearray(data)
    for number in range(9, 3009):
        at = offset + form.count_bytes + number * form.entry_bytes
        shared[at + 2 : at + form.entry_bytes] = struct.pack("<HII", 7, 2**18, 8)
    lost = lost_tags(bytes(shared), offset)
    assert len(lost) == 2999
    assert images.read(bytes(shared)).pixels.shape == (70, 90)


def test_a_directory_of_too_many_entries_is_an_error() -> None:
    data = one_page(GREY.tobytes(), 8, **{f"t{tag}": (1,) for tag in range(40000, 45000)})
    with pytest.raises(errors.UnreadableImage, match="5009 entries in its directory"):
        images.read(data)
