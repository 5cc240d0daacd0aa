"""Decodes by gdcm or CharLS in a child process: a film that crashes or stops them costs only itself.

Children are started when a film needs one, and kept for the next film.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

import pneumoscope.images.codec_child as codec_child
from pneumoscope.confinement.confine import KEPT_VARIABLES
from pneumoscope.images.child_timer import killed_after
from pneumoscope.images.codestream import coding_of, frame_of
from pneumoscope.images.jpeg_scans import without_padding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

COMMAND = (sys.executable, "-P", codec_child.__file__)  # -P: not from the folder of the script
START_S = 60.0
TIME_S = 4.0
PIXELS_PER_S = 2_000_000
"""A film may take `TIME_S` of computing, and a second more for so many pixels: a small part of gdcm's
usual speed."""
WAITING = 5
"""How many times longer it may take in all, because other programs may use the machine, too."""

_free: list[_Child] = []
_lock = threading.Lock()
_is_child = False


_EOI = b"\xff\xd9"
_CRASHED = "it brought the decoder down"


class MissingData(ValueError):
    """A part of the compressed data is missing."""


class DecoderDied(RuntimeError):
    """The child process ended or had to be ended; the text says how."""


def decode_in_this_process() -> None:
    """Makes this process call gdcm and CharLS itself: it is a child that may die."""
    global _is_child
    _is_child = True


def decode(codestream: bytes, syntax: str, options: Mapping[str, Any]) -> NDArray[Any]:
    """Decodes one frame.

    Args:
        codestream: The compressed frame.
        syntax: UID of its transfer syntax.
        options: ``rows``, ``columns``, ``samples_per_pixel``, ``photometric_interpretation``,
            ``bits_allocated``, ``bits_stored`` and ``pixel_representation`` of the data set
            (PS3.3 C.7.6.3).

    Returns:
        Integers of 8 or 16 bits, (rows, columns), or (rows, columns, 3) as the frame has them.

    Raises:
        DecoderDied: The child ended, or took too long.
        MissingData: A part of the compressed data is missing.
        ValueError: It cannot be decoded, or is damaged.
    """
    frame = frame_of(codestream)
    # gdcm ends the process if Bits Stored is below the precision of the frame, so it is given that.
    bits = options["bits_stored"] if frame is None else frame.bits
    size = 1 if bits <= 8 else 2
    # With 16 bits allocated, gdcm tries its 8-bit decoder on lossy JPEG first, and warns of it.
    allocated = 12 if coding_of(codestream) == "jpeg-12" else 8 * size
    rows, columns, samples = options["rows"], options["columns"], options["samples_per_pixel"]
    time_s = TIME_S + rows * columns / PIXELS_PER_S
    head = {
        "syntax": syntax,
        "rows": rows,
        "columns": columns,
        "samples": samples,
        "photometric": options["photometric_interpretation"],
        "allocated": allocated,
        "stored": bits,
        "signed": options["pixel_representation"],
        "time_s": time_s,
    }
    if syntax != codec_child.JPEG_LS and not codestream.rstrip(b"\0").endswith(_EOI):
        codestream += _EOI  # without it libjpeg does not tell of data that nothing needs
    data, warning = _samples(codestream, head, time_s)
    if "extraneous" in warning:  # padding, or the rest of damaged data
        for unpadded in without_padding(codestream):
            data, warning = _samples(unpadded, head, time_s)
            if not warning:
                break
    if "premature end" in warning.lower():
        raise MissingData(warning)
    if warning:
        raise ValueError(warning)
    kind = f"<{'ui'[options['pixel_representation']]}{size}"
    pixels = np.frombuffer(data, kind, count=rows * columns * samples)
    if samples == 1:
        return pixels.reshape(rows, columns)
    return pixels.reshape(rows, columns, samples)


def _samples(codestream: bytes, head: dict[str, Any], time_s: float) -> tuple[bytes, str]:
    """The samples, and the first warning of libjpeg or ``""``."""
    if _is_child:
        return codec_child.decode(codestream, head)
    child = _borrow()
    try:
        samples = child.decode(codestream, head, time_s)
    except BaseException:
        child.stop()
        raise
    with _lock:
        _free.append(child)
    if samples is None:
        raise ValueError("it cannot be decoded")
    return samples


def _borrow() -> _Child:
    with _lock:
        if _free:
            return _free.pop()
    return _Child()


class _Child:
    """One child process; one thread uses it at a time."""

    def __init__(self) -> None:
        """Starts it.

        Raises:
            DecoderDied: It does not start.
        """
        # As multiprocessing does: the child finds the same packages.
        paths = os.pathsep.join(path for path in sys.path if path)
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept | {"PYTHONPATH": paths},
        )
        try:
            self._receive(START_S / WAITING)
        except BaseException:
            self.stop()
            raise

    def decode(
        self, codestream: bytes, head: dict[str, Any], time_s: float
    ) -> tuple[bytes, str] | None:
        """The samples of a frame and a warning or ``""``; None if it cannot be decoded.

        Raises:
            DecoderDied: The child ended, or took too long.
        """
        try:
            codec_child.send(cast("IO[bytes]", self._process.stdin), head, codestream)
        except OSError as error:
            raise DecoderDied(_CRASHED) from error
        answer, pixels = self._receive(time_s)
        return None if "error" in answer else (pixels, answer["warning"])

    def _receive(self, time_s: float) -> tuple[dict[str, Any], bytes]:
        with killed_after(WAITING * time_s, self._process.kill) as late:
            try:
                return codec_child.receive(cast("IO[bytes]", self._process.stdout))
            except (EOFError, OSError, ValueError) as error:
                is_late = late.is_set() or self._ended_by_its_limit()
                reason = f"decoding takes more than {time_s:.0f} s" if is_late else _CRASHED
                raise DecoderDied(reason) from error

    def _ended_by_its_limit(self) -> bool:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(1) == -getattr(signal, "SIGXCPU", 0)
        return False

    def stop(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not sent is lost with the child
                cast("IO[bytes]", pipe).close()


@atexit.register
def stop_children() -> None:
    """Ends the children that wait for a film."""
    with _lock:
        while _free:
            _free.pop().stop()


def _forget_children() -> None:
    """After a fork, the children belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _free.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_children)
