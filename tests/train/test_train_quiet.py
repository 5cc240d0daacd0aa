"""Output past Python is muted, and only while it is asked for."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from pneumoscope.train.quiet import no_chatter


def test_only_the_block_is_muted(capfd: pytest.CaptureFixture[str]) -> None:
    with no_chatter():
        os.write(2, b"from a library\n")
        warnings.warn("no error here", UserWarning, stacklevel=1)
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"
    with pytest.raises(UserWarning, match="again"):
        warnings.warn("again", UserWarning, stacklevel=1)


def test_an_error_brings_the_stream_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="x"), no_chatter():
        raise ValueError("x")
    sys.stderr.write("heard\n")
    sys.stderr.flush()
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\nheard\n"
