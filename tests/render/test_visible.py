"""Names of files where people read them."""

from __future__ import annotations

import pytest

from pneumoscope.render.visible import visible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb.png", r"a\nb.png"),
        ("\x1b[2Jfilm", r"\x1b[2Jfilm"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("a\u2066b\u200f", r"a\u2066b\u200f"),
        ("a\u2028b\x85c\x7f", r"a\u2028b\x85c\x7f"),
        ("\udcff.png", r"\udcff.png"),
        ("Röntgen 胸片 صدر.png", "Röntgen 胸片 صدر.png"),
        ("=1+1 [b]", "=1+1 [b]"),
    ],
)
def test_what_would_move_other_text_is_visible(name: str, shown: str) -> None:
    assert visible(name) == shown


def test_some_characters_may_stay() -> None:
    assert visible("a\nb\tc", keep="\n") == "a\nb\\tc"
