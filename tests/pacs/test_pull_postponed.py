"""Objects that a source does not give are tried again, less and less often."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.errors import UsageError
from pneumoscope.pacs.pull.cursor import CursorFile
from pneumoscope.pacs.pull.postponed import MOST_ATTEMPTS, Postponed


def postponed(folder: Path, now: list[float]) -> Postponed:
    opened = Postponed("x", CursorFile(folder / "again" / "x.json", "http://x"), lambda: now[0])
    opened.load()
    return opened


def test_pauses_grow_to_an_hour_and_then_to_a_day(tmp_path: Path) -> None:
    now = [1e9]
    objects = postponed(tmp_path, now)
    pauses = []
    for _ in range(MOST_ATTEMPTS):
        objects.note("a", "answers 406")
        (entry,) = objects._entries.values()
        pauses.append(entry.next_attempt - now[0])
        assert objects.due() == []
        now[0] = entry.next_attempt
        assert objects.due() == ["a"]
    assert all(15 * 2**n <= pause <= 30 * 2**n for n, pause in enumerate(pauses[:7]))
    assert all(1800 <= pause <= 3600 for pause in pauses[7:9])
    assert pauses[9] == 86400
    assert objects.counts() == (0, 1)
    assert postponed(tmp_path, [0.0]).due() == ["a"]  # a start makes it due
    objects.fetched("a")
    assert postponed(tmp_path, now).counts() == (0, 0)


def test_a_clock_that_is_set_back_delays_nothing(tmp_path: Path) -> None:
    now = [1e9]
    objects = postponed(tmp_path, now)
    objects.note("a", "answers 406")
    now[0] = 1e8
    assert objects.due() == ["a"]


def test_many_objects_are_set_aside_only_if_others_come(tmp_path: Path) -> None:
    now = [1e9]
    objects = postponed(tmp_path, now)
    for key in "abcde":
        for _ in range(MOST_ATTEMPTS):
            objects.note(key, "answers 500")
    assert objects.counts() == (5, 0)
    objects.fetched("f")
    assert objects.counts() == (0, 5)
    objects.note("g", "it is larger than film_mib", lasting=True)
    assert objects.counts() == (0, 6)
    assert postponed(tmp_path, now).counts() == (0, 6)


@pytest.mark.parametrize("cursor", ['{"a": 1}', '{"a": {"other": 1}}'])
def test_a_damaged_list_is_an_error_with_a_hint(tmp_path: Path, cursor: str) -> None:
    (tmp_path / "again").mkdir()
    content = f'{{"server": "http://x", "cursor": {cursor}}}'
    (tmp_path / "again" / "x.json").write_text(content)
    with pytest.raises(UsageError, match="is damaged") as caught:
        postponed(tmp_path, [0.0])
    assert "Delete the file" in caught.value.hint
