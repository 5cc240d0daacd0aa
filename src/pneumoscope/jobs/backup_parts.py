"""What backups of a server and of a node have in common: files in a ZIP with hashes, and their key."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import IO, TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import DiskFull, UsageError
from pneumoscope.files import cause
from pneumoscope.jobs.database import unusable
from pneumoscope.jobs.keys import VARIABLE, Keys, key_path, keys_in, open_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_Manifest = TypeVar("_Manifest")

KEY = "key"
CHUNK = 2**20
STAGING = ".restore.part"
"""Folder for what is unpacked; an attempt that was interrupted leaves it."""
_KEY_BYTES = 2**16
_MOST_RATIO = 10
"""Hashes and random names make a manifest compress by 3 at most; much smaller ones are bombs."""
_SMALL_BYTES = 2**16
_KEY_ID = re.compile(rb'"keys":\s*\[\s*"([0-9a-f]{8})"')
_SHA256 = re.compile("[0-9a-f]{64}")
_TEXT = re.compile("[ -~]{1,64}")
_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Python would also unpack bzip2 and LZMA, whose ratio and memory have no useful limit."""


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


@contextmanager
def opened(backup: Path) -> Iterator[zipfile.ZipFile]:
    """A backup as a ZIP file.

    Raises:
        UsageError: It is not a backup, or what is done in the block shows that it is damaged.
    """
    if backup.exists() and not backup.is_file():  # opening a pipe would wait for its other end
        raise damaged("it is no file")
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
        most_bytes: Most bytes of the manifest.
        format: Number of its form; newer versions have higher ones.
    """

    name: str
    signature: str
    owner: str
    most_bytes: int
    format: int = 1

    def put(self, pack: zipfile.ZipFile, manifest: Any, keys: Keys) -> None:
        """Adds a manifest, which is a dataclass, and its signature."""
        text = json.dumps(asdict(manifest), indent=2).encode()
        pack.writestr(self.name, text)
        pack.writestr(self.signature, keys.sign(text))

    def verified(
        self, pack: zipfile.ZipFile, folder: Path, key: Path | None, *, check_only: bool
    ) -> tuple[dict[str, Any], Keys]:
        """The values of the manifest, and the key that has signed it.

        Nothing else in the file is looked at before, so that only those who have the key can make it
        cost memory or space.

        Args:
            pack: The backup.
            folder: Where it is restored to.
            key: File with the key; None for the one in the folder or in the backup.
            check_only: Whether nothing is restored.

        Raises:
            UsageError: There is no manifest, or it is not one that this key has signed.
        """
        text = self.text(pack)
        match = _KEY_ID.search(text[:_SMALL_BYTES])
        if match is None:
            raise damaged("its manifest is damaged")
        keys = keys_of_backup(folder, key, match[1].decode(), pack, check_only=check_only)
        self.check(pack, text, keys)
        try:
            values: dict[str, Any] = json.loads(text)
            newer = values["format"] != self.format
        except (ValueError, TypeError, KeyError, RecursionError):
            raise damaged("its manifest is damaged") from None
        if newer:
            raise UsageError(
                "the backup was made by a newer version of pneumoscope", "Update pneumoscope here."
            )
        return values, keys

    def text(self, pack: zipfile.ZipFile) -> bytes:
        """The manifest; its signature is not checked.

        Raises:
            UsageError: There is none, names in the file are not unique, or files are encrypted or
                compressed in a way that backups never use.
        """
        names = pack.namelist()
        odd = any(info.flag_bits & 1 or info.compress_type not in _WAYS for info in pack.infolist())
        if not {self.name, self.signature} <= set(names) or len(set(names)) < len(names) or odd:
            raise damaged(f"it is no backup of a {self.owner}")
        return read_small(pack, self.name, self.most_bytes)

    def check(self, pack: zipfile.ZipFile, text: bytes, keys: Keys) -> None:
        """Checks the signature of a manifest.

        Raises:
            UsageError: It is not that of this text and key.
        """
        signature = read_small(pack, self.signature, _SMALL_BYTES).decode("ascii", "replace")
        if not keys.has_signed(text, signature):
            raise damaged("its manifest was changed, or it was made with another key")


def manifest_of(kind: type[_Manifest], values: dict[str, Any]) -> _Manifest:
    """A manifest of its values in JSON, each of which is checked: they are shown and reckoned with.

    Args:
        kind: A dataclass with texts, numbers, ``keys`` and ``files``.
        values: The values.

    Raises:
        UsageError: One is missing or wrong.
    """
    try:
        files = {name: Member(**member) for name, member in values["files"].items()}
        manifest = kind(**(values | {"files": files, "keys": tuple(values["keys"])}))
        right = all(_is_right(manifest, field.name, str(field.type)) for field in fields(kind))  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, AttributeError):
        right = False
    if not right:
        raise damaged("its manifest is damaged")
    return manifest


def _is_right(manifest: object, name: str, kind: str) -> bool:
    value: Any = getattr(manifest, name)
    match kind:
        case "str":
            return bool(_TEXT.fullmatch(value))
        case "int":
            return type(value) is int and value >= 0
        case "bool":
            return type(value) is bool
        case "tuple[str, ...]":
            return len(value) > 0 and all(map(_TEXT.fullmatch, value))
        case _:
            return all(
                type(member.size_bytes) is int
                and member.size_bytes >= 0
                and _SHA256.fullmatch(member.sha256)
                for member in value.values()
            )


def check_room(folder: Path, sizes_bytes: Iterable[int]) -> None:
    """Refuses a backup that does not fit, before it has filled the disk.

    Raises:
        DiskFull: It does not fit.
    """
    if sum(sizes_bytes) > shutil.disk_usage(folder).free:
        raise DiskFull(str(folder))


def check_unused_folder(folder: Path, log: str) -> None:
    """Refuses a folder with data of a server or a node: restoring would replace them.

    Args:
        folder: Need not exist.
        log: Name of the audit log in it.

    Raises:
        UsageError: It has data that no interrupted attempt has left.
    """
    database = any(path.stat().st_size for path in folder.glob("*.sqlite"))
    others = (folder / log).exists() or any(
        any((folder / name).glob("*")) for name in ("films", "spool")
    )
    if database or (others and not (folder / STAGING).exists()):
        raise UsageError(
            f"{folder}: holds data of a server or a node already",
            "Name a new --folder, or move the old one away first.",
        )


def read_small(pack: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A file of a backup that has at most some bytes.

    Raises:
        UsageError: It has more.
    """
    info = pack.getinfo(name)
    bomb = info.file_size > max(_SMALL_BYTES, _MOST_RATIO * info.compress_size)
    if info.file_size > most_bytes or bomb:
        raise damaged(f"{name} is too large")
    return pack.read(name)


def damaged(reason: str) -> UsageError:
    """The error for a backup that cannot be used."""
    return UsageError(f"the backup cannot be used: {reason}", "Use another backup.")


def keys_of_backup(
    folder: Path, key: Path | None, key_id: str, pack: zipfile.ZipFile, *, check_only: bool
) -> Keys:
    """The key with which a backup was made; never a new one.

    A key in the folder would stay there, so it has to fit unless the backup is only checked.

    Args:
        folder: Where the backup is restored to.
        key: File with the key; None for the one in the folder.
        key_id: Id of the key of the backup.
        pack: The backup, maybe with its key.
        check_only: Whether nothing is restored.

    Raises:
        UsageError: There is no key, or it is another one.
    """
    path = key_path(folder, key)
    is_in_backup = KEY in pack.namelist()
    if path is None or path.exists():
        keys = open_keys(folder, key)
        may_differ = check_only and key is None and path is not None
        if may_differ and is_in_backup and key_id not in keys.ids:
            keys = keys_in(read_small(pack, KEY, _KEY_BYTES))
    elif is_in_backup:
        keys = keys_in(read_small(pack, KEY, _KEY_BYTES))
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
