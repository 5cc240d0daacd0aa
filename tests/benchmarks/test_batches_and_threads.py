"""Batch sizes and threads, on a tiny network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import batches_and_threads
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ImageError


def test_every_way_reads_the_films(tiny_bundle: Bundle, film_files: Path) -> None:
    films = [film_files / "dark.png"] * 9
    ways = batches_and_threads.batches(tiny_bundle, films)
    assert next(iter(ways)) == "batches of 8"
    ways |= batches_and_threads.threads(tiny_bundle, 9, 2)
    allowed = os.sched_getaffinity(0)
    for work in ways.values():
        work()
    assert os.sched_getaffinity(0) == allowed  # only the threads were pinned
    batches_and_threads.opened(str(tiny_bundle.path))
    assert batches_and_threads.read_share(films[:2]) > 0


def test_a_film_that_cannot_be_read_ends_it(tiny_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "film.png").touch()
    work = batches_and_threads.batches(tiny_bundle, [tmp_path / "film.png"])["batches of 1"]
    with pytest.raises(ImageError):
        work()
