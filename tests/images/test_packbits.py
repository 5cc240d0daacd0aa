"""PackBits: what is unpacked, and whether it is whole."""

from __future__ import annotations

from pneumoscope.images.packbits import is_whole, unpacked


def test_the_example_of_the_specification() -> None:
    packed = bytes.fromhex("FEAA 0280002A FDAA 0380002A22 F7AA")
    content = bytes.fromhex("AAAAAA 80002A AAAAAAAA 80002A22 AAAAAAAAAAAAAAAAAAAA")
    assert unpacked(packed, len(content)) == content


def test_128_stands_for_nothing_and_a_missing_end_for_what_is_left() -> None:
    assert unpacked(b"\x80\x80\x01ab", 2) == b"ab"
    assert unpacked(b"\x03ab", 4) == b"ab"
    assert unpacked(b"\x01ab\xfe", 5) == b"ab"


def test_endless_data_is_not_unpacked() -> None:
    assert len(unpacked(b"\x81a" * 100_000, 100)) < 2**21


def test_only_padding_may_follow() -> None:
    assert is_whole(b"film", 4)
    assert not is_whole(b"fil", 4)
    assert is_whole(b"film" + bytes(100), 4)
    assert is_whole(b"film" + b"12345678", 4)
    assert not is_whole(b"film" + b"123456789", 4)
