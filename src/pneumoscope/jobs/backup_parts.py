"""What backups of a server and of a node have in common: files in a ZIP with hashes, and their key."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import UsageError
from pneumoscope.files import cause
from pneumoscope.jobs.database import unusable
from pneumoscope.jobs.keys import VARIABLE, Keys, key_path, open_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "key"
CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup.

    Attributes:
        size_bytes: Its size.
        sha256: Of its bytes, hexadecimal.
    """

    size_bytes: int
    sha256: str


def put(pack: zipfile.ZipFile, name: str, source: IO[bytes], size_bytes: int = -1) -> Member:
    """Adds a file, or the first bytes of one that is still written to."""
    digest, left, size = hashlib.sha256(), size_bytes, 0
    with pack.open(name, "w", force_zip64=True) as target:
        while chunk := source.read(CHUNK if left < 0 else min(CHUNK, left)):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
            left -= len(chunk) if left >= 0 else 0
    return Member(size, digest.hexdigest())


def unpack(pack: zipfile.ZipFile, name: str, member: Member, target: Path) -> None:
    """Writes a file of a backup, as its manifest describes it.

    Raises:
        UsageError: It is missing or was changed.
    """
    digest, left = hashlib.sha256(), member.size_bytes
    try:
        with pack.open(name) as source, target.open("xb") as stream:
            target.chmod(0o600)
            while chunk := source.read(min(CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    break
                digest.update(chunk)
                stream.write(chunk)
    except KeyError:
        raise damaged(f"{name} is missing") from None
    if left or digest.hexdigest() != member.sha256:
        raise damaged(f"{name} was changed")


def contains(path: Path, name: str) -> bool:
    """Whether a file is a ZIP file with a member of this name; nothing in it is checked."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as pack:
        return name in pack.namelist()
    return False


@contextmanager
def opened(backup: Path) -> Iterator[zipfile.ZipFile]:
    """A backup as a ZIP file.

    Raises:
        UsageError: It is not a backup, or what is done in the block shows that it is damaged.
    """
    try:
        with zipfile.ZipFile(backup) as pack:
            yield pack
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise damaged(cause(error)) from None
    except SQLAlchemyError as error:
        raise unusable(error) from error


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """How a kind of backup says what is in it; the signature is an HMAC by the key of its owner.

    Attributes:
        name: Of the manifest in the ZIP file.
        signature: Name of its signature there.
        owner: ``"server"`` or ``"node"``.
        most_bytes: Most bytes of either.
    """

    name: str
    signature: str
    owner: str
    most_bytes: int

    def put(self, pack: zipfile.ZipFile, manifest: Any, keys: Keys) -> None:
        """Adds a manifest, which is a dataclass, and its signature."""
        text = json.dumps(asdict(manifest), indent=2).encode()
        pack.writestr(self.name, text)
        pack.writestr(self.signature, keys.sign(text))

    def text(self, pack: zipfile.ZipFile) -> bytes:
        """The manifest; its signature is not checked.

        Raises:
            UsageError: There is none, names in the file are not unique, or files are encrypted.
        """
        names = pack.namelist()
        encrypted = any(info.flag_bits & 1 for info in pack.infolist())
        if (
            not {self.name, self.signature} <= set(names)
            or len(set(names)) < len(names)
            or encrypted
        ):
            raise damaged(f"it is no backup of a {self.owner}")
        return read_small(pack, self.name, self.most_bytes)

    def check(self, pack: zipfile.ZipFile, text: bytes, keys: Keys) -> None:
        """Checks the signature of a manifest.

        Raises:
            UsageError: It is not that of this text and key.
        """
        signature = read_small(pack, self.signature, self.most_bytes).decode("ascii", "replace")
        if not keys.has_signed(text, signature):
            raise damaged("its manifest was changed, or it was made with another key")


def read_small(pack: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A file of a backup that has at most some bytes.

    Raises:
        UsageError: It has more.
    """
    if pack.getinfo(name).file_size > most_bytes:
        raise damaged(f"{name} is too large")
    return pack.read(name)


def damaged(reason: str) -> UsageError:
    """The error for a backup that cannot be used."""
    return UsageError(f"the backup cannot be used: {reason}", "Use another backup.")


def keys_of_backup(
    folder: Path, key: Path | None, key_id: str, unpacked: Path, *, check_only: bool
) -> Keys:
    """The key with which a backup was made; never a new one.

    A key in the folder would stay there, so it has to fit unless the backup is only checked.

    Args:
        folder: Where the backup is restored to.
        key: File with the key; None for the one in the folder.
        key_id: Id of the key of the backup.
        unpacked: Folder with the files of the backup, maybe with its key.
        check_only: Whether nothing is restored.

    Raises:
        UsageError: There is no key, or it is another one.
    """
    path = key_path(folder, key)
    is_in_backup = (unpacked / KEY).exists()
    if path is None or path.exists():
        keys = open_keys(folder, key)
        may_differ = check_only and key is None and path is not None
        if may_differ and is_in_backup and key_id not in keys.ids:
            keys = open_keys(unpacked, unpacked / KEY)
    elif is_in_backup:
        keys = open_keys(unpacked, unpacked / KEY)
    else:
        raise UsageError(
            f"the key of the backup ({key_id}) is not in it",
            f"Name it with --key FILE, put it into {path}, or set {VARIABLE}.",
        )
    if key_id not in keys.ids:
        raise UsageError(
            f"this key ({keys.ids[0]}) is not the key of the backup ({key_id})",
            "Name the key of the server that made it with --key FILE.",
        )
    return keys


def remove_former_logs(database: Path) -> None:
    """Removes what SQLite has left of another database, whose changes it would apply to this one."""
    for ending in ("-wal", "-shm", "-journal"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
