"""Warnings of decoders stay inside, all others pass."""

from __future__ import annotations

import logging
import threading
import warnings

import pytest

from pneumoscope.images import quiet as module
from pneumoscope.images.quiet import quiet


def warn(source: str) -> None:
    warnings.warn_explicit("odd", UserWarning, f"{source}.py", 1, module=source)


def ours() -> int:
    return sum(each is module._FILTER for each in warnings.filters)


@pytest.mark.parametrize(
    "source",
    ["PIL.Image", "PIL", "pydicom.valuerep", "gdcm", "openjpeg.utils", "_openjpeg", "jpeg_ls",
     "CharLS", "importlib._bootstrap"],
)  # fmt: skip
def test_decoders_are_silent(source: str) -> None:
    with pytest.raises(UserWarning, match="odd"):
        warn(source)  # the tests take warnings for errors
    with quiet():
        warn(source)
    with pytest.raises(UserWarning, match="odd"):
        warn(source)


@pytest.mark.parametrize("source", ["numpy", "PILlow", "pneumoscope.images", "importlib"])
def test_everybody_else_is_heard(source: str) -> None:
    with quiet(), pytest.raises(UserWarning, match="odd"):
        warn(source)


def test_it_may_be_entered_again() -> None:
    before = list(warnings.filters)
    with quiet():
        with quiet():
            warn("PIL")
            assert ours() == 1
        warn("PIL")
    assert list(warnings.filters) == before


def test_an_error_leaves_no_filter_behind() -> None:
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="no film"), quiet():
        raise ValueError("no film")
    assert list(warnings.filters) == before


def test_the_filter_stands_while_any_thread_decodes() -> None:
    inside, leave = threading.Event(), threading.Event()

    def decode() -> None:
        with quiet():
            inside.set()
            assert leave.wait(30)

    thread = threading.Thread(target=decode)
    thread.start()
    assert inside.wait(30)
    with quiet():
        pass
    assert ours() == 1  # the other thread has not left
    leave.set()
    thread.join(30)
    assert ours() == 0


def test_a_list_that_somebody_swapped_is_not_spoilt() -> None:
    with quiet():
        with warnings.catch_warnings():
            warnings.resetwarnings()
            with quiet():  # sees that its filter has gone
                warn("PIL")
        warn("PIL")
    assert ours() == 0


def test_what_a_decoder_logs_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("pydicom.pixels.decoders.base")
    with quiet():
        log.error("Decoding error")
        elsewhere = threading.Thread(target=log.error, args=("of another thread",))
        elsewhere.start()
        elsewhere.join()
    log.error("of the user's own code")
    assert caplog.messages == ["of another thread", "of the user's own code"]
