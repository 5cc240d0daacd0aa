"""Confines the process that decodes films, as far as the kernel can: what it does not need, it loses.

A decoder that a hostile film takes over shall find no secret and reach no network. Everything here
applies to the calling process for the rest of its life. What the system does not have is left out;
`confine` says what was applied.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path

from pneumoscope.images.codec_child import KEPT_VARIABLES

MOST_FILES = 128

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h
_ERRNO, _ALLOW = 0x00050000 | 1, 0x7FFF0000  # linux/seccomp.h; 1 is EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
_X32 = 0x40000000  # the other ABI of x86-64 has the same architecture number
_FORBIDDEN = {
    # socket, connect, accept, sendto, bind, listen, socketpair, execve, execveat,
    # kill, ptrace, process_vm_readv and writev, mount, umount2, pivot_root, chroot, setns, unshare,
    # bpf, perf_event_open, userfaultfd, io_uring_setup, keyctl, add_key, request_key, init_module,
    # finit_module, kexec_load, open_by_handle_at, pidfd_open, pidfd_getfd, accept4.
    "x86_64": (
        0xC000003E,
        "41 42 43 44 49 50 53 59 322 62 101 310 311 165 166 155 161 308 272 321 298 323 425 250 248 "
        "249 175 313 246 304 434 438 288",
    ),
    "aarch64": (
        0xC00000B7,
        "198 203 202 206 200 201 199 221 281 129 117 270 271 40 39 41 51 268 97 280 241 282 425 219 "
        "217 218 105 273 104 265 434 438 242",
    ),
}
"""Number of the architecture (linux/audit.h), and of system calls (asm/unistd.h)."""
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0  # linux/landlock.h
_ALL_OF_FILES = ((1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1)  # by ABI 1, 2, 3
_TCP = 3  # bind and connect, from ABI 4 on


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
    """Forbids system calls for the network, other programs and other processes."""
    known = _FORBIDDEN.get(platform.machine())
    if known is None or sys.maxsize < 2**32:
        return False
    architecture, forbidden = known
    # struct seccomp_data: the number of the call at 0, the architecture at 4.
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ERRNO)]
    program.append((_LOAD, 0, 0, 0))
    program += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERRNO)]
    for number in map(int, forbidden.split()):
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO)]
    program.append((_RETURN, 0, 0, _ALLOW))
    code = b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER, header, 0, 0) == 0)


def _landlock(libc: ctypes.CDLL) -> bool:
    """Allows reading of programs and libraries only, and no TCP."""
    abi = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return False
    handled = _ALL_OF_FILES[min(abi, 3) - 1]
    attributes = struct.pack("=QQ", handled, _TCP) if abi >= 4 else struct.pack("=Q", handled)
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
    system = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom"]
    system += ["/dev/null", "/proc/self/statm", "/proc/cpuinfo", "/sys/devices/system/cpu"]
    return [package, *(Path(name) for name in dict.fromkeys([*named, *system]))]
