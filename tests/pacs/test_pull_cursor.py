"""How far a source has been read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.pacs.pull.cursor import CursorFile


def test_a_cursor_is_about_one_server(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "c.json", "http://a")
    assert cursor.load() == {}
    cursor.save({"since": 3})
    assert cursor.load() == {"since": 3}
    assert CursorFile(tmp_path / "c.json", "http://b").load() == {}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"server": "http://a", "cursor": 1}'])
def test_a_damaged_cursor_is_an_error_with_a_hint(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(UsageError, match="cannot be read") as caught:
        CursorFile(tmp_path / "c.json", "http://a").load()
    assert "Delete the file" in caught.value.hint
