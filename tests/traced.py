"""Commands under strace, which notes every connection, every datagram and every change of a file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

CI = re.compile(r"CI|GITHUB|GITLAB|JENKINS|BUILD|TRAVIS|AGENT|PYTEST|RUNNER")
"""Variables by which ONNX Runtime recognises continuous integration, where it never reports."""
LOCAL = re.compile(r"AF_UNIX|AF_NETLINK|\"(::ffff:)?127\.0\.0\.1\"|\"::1\"|AF_UNSPEC")
_CONNECTIONS = "connect,sendto,sendmsg,sendmmsg"
_CALLS = f"trace={_CONNECTIONS},open,openat,creat,/^mkdir,/^rename,/^link,/^symlink,/^unlink"
_CHANGES = re.compile(
    r"^\d+ +(?:open.*O_(?:WRONLY|RDWR|CREAT)|creat|mkdir|rename|link|symlink|unlink)"
)
_PATH = re.compile(r'(?:<(?P<folder>/[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"')
_NO_FILE = re.compile(r"/dev/(?:null|tty|shm/sem\.|shm/sem\.\w+)|/dev/shm/|/proc/")
"""Places that hold no data afterwards: devices, and semaphores of processes."""


def environment(home: Path) -> dict[str, str]:
    """That of a user with an empty home folder, outside of continuous integration."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not CI.search(name) and not name.startswith(("XDG_", "ORT_"))
    }
    return kept | {"HOME": str(home), "NO_COLOR": "1", "MPLCONFIGDIR": str(home / "matplotlib")}


@cache
def obstacle() -> str:
    """Why nothing can be traced here; empty if it can."""
    strace = shutil.which("strace")
    if strace is None:
        return "needs strace"
    allowed = subprocess.run(
        [strace, "-f", "--seccomp-bpf", "-qq", "-e", _CALLS, "true"],
        capture_output=True,
        check=False,
    )
    return "strace may not trace here" if allowed.returncode else ""


def traced(log: Path, words: list[str]) -> list[str]:
    """The command under strace; skips the test where it cannot be traced."""
    if reason := obstacle():
        pytest.skip(reason)
    strace = str(shutil.which("strace"))
    return [strace, "-f", "-y", "--seccomp-bpf", "-qq", "-e", _CALLS, "-o", str(log), *words]


def changed_files(log: Path, cwd: Path) -> set[Path]:
    """Files and folders that the command has made, opened for writing, renamed or deleted."""
    changed = set()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if not _CHANGES.match(line) or " = -1 " in line:
            continue
        for match in _PATH.finditer(line.partition(" = ")[0]):
            path = cwd / (match["folder"] or "") / match["path"]
            if not _NO_FILE.match(str(path)):
                changed.add(path)
    return changed


def addresses(log: Path) -> list[str]:
    """Calls that name an address of another machine."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if "sa_family=" in line and not LOCAL.search(line)]
