"""The system calls that a process which decodes does not need, as a filter for seccomp."""

from __future__ import annotations

import os
import platform
import struct
import sys

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h
_EPERM, _ENOSYS = 1, 38  # asm-generic/errno.h
_X32 = 0x40000000  # the other ABI of x86-64 has the same architecture number
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Numbers of linux/audit.h."""

_NETWORK = """
socket 41 198, connect 42 203, accept 43 202, accept4 288 242, sendto 44 206, bind 49 200,
listen 50 201, socketpair 53 199
"""
"""No network."""
_PROCESSES = """
execve 59 221, execveat 322 281, fork 57 -, vfork 58 -, kill 62 129, tkill 200 130,
rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240, pidfd_send_signal 424 424, pidfd_open 434 434,
pidfd_getfd 438 438, ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271,
process_madvise 440 440, process_mrelease 448 448, kcmp 312 272, setpriority 141 140,
ioprio_set 251 30, sched_setparam 142 118, sched_setscheduler 144 119, sched_setaffinity 203 122,
sched_setattr 314 274, migrate_pages 256 238, move_pages 279 239
"""
"""No other program, and nothing that reaches another process."""
_SHARED = """
shmget 29 194, shmat 30 196, shmctl 31 195, semget 64 190, semop 65 193, semctl 66 191,
semtimedop 220 192, msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187, mq_open 240 180,
mq_unlink 241 181
"""
"""No memory and no messages that other processes of this user share."""
_FILES = """
creat 85 -, truncate 76 45, unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38,
renameat2 316 276, link 86 -, linkat 265 37, symlink 88 -, symlinkat 266 36, mkdir 83 -,
mkdirat 258 34, rmdir 84 -, mknod 133 -, mknodat 259 33, chmod 90 -, fchmod 91 52, fchmodat 268 53,
fchmodat2 452 452, chown 92 -, fchown 93 55, lchown 94 -, fchownat 260 54, setxattr 188 5,
lsetxattr 189 6, fsetxattr 190 7, setxattrat 463 463, removexattr 197 14, lremovexattr 198 15,
fremovexattr 199 16, removexattrat 466 466, utime 132 -, utimes 235 -, futimesat 261 -,
utimensat 280 88, open_by_handle_at 304 265
"""
"""No change of a file, of its name, its times or of who may use it: Landlock leaves out some of these."""
_SYSTEM = """
mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, setns 308 268, unshare 272 97,
open_tree 428 428, move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432,
fspick 433 433, mount_setattr 442 442, bpf 321 280, perf_event_open 298 241, userfaultfd 323 282,
io_uring_setup 425 425, keyctl 250 219, add_key 248 217, request_key 249 218, init_module 175 105,
finit_module 313 273, delete_module 176 106, kexec_load 246 104, kexec_file_load 320 294,
reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89, quotactl 179 60, sethostname 170 161,
setdomainname 171 162, settimeofday 164 170, clock_settime 227 112, clock_adjtime 305 266,
adjtimex 159 171, syslog 103 116, fanotify_init 300 262, iopl 172 -, ioperm 173 -
"""
"""No change of the system, for which root would have the right."""

_CLONE, _CLONE3, _TGKILL = {"x86_64": 56, "aarch64": 220}, 435, {"x86_64": 234, "aarch64": 131}
_PRLIMIT, _FCNTL = {"x86_64": 302, "aarch64": 261}, {"x86_64": 72, "aarch64": 25}
_IOCTL, _OPENAT, _OPENAT2 = {"x86_64": 16, "aarch64": 29}, {"x86_64": 257, "aarch64": 56}, 437
_OPEN = {"x86_64": 2}  # not on aarch64
_THREAD = 0x10000  # CLONE_THREAD, linux/sched.h
_SIGNALS_BY_FILE = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: asm-generic/fcntl.h
_TYPING = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: what is typed into a terminal
_WRITING = 0o3 | 0o100 | 0o1000  # O_ACCMODE, O_CREAT, O_TRUNC: asm-generic/fcntl.h

_Instruction = tuple[int, int, int, int]
_REFUSE: _Instruction = (_RETURN, 0, 0, _ERRNO | _EPERM)
_PERMIT: _Instruction = (_RETURN, 0, 0, _ALLOW)


def filter_program() -> tuple[int, bytes] | None:
    """The filter for this process: the number of its instructions, and these; None for other machines."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES or sys.maxsize < 2**32:
        return None
    # struct seccomp_data: the number of the call at 0, the architecture at 4.
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _ARCHITECTURES[machine]), _REFUSE]
    program += [(_LOAD, 0, 0, 0), (_AT_LEAST, 0, 1, _X32), _REFUSE]
    for number in _forbidden(machine):
        program += _rule(number, [_REFUSE])
    # The C library then takes the older call, whose arguments a filter can see.
    for number in (_CLONE3, _OPENAT2):
        program += _rule(number, [(_RETURN, 0, 0, _ERRNO | _ENOSYS)])
    itself = (0, os.getpid())
    program += _rule(_CLONE[machine], [*_if_bits(0, _THREAD, _PERMIT), _REFUSE])
    program += _rule(_TGKILL[machine], [*_if_value(0, itself[1:], _PERMIT), _REFUSE])
    program += _rule(_PRLIMIT[machine], [*_if_value(0, itself, _PERMIT), _REFUSE])
    program += _rule(_FCNTL[machine], [*_if_value(1, _SIGNALS_BY_FILE, _REFUSE), _PERMIT])
    program += _rule(_IOCTL[machine], [*_if_value(1, _TYPING, _REFUSE), _PERMIT])
    program += _rule(_OPENAT[machine], [*_if_bits(2, _WRITING, _REFUSE), _PERMIT])
    if machine in _OPEN:
        program += _rule(_OPEN[machine], [*_if_bits(1, _WRITING, _REFUSE), _PERMIT])
    program.append(_PERMIT)
    return len(program), b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


def _forbidden(machine: str) -> list[int]:
    """Numbers of the calls that are refused with any arguments (asm/unistd.h)."""
    column = list(_ARCHITECTURES).index(machine) + 1
    every = ",".join((_NETWORK, _PROCESSES, _SHARED, _FILES, _SYSTEM)).split(",")
    numbers = [call.split()[column] for call in every]
    return [int(number) for number in numbers if number != "-"]


def _rule(number: int, then: list[_Instruction]) -> list[_Instruction]:
    """What is done if the number of the call is this one; it has to return."""
    return [(_EQUAL, 0, len(then), number), *then]


def _if_value(argument: int, values: tuple[int, ...], then: _Instruction) -> list[_Instruction]:
    tests = [each for value in values for each in ((_EQUAL, 0, 1, value), then)]
    return [_load(argument), *tests]


def _if_bits(argument: int, bits: int, then: _Instruction) -> list[_Instruction]:
    return [_load(argument), (_ANY_BIT, 0, 1, bits), then]


def _load(argument: int) -> _Instruction:
    """The lower half of an argument: these calls take 32 bits."""
    return _LOAD, 0, 0, 16 + 8 * argument
