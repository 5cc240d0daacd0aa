"""``pneumoscope card``: where it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from command_line import run
from pneumoscope.bundle import CARD, Bundle, open_bundle
from pneumoscope.render.card import card_of


@pytest.fixture
def copy(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    """A copy of the tiny bundle, for a test that changes it."""
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "own"))


def test_a_bundle_is_named_by_folder_or_name(tiny_bundle: Bundle) -> None:
    assert run("card", tiny_bundle.path).stdout == card_of(tiny_bundle.meta)
    assert run("card", "children").stdout == run("card").stdout == card_of(open_bundle().meta)


def test_an_older_card_is_replaced(tiny_bundle: Bundle, tmp_path: Path) -> None:
    target = tmp_path / "new" / "card.md"
    for _ in range(2):
        done = run("card", tiny_bundle.path, "--out", target)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert target.read_text() == card_of(tiny_bundle.meta)
    assert [path.name for path in target.parent.iterdir()] == ["card.md"]


def test_in_place_says_the_new_hash(copy: Path, tiny_bundle: Bundle) -> None:
    done = run("card", copy, "--in-place")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{copy / CARD}: bundle SHA-256 is now {open_bundle(copy).sha256}\n"
    assert open_bundle(copy).sha256 != tiny_bundle.sha256
    again = run("card", copy, "--in-place")
    assert again.stderr == done.stderr  # nothing has changed since


def test_a_replacement_that_fails_leaves_the_bundle(
    copy: Path, tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pneumoscope.bundle.folder.shutil.copyfile", full)
    done = run("card", copy, "--in-place")
    assert done.returncode == 1
    assert "the disk or the quota is full" in done.stderr
    assert open_bundle(copy).sha256 == tiny_bundle.sha256
    assert sorted(path.name for path in copy.parent.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--in-place", "--out", "x.md"), 2, "exclude each other"),
        (("--out", "own/README.md"), 1, "lies in the bundle"),
        (("--out", "own/notes.md"), 1, "lies in the bundle"),
        (("--out", "folder"), 1, "error:"),
        (("--evidence", "none"), 1, "none"),
        (("--evidence", "folder"), 1, "folder"),
    ],
)
def test_what_cannot_be_written(
    copy: Path,
    tiny_bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(copy.parent)
    Path("folder").mkdir()
    done = run("card", "own", *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    if code == 1:
        assert "hint: " in done.stderr
    assert open_bundle(copy).sha256 == tiny_bundle.sha256
    assert sorted(path.name for path in Path().iterdir()) == ["folder", "own"]


def test_an_evaluation_of_another_bundle_is_refused(copy: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    record = {"bundles": [{"title": "other 1", "sha256": "0" * 64}], "films": {}}
    (evidence / "metrics.json").write_text(json.dumps(record))
    done = run("card", copy, "--evidence", evidence)
    assert (done.returncode, done.stdout) == (1, "")
    assert "hint: " in done.stderr


def test_a_bundle_that_is_none(tmp_path: Path) -> None:
    done = run("card", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "bundle.json" in done.stderr
