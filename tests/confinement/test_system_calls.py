"""The filter of system calls, as the kernel would run it."""

from __future__ import annotations

import os
import platform
import struct

import pytest

from pneumoscope.confinement.system_calls import filter_program

ALLOWED, REFUSED, MISSING = 0x7FFF0000, 0x00050001, 0x00050026
X86, ARM = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)


def answer(program: bytes, number: int, architecture: int, *arguments: int) -> int:
    """What the filter returns for a call: as `linux/filter.h` says what each instruction does."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    place, value = 0, 0
    while True:
        code, if_true, if_false, constant = struct.unpack_from("<HBBI", program, 8 * place)
        place += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, constant)
        elif code == 0x06:
            return int(constant)
        else:
            test = {0x15: value == constant, 0x35: value >= constant, 0x45: value & constant}[code]
            place += if_true if test else if_false


@pytest.mark.parametrize(
    ("machine", "calls"),
    [
        (
            X86,
            [
                (0, (), ALLOWED),  # read
                (41, (), REFUSED),  # socket
                (41 | 0x40000000, (), REFUSED),  # of the other ABI
                (56, (0x10F00,), ALLOWED),  # clone: a thread
                (56, (17,), REFUSED),  # clone: a process
                (435, (), MISSING),  # clone3
                (234, (os.getpid(), 1, 6), ALLOWED),  # tgkill
                (234, (os.getpid() + 1, 1, 6), REFUSED),
                (302, (0,), ALLOWED),  # prlimit64
                (302, (1,), REFUSED),
                (72, (3, 1), ALLOWED),  # fcntl
                (72, (3, 8), REFUSED),
                (16, (0, 0x5401), ALLOWED),  # ioctl
                (16, (0, 0x5412), REFUSED),
                (257, (0, 0, 0o2000000), ALLOWED),  # openat to read
                (257, (0, 0, 0o1), REFUSED),
                (257, (0, 0, 0o100), REFUSED),
                (2, (0, 0), ALLOWED),  # open to read
                (2, (0, 0o2), REFUSED),
            ],
        ),
        (
            ARM,
            [
                (63, (), ALLOWED),  # read
                (198, (), REFUSED),  # socket
                (220, (0x10F00,), ALLOWED),  # clone: a thread
                (220, (17,), REFUSED),
                (131, (os.getpid() + 1, 1, 6), REFUSED),  # tgkill
                (261, (1,), REFUSED),  # prlimit64
                (25, (3, 10), REFUSED),  # fcntl
                (29, (0, 0x541C), REFUSED),  # ioctl
                (56, (0, 0, 0), ALLOWED),  # openat to read
                (56, (0, 0, 0o2), REFUSED),
                (2, (0, 0o2), ALLOWED),  # no open on this machine
            ],
        ),
    ],
)
def test_each_machine_has_its_numbers(
    machine: tuple[str, int],
    calls: list[tuple[int, tuple[int, ...], int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, architecture = machine
    monkeypatch.setattr(platform, "machine", lambda: name)
    made = filter_program()
    assert made is not None
    length, program = made
    assert len(program) == 8 * length
    for number, arguments, expected in calls:
        assert answer(program, number, architecture, *arguments) == expected, (number, arguments)
    assert answer(program, 0, 0x40000003) == REFUSED  # another architecture: 32 bits


def test_an_unknown_machine_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert filter_program() is None
