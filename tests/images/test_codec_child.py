"""Messages between this process and the one that calls gdcm."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from film_files import LOSSLESS_SV1, lossless_jpeg, ramp
from pneumoscope.images import codec_child
from pneumoscope.images.codec_child import limit, receive, send

HEAD = {
    "time_s": 60,
    "syntax": LOSSLESS_SV1,
    "rows": 64,
    "columns": 80,
    "samples": 1,
    "photometric": "MONOCHROME2",
    "allocated": 8,
    "stored": 8,
    "signed": 0,
}


def test_a_message_comes_out_as_it_went_in() -> None:
    stream = BytesIO()
    send(stream, {"rows": 3}, b"abc")
    send(stream, {}, b"")
    stream.seek(0)
    assert receive(stream) == ({"rows": 3}, b"abc")
    assert receive(stream) == ({}, b"")
    with pytest.raises(EOFError):
        receive(stream)


def test_half_a_message_is_an_end() -> None:
    stream = BytesIO()
    send(stream, {"rows": 3}, b"abc")
    with pytest.raises(EOFError):
        receive(BytesIO(stream.getvalue()[:-1]))


def test_the_child_decodes_until_its_pipe_closes() -> None:
    requests = BytesIO()
    send(requests, HEAD, lossless_jpeg(ramp(), 8, 1))
    send(requests, HEAD, b"no codestream")
    done = subprocess.run(
        [sys.executable, "-P", codec_child.__file__],
        input=requests.getvalue(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    answers = BytesIO(done.stdout)
    assert receive(answers) == ({"ready": True}, b"")
    assert receive(answers) == ({"warning": ""}, ramp().tobytes())
    head, content = receive(answers)
    assert set(head) == {"error"}
    assert content == b""


def test_the_child_loads_neither_numpy_nor_this_package() -> None:
    code = f"import runpy, sys; runpy.run_path({codec_child.__file__!r})"
    code += "; print({'numpy', 'pydicom', 'pneumoscope'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_child_may_write_no_file_and_use_so_much_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resource = pytest.importorskip("resource", reason="no limits here")
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    limit(2**30)
    assert limits[resource.RLIMIT_FSIZE] == limits[resource.RLIMIT_CORE] == (0, 0)
    if Path("/proc/self/statm").exists():
        least, most = limits[resource.RLIMIT_AS]
        assert least == most > 2**30  # what is mapped already counts too
