"""Keyed hashes of what was written."""

from __future__ import annotations

import pytest

from pneumoscope.jobs.signatures import is_signed, signature

FORMER, PRESENT = b"f" * 32, b"p" * 32


def test_a_signature_is_an_hmac() -> None:
    # RFC 4231, 4.3
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature(b"Jefe", b"what do ya want for nothing?") == expected


def test_one_of_the_keys_has_signed() -> None:
    mac = signature(FORMER, b"line")
    assert is_signed(b"line", mac, [PRESENT, FORMER])
    assert not is_signed(b"line", mac, [PRESENT])
    assert not is_signed(b"another line", mac, [PRESENT, FORMER])


@pytest.mark.parametrize("given", ["", "0" * 64, "\ufffd" * 64, "\udc80"])
def test_what_nobody_signed_is_no_error(given: str) -> None:
    assert not is_signed(b"line", given, [PRESENT])
