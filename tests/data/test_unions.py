"""Groups over several links."""

from __future__ import annotations

from pneumoscope.data.unions import united


def test_members_are_united_over_others() -> None:
    links = [("b", "a"), ("c", "c"), ("d", "c"), ("d", "b")]
    assert united("abcde", links) == {"a": "a", "b": "a", "c": "a", "d": "a", "e": "e"}
