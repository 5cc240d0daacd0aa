"""Confines the process that decodes films, as far as the kernel can: what it does not need, it loses.

A decoder that a hostile film takes over shall find no secret and reach no network. Everything here
applies to the calling process for the rest of its life. What the system does not have is left out;
`confine` says what was applied.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.confinement.system_calls import filter_program

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

KEPT_VARIABLES = frozenset(
    [
        "HOME",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "OMP_NUM_THREADS",
        "ORT_DISABLE_TELEMETRY",
        "PATH",
        "PYTHONHOME",
        "PYTHONPATH",
        "SYSTEMROOT",
        "TMPDIR",
        "TZ",
    ]
)
"""The environment of a process that decodes; other variables may be keys, passwords or tokens."""
MOST_FILES = 128
_OPEN_FILES = Path("/dev/fd")
"""Names in it are the numbers of open files, on Linux and macOS."""
_DEPENDENCIES = ("numpy", "PIL", "pydicom", "_gdcm", "jpeg_ls", "openjpeg")
"""They may be installed in any folder, each in its own."""

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _ALL_THREADS = 1, 1  # linux/seccomp.h
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0  # linux/landlock.h
_ALL_OF_FILES = tuple((1 << bits) - 1 for bits in (13, 14, 15, 15, 16))  # by ABI 1 to 5
_TCP = 3  # bind and connect, from ABI 4 on
_SCOPES = 3  # abstract sockets and signals, from ABI 6 on


def confine() -> list[str]:
    """Applies everything that the system has.

    Returns:
        What was applied: ``"environment"``, ``"limits"``, ``"no_new_privs"``, ``"landlock"``,
        ``"seccomp"``.
    """
    applied = ["environment"]
    clear_environment()
    if _limit_files():
        applied.append("limits")
    if not sys.platform.startswith("linux"):
        return applied
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        applied.append("no_new_privs")
        if _landlock(libc):
            applied.append("landlock")
        if _seccomp(libc):
            applied.append("seccomp")
    return applied


def run_confined(entry: str, pipe: Connection, *args: object) -> None:
    """Confines this process, and only then imports and calls a function: it is what a process starts with.

    Landlock confines the calling thread and those that it starts later, so no library may have started
    one before, as NumPy does when it is imported.

    Args:
        entry: Module and function, such as ``"package.module:function"``.
        pipe: Its first argument, and the only file that stays open beside those of the terminal.
        args: Its other arguments.
    """
    _close_files(pipe.fileno())
    confine()
    module, _, function = entry.partition(":")
    getattr(importlib.import_module(module), function)(pipe, *args)


def _close_files(kept: int) -> None:
    """Closes what `multiprocessing` opened: through one of these, its tracker can be told to delete things."""
    if _OPEN_FILES.is_dir():
        for number in [int(file.name) for file in _OPEN_FILES.iterdir()]:
            if number not in (0, 1, 2, kept):
                with suppress(OSError):  # the folder itself
                    os.close(number)


def clear_environment() -> None:
    """Removes variables from the environment, and from the memory that ``/proc`` shows."""
    places: list[tuple[int, int]] = []
    if sys.platform.startswith("linux"):
        strings = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
        i = 0
        while (address := strings[i]) is not None:
            text = ctypes.string_at(address)
            if text.partition(b"=")[0].decode(errors="replace") not in KEPT_VARIABLES:
                places.append((address, len(text)))
            i += 1
    for name in set(os.environ) - KEPT_VARIABLES:
        del os.environ[name]
    for address, length in places:
        ctypes.memset(address, 0, length)


def _limit_files() -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
    return True


def _seccomp(libc: ctypes.CDLL) -> bool:
    """Forbids system calls for the network, other programs and other processes, to all threads."""
    made = filter_program()
    if made is None:
        return False
    length, code = made
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", length, ctypes.addressof(buffer))
    call = ctypes.c_long(_SECCOMP[platform.machine()])
    if libc.syscall(call, _SET_MODE_FILTER, _ALL_THREADS, header) == 0:
        return True
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER, header, 0, 0) == 0)


def _landlock(libc: ctypes.CDLL) -> bool:
    """Allows reading of programs and libraries only, and no TCP."""
    abi = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return False
    handled = _ALL_OF_FILES[min(abi, len(_ALL_OF_FILES)) - 1]
    newer = [_TCP] * (abi >= 4) + [_SCOPES] * (abi >= 6)
    attributes = struct.pack(f"={1 + len(newer)}Q", handled, *newer)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for root in _library_roots():
            _allow_reading(libc, ruleset, root)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, root: Path) -> None:
    with suppress(OSError):
        folder = os.open(root, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = _READ_FILE | _EXECUTE | (_READ_DIR if root.is_dir() else 0)
            rule = struct.pack("=Qi", allowed, folder)
            libc.syscall(_ADD_RULE, ruleset, 1, rule, 0)
        finally:
            os.close(folder)


def _library_roots() -> list[Path]:
    """Folders of Python, of this package and of the system's libraries."""
    package = Path(__file__).resolve().parents[2]
    named = [sys.prefix, sys.base_prefix, *(entry for entry in sys.path if "-packages" in entry)]
    specs = (importlib.util.find_spec(name) for name in _DEPENDENCIES)
    named += [str(Path(spec.origin).parents[1]) for spec in specs if spec and spec.origin]
    system = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom"]
    system += ["/dev/null", "/proc/self/statm", "/proc/cpuinfo", "/sys/devices/system/cpu"]
    return [package, *(Path(name) for name in dict.fromkeys([*named, *system]))]
