"""The server's one secret: it seals what names a person, and fingerprints what must only be compared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import unicodedata
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pneumoscope.serve.settings import ServeSettings

VARIABLE = "PNEUMOSCOPE_SERVE_SECRET"
_BYTES = 32
_NONCE = 12  # bytes, the length of AES-GCM's own (NIST SP 800-38D 5.2.1.1)


class Keys:
    """Seals and fingerprints with keys derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(secret, b"pneumoscope seal 1", hashlib.sha256))
        self._mark = hmac.digest(secret, b"pneumoscope fingerprint 1", hashlib.sha256)
        self.audit = hmac.digest(secret, b"pneumoscope audit log 1", hashlib.sha256)

    def seal(self, data: bytes, place: str) -> bytes:
        """Encrypts with AES-256-GCM.

        Args:
            data: Anything.
            place: What it belongs to, such as a row's id: elsewhere it will not open.
        """
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypts what `seal` made.

        Raises:
            ValueError: It was changed, belongs elsewhere, or was sealed with another key.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except (InvalidTag, ValueError):  # too short to be sealed at all
            raise ValueError("sealed with another key, or changed") from None

    def fingerprint(self, text: str) -> str:
        """A keyed hash (HMAC-SHA-256, hexadecimal) to find the same text again.

        Spaces around it, and how a keyboard composes its letters, make no difference.
        """
        plain = unicodedata.normalize("NFC", text.strip())
        return hmac.digest(self._mark, plain.encode(), hashlib.sha256).hex()


def open_keys(settings: ServeSettings, environ: Mapping[str, str] | None = None) -> Keys:
    """The keys of a server: of its key file, of `VARIABLE`, or of a file made in its folder.

    Raises:
        UsageError: The key is missing or not 32 bytes in base64.
    """
    env = os.environ if environ is None else environ
    if settings.key is not None:
        if not settings.key.is_file():
            raise UsageError(f"{settings.key}: no such key file", _HINT)
        return Keys(_read(settings.key))
    if env.get(VARIABLE):
        return Keys(_decoded(env[VARIABLE]))
    own = settings.folder / "key"
    if not own.exists():
        _make(own)
    return Keys(_read(own))


_HINT = "32 random bytes in base64 are needed: openssl rand -base64 32 > key"


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = base64.b64encode(secrets.token_bytes(_BYTES))
    part = path.with_name(f".key.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(text + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(part, path)  # unlike a rename it never replaces another process's key
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _read(path: Path) -> bytes:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise UsageError(f"the key {path}: {error.strerror}", "May you read it?") from None
    return _decoded(text)


def _decoded(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("the key is not base64", _HINT) from None
    if len(secret) != _BYTES:
        raise UsageError(f"the key has {len(secret)} bytes", _HINT)
    return secret
