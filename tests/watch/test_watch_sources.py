"""What may be watched: no results, no queue, and no two places of one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from grey_films import BRIGHT
from pneumoscope.errors import UsageError
from pneumoscope.watch.sources import open_sources


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "in").mkdir(parents=True)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("sources", "out", "words"),
    [
        ([], "out", "nothing to watch"),
        ([""], "out", "nothing to watch"),
        (["gone"], "out", "no such folder"),
        (["file.png"], "out", "is not a folder"),
        (["in"], "in", "contains the watched folder"),
        (["in"], ".", "contains the watched folder"),
        (["in"], "file.png", "--out file.png: is not a folder"),
        (["in", "other/in"], "out", "are called in"),
        (["queue/in"], "out", "in the folder of the queue"),
    ],
)
def test_what_cannot_be_watched(
    root: Path, sources: list[str], out: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    for name in ("other/in", "queue/in"):
        (root / name).mkdir(parents=True)
    (root / "file.png").write_bytes(BRIGHT[1])
    with pytest.raises(UsageError, match=words) as caught:
        open_sources(sources, out, root / "queue")
    assert caught.value.hint


def test_results_and_queue_inside_a_watched_folder_are_left_out(root: Path) -> None:
    for name in ("a.png", "in/b.png", "out/a.png.heatmap.png", "queue/films/c.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(BRIGHT[1])
    [place] = open_sources([str(root)], str(root / "out"), root / "queue")
    assert [file.path for file in place.files()] == ["a.png", "in/b.png"]


def test_the_same_for_prefixes_of_a_bucket(root: Path) -> None:
    [place] = open_sources(["memory://b/films"], "memory://b/films/results", root)
    listed = place._listed("/b/films/results/a.png", {"type": "file", "size": 1})  # type: ignore[attr-defined]
    assert listed is None
    open_sources(["memory://b/films"], "memory://b/films2", root)
    for out in ("memory://b/films", "memory://b/films/", "memory://b"):
        with pytest.raises(UsageError, match="contains the watched prefix"):
            open_sources(["memory://b/films"], out, root)
