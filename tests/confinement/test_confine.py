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
import json, os, sys
from pneumoscope.confinement.confine import confine
threads = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1
applied = confine()
import ctypes, fcntl, resource, socket
def refused(action):
    try:
        result = action()
    except OSError:
        return True
    return result == -1
def fork():
    if os.fork() == 0:
        os._exit(0)
secret, parent = sys.argv[1], os.getppid()
libc = ctypes.CDLL(None)
calls = {
    "socket": socket.socket,
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": fork,
    "kill": lambda: os.kill(parent, 0),
    "signal a thread of another process": lambda: libc.tgkill(parent, parent, 0),
    "signal by a file": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, parent),
    "limit another process": lambda: resource.prlimit(parent, resource.RLIMIT_CORE),
    "slow another process down": lambda: os.setpriority(os.PRIO_PROCESS, parent, 0),
    "move another process": lambda: os.sched_setaffinity(parent, os.sched_getaffinity(parent)),
    "permissions": lambda: os.chmod(secret, 0o644),
    "owner": lambda: os.chown(secret, os.getuid(), os.getgid()),
    "times": lambda: os.utime(secret),
    "attributes": lambda: os.setxattr(secret, "user.x", b"1"),
    "truncate": lambda: os.truncate(secret, 0),
    "rename": lambda: os.rename(secret, secret + ".other"),
    "delete": lambda: os.unlink(secret),
    "write": lambda: open(secret, "r+"),
    "type into the terminal": lambda: fcntl.ioctl(0, 0x5412, b"x"),
}
print(json.dumps({
    "applied": applied,
    "environment": [name for name, value in os.environ.items() if "sesame" in value],
    "threads": threads,
    "allowed": [name for name, call in calls.items() if not refused(call)],
    "signals to itself": refused(lambda: libc.tgkill(os.getpid(), os.getpid(), 0)),
    "read": refused(lambda: open(secret).read()),
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
        assert done["allowed"] == []
        assert not done["signals to itself"]
    assert secret.read_text() == "sesame"
    # Landlock would not confine threads that run already.
    assert done["threads"] == 1
    if "landlock" in done["applied"]:
        assert done["read"]
        assert done["parent"]


@linux
def test_a_decoder_is_confined_and_still_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    decoder = Decoder(30, 2**30)
    try:
        assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
        process = Path(f"/proc/{decoder._child.pid}")
        for thread in (process / "task").iterdir():  # NumPy has started some
            status = (thread / "status").read_text()
            assert "NoNewPrivs:\t1" in status
            assert "Seccomp:\t2" in status
        # Input, output, errors and the pipe: not the one to the tracker of `multiprocessing`.
        assert len([*(process / "fd").iterdir()]) == 4
        assert b"sesame" not in (process / "environ").read_bytes()
        assert "NoNewPrivs:\t1" in (process / "status").read_text()
        limits = (process / "limits").read_text()
        assert [line.split()[3] for line in limits.splitlines() if "open files" in line] == ["128"]
    finally:
        decoder.stop()
    assert os.environ["PNEUMOSCOPE_TOKEN"] == "sesame"  # this process keeps its own
