"""Damaged films: an `ImageError` or a film, never another error, a crash or a hang.

`tools/fuzz_films.py` does the same with thousands of films.
"""

from __future__ import annotations

import time

import pytest

from fuzz_films import HANG_S, damaged, films, outcome

FILMS = films()
RASTER = [coding for coding in FILMS if "DICOM" not in coding]
DICOM = [coding for coding in FILMS if "DICOM" in coding]
SECONDS = 12.0
"""For each of the two tests; a slow machine tries fewer films."""


@pytest.mark.slow
@pytest.mark.parametrize("codings", [RASTER, DICOM], ids=["raster", "DICOM"])
def test_damaged_films_are_refused_or_read(codings: list[str]) -> None:
    began = time.monotonic()
    tried = 0
    # Other seeds than those of the tool.
    for seed in range(1_000_000, 1_000_150):
        for coding in codings:
            started = time.monotonic()
            assert outcome(damaged(FILMS[coding], seed)) in ("read", "refused"), (coding, seed)
            assert time.monotonic() - started < HANG_S, (coding, seed)
            tried += 1
        if time.monotonic() - began > SECONDS:
            break
    assert tried >= len(codings)


@pytest.mark.parametrize("coding", FILMS)
def test_the_films_are_sound_before(coding: str) -> None:
    assert outcome(FILMS[coding]) == "read"
