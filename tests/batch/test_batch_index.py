from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumoscope.batch.index import FILE, Entry, Index
from pneumoscope.errors import DiskFull

ROWS = {
    "part-1": [Entry("a", "1", "s", "part-1", False), Entry("b", "", "", "part-1", True)],
    "part-2": [Entry("c", "2", "s", "part-2", False)],
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path) as opened:
        yield opened


def test_the_index_is_what_the_shards_say(index: Index) -> None:
    read: list[str] = []

    def entries(name: str) -> list[Entry]:
        read.append(name)
        return ROWS[name]

    index.reconcile({"part-1": "x", "part-2": "x"}, entries)
    assert (index.count(), index.get("b")) == (3, ROWS["part-1"][1])
    assert index.get("d") is None
    index.reconcile({"part-1": "x", "part-2": "y"}, entries)  # one was written again
    index.reconcile({"part-1": "x"}, entries)  # and deleted
    assert read == ["part-1", "part-2", "part-2"]
    assert (index.count(), index.get("c")) == (2, None)


def test_a_shard_takes_the_place_of_its_entries(index: Index) -> None:
    index.add("part-1", "x", ROWS["part-1"])
    index.add("part-1", "y", ROWS["part-1"][:1])
    assert index.count() == 1
    index.restamp({"a": "new"})
    assert index.get("a") == Entry("a", "1", "new", "part-1", False)


@pytest.mark.parametrize("content", [b"no database" * 100, b""])
def test_a_damaged_index_begins_anew(tmp_path: Path, content: bytes) -> None:
    with Index(tmp_path) as index:
        index.add("part-1", "x", ROWS["part-1"])
    with Index(tmp_path) as index:
        assert index.count() == 2
    (tmp_path / FILE).write_bytes(content)
    with Index(tmp_path) as index:
        assert index.count() == 0
        index.reconcile({"part-1": "x"}, ROWS.__getitem__)
        assert index.count() == 2


def test_a_full_disk_is_named_and_changes_nothing(index: Index, tmp_path: Path) -> None:
    index.add("part-1", "x", ROWS["part-1"])
    pages = index._database.execute("pragma page_count").fetchone()[0]
    index._database.execute(f"pragma max_page_count = {pages}")
    many = [Entry(f"{i:0200}", "1", "s", "part-2", False) for i in range(500)]
    with pytest.raises(DiskFull, match=FILE):
        index.add("part-2", "x", many)
    assert index.count() == 2
    index._database.execute(f"pragma max_page_count = {100 * pages}")
    index.add("part-2", "x", many)
    assert index.count() == 502
