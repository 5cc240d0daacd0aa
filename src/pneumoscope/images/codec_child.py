"""The child process that calls gdcm and CharLS; `pneumoscope.images.codec_process` starts it.

gdcm throws C++ exceptions through Python over some films, which ends the process (SIGABRT), and CharLS
never returns from some damaged films. So they run in a process of their own, which is confined as the
server's decoders are. This file is started as a script, because its package would load NumPy and Pillow.

A message in either direction is the length of its head and of its content (4 and 8 bytes, little
endian), the head as JSON, and the content.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

JPEG_LS = "1.2.840.10008.1.2.4.80"
"""The transfer syntax that stands for JPEG-LS, lossless or not."""
MEMORY_BYTES = 2 * 2**30
"""Most memory for one film; the largest film that is accepted has 200 MB of pixels."""


def limit(memory_bytes: int) -> None:
    """Limits memory and forbids writing files, where the system has such limits.

    Args:
        memory_bytes: Most memory beyond what this process has mapped already.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    statm = Path("/proc/self/statm")
    if statm.exists():  # memory that is mapped already counts too
        used = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        limits.append((resource.RLIMIT_AS, used + memory_bytes))
    for resource_, most in limits:
        resource.setrlimit(resource_, (most, most))


def limit_time(seconds: float) -> None:
    """Ends this process (SIGXCPU) when it has computed for so much longer, where the system can.

    A decoder that loops computes; one that waits for a busy or sleeping machine does not.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), most))


def send(stream: IO[bytes], head: dict[str, Any], content: bytes = b"") -> None:
    """Writes one message."""
    text = json.dumps(head).encode()
    stream.write(len(text).to_bytes(4, "little") + len(content).to_bytes(8, "little") + text)
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Reads one message.

    Raises:
        EOFError: The other process has gone.
    """
    sizes = _exactly(stream, 12)
    head = json.loads(_exactly(stream, int.from_bytes(sizes[:4], "little")))
    return head, _exactly(stream, int.from_bytes(sizes[4:], "little"))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def decode(codestream: bytes, head: dict[str, Any]) -> tuple[bytes, str]:
    """One frame, decoded by CharLS if it is JPEG-LS, else by gdcm, in this process.

    Args:
        codestream: The compressed frame.
        head: ``syntax``, ``rows``, ``columns``, ``samples``, ``photometric``,
            ``allocated``, ``stored`` and ``signed``, as DICOM means them (PS3.3 C.7.6.3).

    Returns:
        The samples, little endian, and the first warning of libjpeg or ``""``.

    Raises:
        ValueError: It cannot be decoded.
    """
    if head["syntax"] == JPEG_LS:
        return _jpeg_ls(codestream), ""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(codestream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((head["columns"], head["rows"], 1))
    image.SetDataElement(element)
    photometric = gdcm.PhotometricInterpretation.GetPIType(head["photometric"])
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(photometric))
    if head["samples"] > 1:
        image.SetPlanarConfiguration(0)
    syntax = gdcm.TransferSyntax.GetTSType(head["syntax"])
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(
        gdcm.PixelFormat(
            head["samples"], head["allocated"], head["stored"], head["stored"] - 1, head["signed"]
        )
    )
    with _what_is_written_to_stderr() as warnings:
        buffer = image.GetBuffer()
    if not buffer:
        raise ValueError("gdcm does not decode it")
    # gdcm returns bytes as str.
    return bytes(buffer.encode("utf-8", "surrogateescape")), "".join(warnings)


def _jpeg_ls(codestream: bytes) -> bytes:
    """The samples of a JPEG-LS frame, colour by pixel."""
    import jpeg_ls

    buffer, info = jpeg_ls.decode_pixel_data(codestream)
    count = info["components"]
    if count == 1 or info["interleave_mode"] != 0:
        return bytes(buffer)
    size = 1 if info["bits_per_sample"] <= 8 else 2
    by_pixel = bytearray(len(buffer))
    plane = len(buffer) // count
    for i in range(count):
        for byte in range(size):
            samples = buffer[i * plane + byte : (i + 1) * plane : size]
            by_pixel[i * size + byte :: count * size] = samples
    return bytes(by_pixel)


@contextmanager
def _what_is_written_to_stderr() -> Iterator[list[str]]:
    """Collects what gdcm writes to the file descriptor 2: libjpeg prints its warnings there.

    They are the only sign that a part of a JPEG is missing. libjpeg prints the first warning of a
    film only, so a pipe takes it all.
    """
    written: list[str] = []
    usual = os.dup(2)
    reading, writing = os.pipe()
    try:
        os.dup2(writing, 2)
        try:
            yield written
        finally:
            os.dup2(usual, 2)
            os.close(writing)
            with os.fdopen(reading, "rb", closefd=False) as stream:
                written.append(stream.read().decode("latin-1").strip())
    finally:
        os.close(usual)
        os.close(reading)


def main() -> None:
    """Decodes until the other process closes the pipe."""
    import signal

    # Ctrl-C signals the whole process group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from pneumoscope.confinement.confine import confine

    confine()
    import gdcm  # noqa: F401 (before memory is limited)

    limit(MEMORY_BYTES)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    send(answers, {"ready": True})
    while True:
        try:
            head, codestream = receive(requests)
        except EOFError:
            return
        limit_time(head["time_s"])
        try:
            pixels, warning = decode(codestream, head)
        except Exception as error:  # noqa: BLE001 (whatever gdcm raises: the parent tells the user)
            send(answers, {"error": type(error).__name__})
        else:
            send(answers, {"warning": warning}, pixels)


if __name__ == "__main__":
    main()
