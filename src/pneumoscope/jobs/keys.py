"""The server's secret: it encrypts what identifies a person, and makes keyed hashes for comparisons."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pneumoscope.errors import UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE = "PNEUMOSCOPE_SERVE_SECRET"
_SECRET_BYTES = 32
_NONCE_BYTES = 12  # the length that AES-GCM recommends (NIST SP 800-38D 5.2.1.1)


class Keys:
    """Encryption and keyed hashes, with keys derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(secret, b"pneumoscope seal 1", hashlib.sha256))
        self._mark = hmac.digest(secret, b"pneumoscope fingerprint 1", hashlib.sha256)
        self.audit = hmac.digest(secret, b"pneumoscope audit log 1", hashlib.sha256)

    def seal(self, data: bytes, place: str) -> bytes:
        """Encrypts with AES-256-GCM.

        Args:
            data: Any bytes.
            place: What they belong to, such as the id of a row; `open` needs the same value.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypts what `seal` made.

        Raises:
            ValueError: It was changed, belongs to another place, or was sealed with another key.
        """
        nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, data, place.encode())
        except (InvalidTag, ValueError):  # ValueError: too short
            raise ValueError("sealed with another key, or changed") from None

    def fingerprint(self, text: str) -> str:
        """A keyed hash (HMAC-SHA-256, hexadecimal) by which the same text can be recognised.

        Spaces at both ends and the Unicode form of letters make no difference.
        """
        plain = unicodedata.normalize("NFC", text.strip())
        return hmac.digest(self._mark, plain.encode(), hashlib.sha256).hex()

    def idempotency_key(self, identity: str, bundle_sha256: str) -> str:
        """A keyed hash that is the same whenever the same film is sent to the same bundle.

        Args:
            identity: The film's SOP Instance UID, or the SHA-256 of its content.
            bundle_sha256: Hash of the bundle.
        """
        return self.fingerprint(f"{identity.strip()} {bundle_sha256}")


def open_keys(
    folder: Path, key: Path | None = None, environ: Mapping[str, str] | None = None
) -> Keys:
    """The keys of a server: from a key file, from `VARIABLE`, or from a file in its folder.

    Args:
        folder: The server's folder; the file ``key`` is made in it if there is no other secret.
        key: A key file, or None.
        environ: Used instead of the environment of the process.

    Raises:
        UsageError: The key file is missing, or does not contain 32 bytes in base64.
    """
    env = os.environ if environ is None else environ
    if key is not None:
        if not key.is_file():
            raise UsageError(f"{key}: no such key file", _HINT)
        return Keys(_read(key))
    if env.get(VARIABLE):
        return Keys(_decoded(env[VARIABLE]))
    default = folder / "key"
    if not default.exists():
        _make(default)
    return Keys(_read(default))


_HINT = "32 random bytes in base64 are needed: openssl rand -base64 32 > key"


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = base64.b64encode(secrets.token_bytes(_SECRET_BYTES))
    part = path.with_name(f".key.{os.getpid()}.part")
    part.unlink(missing_ok=True)  # of a killed process with the same id, as in a container
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        # Unlike a rename, a link never replaces the key of another process.
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise UsageError(f"the key {path}: {cause(error)}", "Check its permissions.") from None
    return _decoded(text)


def _decoded(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("the key is not base64", _HINT) from None
    if len(secret) != _SECRET_BYTES:
        raise UsageError(f"the key has {len(secret)} bytes", _HINT)
    return secret
