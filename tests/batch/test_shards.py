from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from pneumoscope.batch.columns import columns
from pneumoscope.batch.places import Folder
from pneumoscope.batch.shards import Shards
from pneumoscope.errors import UsageError
from pneumoscope.render.serialise import NOTICE

FILLS = columns(["normal", "pneumonia"], heatmaps=True)
ROWS = [
    {"path": "a", "sha256": "1", "stamp": "s", "label": "NORMAL", "p_normal": 0.75,
        "reasons": ["mirrored"], "gate_scores": [("blur", 0.5)], "heatmap": [[0.0, 1.5]]},
    {"path": "b", "stamp": "", "error_code": "MissingFile", "error": "b: no such file"},
]  # fmt: skip


def test_rows_are_read_back(tmp_path: Path) -> None:
    shards = Shards(Folder(tmp_path), FILLS)
    assert shards.append(ROWS) == "part-000001.parquet"
    assert shards.append(ROWS[:1]) == "part-000002.parquet"
    rows = shards.read("part-000001.parquet").to_pylist()
    assert {key: value for key, value in rows[0].items() if value is not None} == ROWS[0]
    assert {key: value for key, value in rows[1].items() if value is not None} == ROWS[1]
    file = parquet.read_schema(tmp_path / "part-000001.parquet")
    assert file.names == [column.name for column in FILLS]
    assert file.metadata[b"notice"].decode() == NOTICE


def test_numbers_go_on_after_the_last_shard(tmp_path: Path) -> None:
    for name in ("part-000007.parquet", "part-1000000.parquet", "other.parquet", "part-x.parquet"):
        (tmp_path / name).touch()
    shards = Shards(Folder(tmp_path), FILLS)
    assert list(shards.stamps()) == ["part-000007.parquet", "part-1000000.parquet"]
    assert shards.append(ROWS) == "part-1000001.parquet"


def test_rows_are_removed(tmp_path: Path) -> None:
    shards = Shards(Folder(tmp_path), FILLS)
    name = shards.append(ROWS)
    before = [(entry.name, entry.sha256, entry.failed) for entry in shards.entries(name)]
    assert before == [("a", "1", False), ("b", "", True)]
    stamp = shards.stamp(name)
    shards.remove(name, {"a", "z"})
    assert shards.stamp(name) != stamp
    assert [entry.name for entry in shards.entries(name)] == ["b"]


def test_what_is_no_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-000001.parquet").write_bytes(b"half a file")
    shards = Shards(Folder(tmp_path), FILLS)
    with pytest.raises(UsageError, match=r"part-000001\.parquet: is no shard") as damaged:
        shards.read("part-000001.parquet")
    assert "read again" in damaged.value.hint
