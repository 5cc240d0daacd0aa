"""The key of a de-identification: the same person, study and film get the same pseudonym again.

Pseudonyms are HMAC-SHA256 values: without the key nothing leads back, not even by trying all numbers
of patients.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError
from pneumoscope.files import read_text, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_BYTES = 32
_PATIENT_LETTERS = 12
_MOST_DAYS = 3650
"""Largest shift of dates: ten years."""


@dataclass(frozen=True, slots=True)
class Key:
    """A secret of 32 bytes; never shown.

    Attributes:
        secret: The bytes.
    """

    secret: bytes

    def __repr__(self) -> str:
        return "Key(...)"

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self.secret, f"{kind}\0{value}".encode(), hashlib.sha256)

    def patient(self, identity: str) -> str:
        """The pseudonym of a patient, such as ``"P5F2A90C31B7E"``."""
        return "P" + self._digest("patient", identity).hex()[:_PATIENT_LETTERS].upper()

    def uid(self, uid: str) -> str:
        """The new UID of a study, series or film (PS3.5 B.2)."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', uid)[:16], version=5).int}"

    def days(self, identity: str) -> int:
        """By how many days the dates of a patient move into the past, from 1 on."""
        return 1 + int.from_bytes(self._digest("days", identity)[:8], "big") % _MOST_DAYS


def new_key() -> Key:
    """A random key, which nobody keeps: another run gives other pseudonyms."""
    return Key(secrets.token_bytes(_BYTES))


def read_or_make_key(path: Path) -> Key:
    """The key of a file; if there is none, a new one that only its owner may read.

    Raises:
        UsageError: Others may read the file, or it is no key.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    key = new_key()
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(key.secret.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(path.parent)
    return key


def _read_key(path: Path) -> Key:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", "Name a file for the key.")
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"{path}: others may read the key", f"Keep it to yourself: chmod 600 {path}"
        )
    try:
        secret = bytes.fromhex(read_text(path, "ascii").strip())
    except (ValueError, UnicodeDecodeError):
        secret = b""
    if len(secret) != _BYTES:
        raise UsageError(
            f"{path}: is not a key", "Name the file that an earlier run wrote, or a new one."
        )
    return Key(secret)
