"""What a process that decodes can no longer do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grey_films import BRIGHT
from pneumoscope.images.decoders import DecodeOptions, Decoder

SECRETS = {
    "PNEUMOSCOPE_SERVE_SECRET": "sesame",
    "PNEUMOSCOPE_SERVE_DATABASE": "postgresql://u:sesame@h/d",
    "PNEUMOSCOPE_TOKEN": "sesame",
    "AWS_SECRET_ACCESS_KEY": "sesame",
}
TRY = """
import json, os, socket, sys
from pneumoscope.images.confinement import confine
applied = confine()
def refused(action):
    try:
        action()
    except OSError as error:
        return True
    return False
secret, parent = sys.argv[1], os.getppid()
status = None
print(json.dumps({
    "applied": applied,
    "environment": [name for name, value in os.environ.items() if "sesame" in value],
    "socket": refused(socket.socket),
    "exec": refused(lambda: os.execv("/bin/true", ["true"])),
    "kill": refused(lambda: os.kill(parent, 0)),
    "read": refused(lambda: open(secret).read()),
    "write": refused(lambda: open(secret + ".new", "w")),
    "parent": refused(lambda: open(f"/proc/{parent}/environ", "rb").read()),
}))
sys.stdout.flush()
sys.stdin.readline()
"""
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


@linux
def test_a_confined_process_reaches_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("sesame")
    with subprocess.Popen(
        [sys.executable, "-c", TRY, str(secret)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env={**os.environ, **SECRETS},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        done = json.loads(process.stdout.readline())
        memory = Path(f"/proc/{process.pid}/environ").read_bytes()
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.communicate("\n")
    assert b"sesame" not in memory
    assert done["environment"] == []
    assert "NoNewPrivs:\t1" in status
    if "seccomp" in done["applied"]:  # the kernel and the machine have it
        assert "Seccomp:\t2" in status
        assert done["socket"]
        assert done["exec"]
        assert done["kill"]
    if "landlock" in done["applied"]:
        assert done["read"]
        assert done["write"]
        assert done["parent"]


@linux
def test_a_decoder_is_confined_and_still_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    decoder = Decoder(30, 2**30)
    try:
        assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
        process = Path(f"/proc/{decoder._child.pid}")
        assert b"sesame" not in (process / "environ").read_bytes()
        assert "NoNewPrivs:\t1" in (process / "status").read_text()
        limits = (process / "limits").read_text()
        assert [line.split()[3] for line in limits.splitlines() if "open files" in line] == ["128"]
    finally:
        decoder.stop()
    assert os.environ["PNEUMOSCOPE_TOKEN"] == "sesame"  # this process keeps its own
