"""Keyed hashes that show who has written something: lines of the audit log, their marks, manifests of backups."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def signature(key: bytes, data: bytes) -> str:
    """The HMAC-SHA-256 of the data, hexadecimal."""
    return hmac.digest(key, data, hashlib.sha256).hex()


def is_signed(data: bytes, given: str, keys: Iterable[bytes]) -> bool:
    """Whether one of these keys made the signature of the data.

    Args:
        data: What was signed.
        given: The signature, of a file that somebody may have changed.
        keys: The present key and former ones.
    """
    # As bytes: a text that is not ASCII, as nobody has signed it, would be an error.
    mac = given.encode(errors="replace")
    return any(hmac.compare_digest(signature(key, data).encode(), mac) for key in keys)
