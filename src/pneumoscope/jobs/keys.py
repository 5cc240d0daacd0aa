"""The server's secret: it encrypts what identifies a person, and makes keyed hashes for comparisons."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pneumoscope.errors import UsageError
from pneumoscope.files import cause, make_folder, read_text, sync_folder
from pneumoscope.jobs.signatures import is_signed, signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "PNEUMOSCOPE_SERVE_SECRET"
_SECRET_BYTES = 32
_NONCE_BYTES = 12  # the length that AES-GCM recommends (NIST SP 800-38D 5.2.1.1)


class Keys:
    """Encryption and keyed hashes, with keys derived from secrets.

    The first secret makes everything new. Former ones only open, verify and recognise what was made
    with them.
    """

    def __init__(self, secret: bytes, former: Sequence[bytes] = ()) -> None:
        secrets_ = (secret, *former)
        self.ids = tuple(key_id(each) for each in secrets_)
        """Ids of the secrets, the current one first."""
        self._ciphers = [AESGCM(_derived(each, b"seal")) for each in secrets_]
        self._marks = [_derived(each, b"fingerprint") for each in secrets_]
        self._signing = [_derived(each, b"signature") for each in secrets_]
        self.audit, *former_audit = (_derived(each, b"audit log") for each in secrets_)
        self.former_audit = tuple(former_audit)

    def seal(self, data: bytes, place: str) -> bytes:
        """Encrypts with AES-256-GCM.

        Args:
            data: Any bytes.
            place: What they belong to, such as the id of a row; `open` needs the same value.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, data, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypts what `seal` made.

        Raises:
            ValueError: It was changed, belongs to another place, or was sealed with another key.
        """
        nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for cipher in self._ciphers:
            with suppress(InvalidTag, ValueError):  # ValueError: too short
                return cipher.decrypt(nonce, data, place.encode())
        raise ValueError("sealed with another key, or changed")

    def sign(self, data: bytes) -> str:
        """A keyed hash (HMAC-SHA-256, hexadecimal) that shows that this server has written something."""
        return signature(self._signing[0], data)

    def has_signed(self, data: bytes, given: str) -> bool:
        """Whether `sign` gave this, with any of the keys."""
        return is_signed(data, given, self._signing)

    def is_current(self, sealed: bytes, place: str) -> bool:
        """Whether the current key has sealed this."""
        try:
            self._ciphers[0].decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            return False
        return True

    def fingerprint(self, text: str) -> str:
        """A keyed hash (HMAC-SHA-256, hexadecimal) by which the same text can be recognised.

        Spaces at both ends and the Unicode form of letters make no difference.
        """
        return self.fingerprints(text)[0]

    def fingerprints(self, text: str) -> list[str]:
        """What `fingerprint` gives with each key, the current one first."""
        plain = unicodedata.normalize("NFC", text.strip()).encode()
        return [hmac.digest(mark, plain, hashlib.sha256).hex() for mark in self._marks]

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
    path = key_path(folder, key, env)
    if path is None:
        return Keys(*_decoded(env[VARIABLE]))
    if key is None and not path.exists():
        write_secrets(path, [secrets.token_bytes(_SECRET_BYTES)], replace=False)
    return Keys(*_read(path))


def keys_in(content: bytes) -> Keys:
    """The keys in the content of a key file.

    Raises:
        UsageError: It does not contain 32 bytes in base64.
    """
    return Keys(*_decoded(content.decode("ascii", "replace")))


def key_path(
    folder: Path, key: Path | None = None, environ: Mapping[str, str] | None = None
) -> Path | None:
    """The key file of a server; None if the key is in `VARIABLE`."""
    env = os.environ if environ is None else environ
    if key is not None:
        if not key.is_file():
            raise UsageError(f"{key}: no such key file", _HINT)
        return key
    return None if env.get(VARIABLE) else folder / "key"


def rotate(path: Path) -> Keys:
    """Puts a new secret at the beginning of a key file, and returns the keys.

    Raises:
        UsageError: The key file cannot be read.
    """
    current, former = _read(path)
    write_secrets(path, [secrets.token_bytes(_SECRET_BYTES), current, *former], replace=True)
    return Keys(*_read(path))


def key_id(secret: bytes) -> str:
    """Eight hexadecimal digits by which a secret can be named; they say nothing about it."""
    return _derived(secret, b"id").hex()[:8]


def check_private(path: Path, others: int = 0o077) -> None:
    """Refuses a file with a secret that others on this machine may read or change.

    Args:
        path: The file.
        others: Permissions that it must not have.

    Raises:
        UsageError: It has one of them.
    """
    if _is_credential(path):
        others &= ~stat.S_IRGRP
    mode = path.stat().st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & others:
        raise UsageError(
            f"{path}: others on this machine may read or change it (mode {mode & 0o777:o})",
            f"chmod {0o777 & mode & ~others:o} {path}; if others had access, use a new key.",
        )


def _is_credential(path: Path) -> bool:
    """Whether a service manager has put this file into a folder that only this service may open.

    From version 254 on, systemd gives the service's user access by a list (ACL), which reads as if a group
    had it (https://github.com/systemd/systemd/issues/29435).
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return folder is not None and path.resolve().parent == Path(folder).resolve()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"pneumoscope " + purpose + b" 1", hashlib.sha256)


_HINT = "32 random bytes in base64 are needed: openssl rand -base64 32 > key"


def write_secrets(path: Path, all_secrets: Sequence[bytes], *, replace: bool) -> None:
    """Writes a key file, one secret a line; only its owner can read it.

    Args:
        path: The file.
        all_secrets: The current one first.
        replace: Replace a file that exists; otherwise it stays.
    """
    make_folder(path.parent, 0o700)
    text = b"".join(base64.b64encode(secret) + b"\n" for secret in all_secrets)
    part = path.with_name(f".key.{os.getpid()}.part")
    part.unlink(missing_ok=True)  # of a killed process with the same id, as in a container
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            part.replace(path)
        else:  # unlike a rename, a link never replaces the key of another process
            with suppress(FileExistsError):
                os.link(part, path)
        sync_folder(path.parent)  # what is encrypted from now on must not outlive its key
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> tuple[bytes, list[bytes]]:
    try:
        check_private(path)
        text = read_text(path, "ascii", "replace")
    except OSError as error:
        raise UsageError(f"the key {path}: {cause(error)}", "Check its permissions.") from None
    return _decoded(text)


def _decoded(text: str) -> tuple[bytes, list[bytes]]:
    """The current secret, and former ones."""
    try:
        first, *others = [base64.b64decode(line, validate=True) for line in text.split() or [""]]
    except (binascii.Error, ValueError):
        raise UsageError("the key is not base64", _HINT) from None
    for secret in (first, *others):
        if len(secret) != _SECRET_BYTES:
            raise UsageError(f"the key has {len(secret)} bytes", _HINT)
    return first, others
