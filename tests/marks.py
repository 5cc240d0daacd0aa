"""Which tests are left out by ``--quick``, and how they are collected: a plugin of pytest.

Marks come from what a test uses, so that none is forgotten. A quick run takes servers, browsers and
Keras away: a test without its mark fails there.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from itertools import compress, zip_longest
from pathlib import Path
from typing import NoReturn

import pytest

LEFT_OUT = ("train", "browser", "server", "slow")
USES = {"browser": "browser", "live": "server", "listening": "server", "serving": "server"}
"""Marks of the tests that use these fixtures, themselves or through others, or call these functions."""
KERAS = {"keras", "tensorflow", "jax", "torch"}
_NEEDS_KERAS = re.compile(r'^(?:\w+ = )?pytest\.importorskip\("tensorflow"', re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help=f"leave out tests marked {', '.join(LEFT_OUT)}",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out files that load Keras before their tests are known."""
    if not config.getoption("--quick") or collection_path.suffix != ".py":
        return None
    needs_keras = _NEEDS_KERAS.search(collection_path.read_text(encoding="utf-8"))
    return True if needs_keras else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage while tests are read, and never again in what they are: all of it stays.

    This is a quarter of the processor time of collecting, which each process needs.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        assert isinstance(item, pytest.Function)
        used = {*item.fixturenames, *item.function.__code__.co_names}
        for mark in {mark for name, mark in USES.items() if name in used}:
            item.add_marker(mark)
    if not config.getoption("--quick"):
        items[:] = in_turns(items)
        return
    # Later, nobody would notice a test that uses it.
    if loaded := KERAS & sys.modules.keys():
        raise pytest.UsageError(
            f"a file of tests loads {', '.join(sorted(loaded))} although none of its tests is run: "
            'begin it with pytest.importorskip("tensorflow")'
        )
    left_out = [is_left_out(item) for item in items]
    config.hook.pytest_deselected(items=[*compress(items, left_out)])
    items[:] = [item for item, is_out in zip(items, left_out, strict=True) if not is_out]


def in_turns(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Items by file: what takes long begins first, so that at the end no process waits for another.

    Files that train and files that wait for a server or a browser take turns: the former need all
    processors, the latter leave some idle.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in sorted(items, key=lambda item: [not has(item, mark) for mark in LEFT_OUT]):
        files.setdefault(item.path, []).append(item)
    train = [file for file in files.values() if has(file[0], "train")]
    wait = [file for file in files.values() if has(file[0], "browser", "server")]
    turns = [file for pair in zip_longest(train, wait) for file in pair if file]
    others = [file for file in files.values() if file not in turns]
    return [item for file in (*turns, *others) for item in file]


def is_left_out(item: pytest.Item) -> bool:
    return has(item, *LEFT_OUT)


def has(item: pytest.Item, *marks: str) -> bool:
    """Whether an item has one of these marks."""
    return any(item.get_closest_marker(mark) for mark in marks)


@pytest.fixture(scope="module", autouse=True)
def _no_event_loop() -> None:
    """Fails the tests of a module that begins while the loop of an earlier one counts as running."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a quick run, fails the test that starts a server or loads Keras."""
    if not request.config.getoption("--quick"):
        yield
        return
    before = KERAS & sys.modules.keys()
    with pytest.MonkeyPatch.context() as patch:
        if uvicorn := sys.modules.get("uvicorn"):
            patch.setattr(uvicorn.Server, "__init__", _forbidden)
        yield
    assert KERAS & sys.modules.keys() == before, "mark the test `train`"


def _forbidden(*_: object, **__: object) -> NoReturn:
    pytest.fail("mark the test `server`")
