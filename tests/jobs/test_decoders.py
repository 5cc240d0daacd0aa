"""Decoding in a child process: its limits, and what comes back."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grey_films import BRIGHT, film
from pneumoscope import images
from pneumoscope.errors import TooLarge, UnknownFormat, UnreadableImage
from pneumoscope.jobs.decoders import DecodeOptions, Decoder, DecoderPool, _packed, shown_size

FACTS = {"format": "PNG", "rows": 1, "columns": 1}
SAMPLE = Path(__file__).parents[2] / "samples" / "pneumonia-3.dcm"


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(30, 2**30)
    yield decoder
    decoder.stop()


@pytest.mark.parametrize("data", [BRIGHT[1], SAMPLE.read_bytes()], ids=["png", "dicom"])
def test_the_child_makes_the_same_input(decoder: Decoder, data: bytes) -> None:
    decoded = decoder.decode(data, DecodeOptions(64, 224, 224))
    film = images.read(data, at_least_px=224)
    assert (decoded.pixels == images.model_input(film, 64, 224)).all()
    assert decoded.facts == film.facts
    assert decoded.read_ms > 0


def test_the_film_itself_at_a_bounded_size(decoder: Decoder) -> None:
    whole = decoder.decode(film(90, 300, 200), DecodeOptions(0)).pixels
    assert whole.shape == (300, 200)
    assert (whole == 90).all()
    small = decoder.decode(film(90, 300, 200), DecodeOptions(0, side_px=150)).pixels
    assert small.shape == (150, 100)
    assert shown_size(300, 200, 150) == (150, 100)


def test_errors_keep_their_class_and_hint(decoder: Decoder) -> None:
    with pytest.raises(UnknownFormat, match=r"film: not an image format") as error:
        decoder.decode(b"nothing" * 50, DecodeOptions(32))
    assert "Export the film" in error.value.hint
    with pytest.raises(TooLarge):
        decoder.decode(BRIGHT[1], DecodeOptions(32, max_pixels=1000))
    assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)


def test_a_decoder_that_dies_costs_one_film(decoder: Decoder) -> None:
    decoder.start()
    watched = decoder._child
    # Killed between the check that it runs and the film, like a decoder that the film crashes.
    decoder.start = lambda: os.kill(watched.pid, signal.SIGKILL) or decoder._pipe  # type: ignore[method-assign, func-returns-value]
    with pytest.raises(UnreadableImage, match="brought the decoder down"):
        decoder.decode(BRIGHT[1], DecodeOptions(32))
    del decoder.start  # type: ignore[method-assign]
    assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"shape": [1]}, {"shape": [1], "facts": [], "read_ms": 1.0},
     {"shape": [1], "facts": {"rows": 1}, "read_ms": 1.0},
     {"shape": [1], "facts": {"pixel_spacing_mm": 1}, "read_ms": 1.0},
     {"shape": [1], "facts": FACTS, "read_ms": None}, {"shape": [2], "facts": FACTS, "read_ms": 1.0},
     {"error": None}, {"error": {"code": ["x"]}}],
)  # fmt: skip
def test_a_decoder_that_answers_nonsense_costs_one_film(answer: Any) -> None:
    pipe, child_pipe = multiprocessing.Pipe()
    child_pipe.send_bytes(_packed(answer, b"\0"))
    decoder = Decoder(30, 2**30)
    decoder.start = lambda: pipe  # type: ignore[method-assign]
    with pytest.raises(UnreadableImage, match="brought the decoder down"):
        decoder.decode(BRIGHT[1], DecodeOptions(32))


def test_a_film_that_takes_too_long_is_given_up() -> None:
    slow = Decoder(0.2, 2**30)
    try:
        slow.start()
        first = slow._child.pid
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(UnreadableImage, match=r"more than 0\.2 s"):
            slow.decode(BRIGHT[1], DecodeOptions(32))
        assert slow._child is None
        slow._time_s = 30
        assert slow.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
    finally:
        slow.stop()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no limit on memory here")
def test_a_film_that_needs_too_much_memory_is_given_up() -> None:
    poor = Decoder(30, 64 * 2**20)
    try:
        with pytest.raises(UnreadableImage, match="memory does not suffice"):
            poor.decode(film(90, 6000, 6000), DecodeOptions(0))  # 36 MB as levels, 144 MB as pixels
        assert poor.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
    finally:
        poor.stop()


def test_a_process_that_does_not_stop_its_decoder_ends_nevertheless() -> None:
    code = "from pneumoscope.jobs.decoders import Decoder\nDecoder(30, 2**30).start()"
    command = [sys.executable, "-c", f"if __name__ == '__main__':\n exec({code!r})"]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


def test_decoders_are_lent_one_at_a_time() -> None:
    decoders = DecoderPool(2, 30, 2**30)
    with decoders.borrowed() as first, decoders.borrowed() as second:
        assert first is not second
    with decoders.borrowed() as again:
        assert again is first  # the one that was returned last
    assert np.all([d._child is None for d in decoders._decoders])  # none was needed
