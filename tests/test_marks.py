"""The order in which the files of tests are handed out."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from marks import in_turns, pytest_ignore_collect


class Item:
    """A test with its marks, as far as the order is concerned."""

    def __init__(self, name: str, *marks: str) -> None:
        file, self.name = name.split(":")
        self.path, self.marks = Path(file), marks

    def get_closest_marker(self, mark: str) -> str | None:
        return mark if mark in self.marks else None


class Quick:
    """The configuration of a quick run."""

    def getoption(self, name: str) -> bool:
        return name == "--quick"


@pytest.mark.parametrize(
    ("line", "ignored"),
    [
        ('pytest.importorskip("tensorflow", reason="needs the [train] extra")', True),
        ('tf = pytest.importorskip("tensorflow", reason="needs the [train] extra")', True),
        ('    pytest.importorskip("tensorflow")  # in one of its tests', None),
        ('pytest.importorskip("onnx")', None),
    ],
)
def test_a_quick_run_reads_no_file_that_loads_keras(
    tmp_path: Path, line: str, ignored: bool | None
) -> None:
    file = tmp_path / "test_network.py"
    file.write_text(f"import pytest\n\n{line}\n")
    config: Any = Quick()
    assert pytest_ignore_collect(file, config) is ignored


def test_garbage_is_looked_for_again_once_tests_are_collected() -> None:
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def order(*items: Item) -> list[str]:
    handed_out: list[Any] = in_turns(items)  # type: ignore[arg-type]
    return [f"{item.path}:{item.name}" for item in handed_out]


def test_files_that_train_take_turns_with_files_that_wait() -> None:
    assert order(
        Item("quick:1"),
        Item("mixed:1"),
        Item("page:1", "browser"),
        Item("net:1", "train"),
        Item("net:2", "train", "slow"),
        Item("mixed:2", "slow"),
        Item("api:1"),
        Item("api:2", "server"),
        Item("long:1", "train"),
        Item("more:1", "train"),
    ) == [
        "net:2", "net:1", "page:1", "long:1", "api:2", "api:1", "more:1",
        "mixed:2", "mixed:1", "quick:1",
    ]  # fmt: skip


def test_a_file_that_trains_and_serves_trains() -> None:
    assert order(Item("a:1", "server"), Item("b:1", "server"), Item("b:2", "train")) == [
        "b:2", "b:1", "a:1",
    ]  # fmt: skip
