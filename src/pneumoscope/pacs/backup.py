"""A backup of a node in one ZIP file, also while the node runs, and a node from its backup.

The order keeps what was acknowledged: how far the sources were read, the spool, the films, the database as
it is at one moment, then the films that came meanwhile, then the audit log. A film that moved on in
between is there twice, and the node takes it once. A film that came and left in between is not there: the
database in the backup says of it what the node's says afterwards. Spool and cursors are encrypted with
the node's key, as the films are.
"""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope import __version__
from pneumoscope.audit_log.copies import LOG_FILE, check_log, put_log
from pneumoscope.audit_log.log import LOG
from pneumoscope.errors import UsageError
from pneumoscope.files import is_zip_with, replacing, room_for
from pneumoscope.jobs.backup_parts import (
    KEY,
    STAGING,
    Member,
    SignedManifest,
    check_room,
    check_unused_folder,
    damaged,
    manifest_of,
    opened,
    put,
    remove_former_logs,
    unpack,
)
from pneumoscope.jobs.database import empty_write_ahead_log, open_engine, unusable
from pneumoscope.jobs.database_copy import check_revision, update_films, write_copy
from pneumoscope.jobs.keys import VARIABLE, key_path, open_keys
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import Base
from pneumoscope.pacs.audit.node_log import note_command, open_node_log
from pneumoscope.pacs.config import DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.audit_log.log import AuditLog
    from pneumoscope.jobs.keys import Keys

_FILMS, _SPOOL, _CURSORS = "films", "spool", "pull"
_FOLDERS = (_FILMS, _SPOOL, _CURSORS)
_FORMAT = 1
_SIGNED_MANIFEST = SignedManifest("node.json", "node.sig", "node", most_bytes=2**28, format=_FORMAT)
_NAME = re.compile(
    rf"{DATABASE}|{KEY}|{_FILMS}/[0-9a-f]{{32}}|{_SPOOL}/[0-9a-f-]+\.dcm|{_CURSORS}/(again/)?[^/\\]+\.json"
)


@dataclass(frozen=True, slots=True)
class NodeManifest:
    """What a backup of a node contains.

    Attributes:
        pneumoscope: Version that wrote it.
        created: When, ISO 8601, UTC.
        keys: Ids of the node's keys; one of them is needed to restore it.
        with_key: Whether the key is in the backup.
        results: Films in the database, with and without a result.
        films: Films that are kept.
        spool: Films that are not in the database yet.
        cursors: Files that say how far sources were read.
        files: All files by their names.
        format: `_FORMAT`.
    """

    pneumoscope: str
    created: str
    keys: tuple[str, ...]
    with_key: bool
    results: int
    films: int
    spool: int
    cursors: int
    files: dict[str, Member] = field(default_factory=dict)
    format: int = _FORMAT

    def facts(self) -> dict[str, Any]:
        """What commands print as JSON."""
        values = asdict(self)
        del values["files"], values["format"]
        return values | {"keys": list(self.keys)}


def is_node_backup(path: Path) -> bool:
    """Whether a file is a backup of a node; nothing in it is checked."""
    return is_zip_with(path, _SIGNED_MANIFEST.name)


def write_node_backup(
    folder: Path, key_file: Path | None, out: Path, *, with_key: bool = False
) -> NodeManifest:
    """Writes a backup; the node may run.

    Args:
        folder: Folder of the node.
        key_file: File with its key; None for the one in the folder.
        out: The ZIP file; an earlier backup of a node there is replaced at the end.
        with_key: Put the key into the backup, too. Whoever has it then can read everything.

    Raises:
        UsageError: The database is of another version, `out` is some other file, or the key is not in
            a file.
        DiskFull: There is not enough space.
    """
    if out.is_dir() or (out.exists() and not is_node_backup(out)):
        raise UsageError(f"{out}: exists, and is no backup of a node", "Name another file.")
    key = key_path(folder, key_file)
    if with_key and key is None:
        raise UsageError(f"the key is in {VARIABLE}, not in a file", "Keep a copy of it elsewhere.")
    keys = existing_keys(folder, key_file)
    engine = open_engine(f"sqlite:///{folder / DATABASE}")
    try:
        check_revision(engine)
        log = open_node_log(folder, engine, keys)
        with (
            tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup.") as staging,
            replacing(out) as stream,
            zipfile.ZipFile(stream, "w") as pack,
        ):
            writing = _Writing(pack, folder, keys)
            writing.add_sealed(_CURSORS, "**/*.json")
            writing.add_sealed(_SPOOL, "*.dcm")
            writing.add_films()
            copy = Path(staging) / DATABASE
            write_copy(engine, copy, Base.metadata.sorted_tables)
            writing.add_films()
            update_films(engine, copy, writing.films())
            films = _checked_films(copy, keys)
            writing.add(DATABASE, copy)
            note_command(log, "backup")
            writing.add_log(log)
            log.settle()
            if with_key and key is not None:
                writing.add(KEY, key)
            return writing.finish(films, with_key=with_key)
    except SQLAlchemyError as error:
        raise unusable(error) from error
    finally:
        engine.dispose()


def existing_keys(folder: Path, key_file: Path | None) -> Keys:
    """The keys of a node that has been started; unlike `open_keys`, it makes none.

    Args:
        folder: Folder of the node.
        key_file: File with its key; None for the one in the folder.

    Raises:
        UsageError: There is no key, or it is malformed.
    """
    path = key_path(folder, key_file)
    if path is not None and not path.exists():
        raise UsageError(f"{path}: no such key", "Name the key_file of the node with --key FILE.")
    return open_keys(folder, key_file)


class _Writing:
    """A backup that is being written."""

    def __init__(self, pack: zipfile.ZipFile, folder: Path, keys: Keys) -> None:
        self._pack = pack
        self._folder = folder
        self._keys = keys
        self._files: dict[str, Member] = {}

    def add(self, name: str, path: Path) -> None:
        """Adds a file as it is; one that has gone meanwhile is left out."""
        with suppress(FileNotFoundError), path.open("rb") as stream:
            self._files[name] = put(self._pack, name, stream)

    def add_films(self) -> None:
        """Adds the films that are not in the backup; they are encrypted."""
        for path in sorted((self._folder / _FILMS).glob("*")):
            name = f"{_FILMS}/{path.name}"
            if name not in self._files and _NAME.fullmatch(name):
                self.add(name, path)

    def films(self) -> set[str]:
        """Ids of the films that are in the backup."""
        start = f"{_FILMS}/"
        return {name.removeprefix(start) for name in self._files if name.startswith(start)}

    def add_sealed(self, folder: str, pattern: str) -> None:
        """Adds the files of a folder, encrypted."""
        for path in sorted((self._folder / folder).glob(pattern)):
            name = path.relative_to(self._folder).as_posix()
            with suppress(FileNotFoundError):
                sealed = io.BytesIO(self._keys.seal(path.read_bytes(), name))
                self._files[name] = put(self._pack, name, sealed)

    def add_log(self, log: AuditLog) -> None:
        """Adds the audit log; it is later than the database, which knows an earlier line of it."""
        self._files |= put_log(self._pack, log)

    def finish(self, results: int, *, with_key: bool) -> NodeManifest:
        """Adds the manifest and its signature."""
        counts = dict.fromkeys(_FOLDERS, 0)
        for name in self._files:
            if (folder := name.partition("/")[0]) in counts:
                counts[folder] += 1
        manifest = NodeManifest(
            pneumoscope=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            keys=self._keys.ids,
            with_key=with_key,
            results=results,
            films=counts[_FILMS],
            spool=counts[_SPOOL],
            cursors=counts[_CURSORS],
            files=self._files,
        )
        _SIGNED_MANIFEST.put(self._pack, manifest, self._keys)
        return manifest


def _checked_films(database: Path, keys: Keys) -> int:
    """The number of films in a database, once its last name opens with the key.

    Raises:
        UsageError: It was encrypted with another key.
    """
    with closing(sqlite3.connect(database)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM predictions").fetchone()
        last = "SELECT name, id FROM predictions ORDER BY created DESC LIMIT 1"
        row = connection.execute(last).fetchone()
    try:
        if row is not None:
            keys.open(*row)
    except ValueError:
        raise UsageError(
            f"this key ({keys.ids[0]}) is not the key of the node",
            "Name the key_file of its configuration with --key FILE.",
        ) from None
    return int(count)


def restore_node(
    folder: Path, key_file: Path | None, backup: Path, *, check_only: bool = False
) -> NodeManifest:
    """Checks a backup and restores it into a folder without a node.

    Args:
        folder: The folder; it is made if it does not exist.
        key_file: File with the key; None for the one in the folder or in the backup.
        backup: The file that `write_node_backup` made.
        check_only: Do not restore it.

    Raises:
        UsageError: The backup is damaged or changed, the key does not belong to it, or the folder is in
            use.
        AuditLogDamaged: The audit log in the backup was changed.
        DiskFull: There is not enough space; nothing was restored.
    """
    with opened(backup) as pack, _staging(folder, backup, check_only=check_only) as staging:
        values, keys = _SIGNED_MANIFEST.verified(pack, folder, key_file, check_only=check_only)
        manifest = _manifest(pack, values)
        check_room(staging, (member.size_bytes for member in manifest.files.values()))
        for name, member in manifest.files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unpack(pack, name, member, staging / name)
        _decrypt(staging, manifest, keys)
        # Brings its tables to this version.
        with closing(Store(f"sqlite:///{staging / DATABASE}")) as store:
            check_log(staging, store.engine, keys)
            empty_write_ahead_log(store.engine)
        if not check_only:
            _put_in_place(folder, staging, manifest)
    if not check_only:
        with closing(Store(f"sqlite:///{folder / DATABASE}")) as store:
            log = open_node_log(folder, store.engine, keys)
            note_command(log, "restore")
            log.settle()
    return manifest


@contextmanager
def _staging(folder: Path, backup: Path, *, check_only: bool) -> Iterator[Path]:
    """A private folder for what is unpacked: in the node's folder, or beside a backup to check."""
    if check_only:
        place = backup.parent
        with room_for(place), tempfile.TemporaryDirectory(dir=place, prefix=".check.") as name:
            yield Path(name)
        return
    staging = folder / STAGING
    spool = folder / _SPOOL
    check_unused_folder(folder, LOG)
    with room_for(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        try:
            yield staging
        except BaseException:
            shutil.rmtree(staging)
            # This attempt may have moved them: the next one may replace them.
            if spool.exists() or (folder / LOG).exists():
                staging.mkdir(mode=0o700)
            raise
        shutil.rmtree(staging)


def _manifest(pack: zipfile.ZipFile, values: dict[str, Any]) -> NodeManifest:
    manifest = manifest_of(NodeManifest, values)
    files = manifest.files
    if DATABASE not in files or not all(_may_be_in_it(name) for name in files):
        raise damaged("it contains something else")
    if set(pack.namelist()) != {*files, _SIGNED_MANIFEST.name, _SIGNED_MANIFEST.signature}:
        raise damaged("its files are not those of its manifest")
    return manifest


def _may_be_in_it(name: str) -> bool:
    return bool(_NAME.fullmatch(name) or LOG_FILE.fullmatch(name))


def _decrypt(staging: Path, manifest: NodeManifest, keys: Keys) -> None:
    """Decrypts spool and cursors, and tries each film."""
    for name in manifest.files:
        folder, _, last = name.partition("/")
        if folder not in _FOLDERS:
            continue
        path = staging / name
        try:
            data = keys.open(path.read_bytes(), last if folder == _FILMS else name)
        except ValueError:
            raise damaged(f"{name} was changed") from None
        if folder != _FILMS:
            path.write_bytes(data)


def _put_in_place(folder: Path, staging: Path, manifest: NodeManifest) -> None:
    """Moves everything, the database last: without it no node goes on there."""
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        if (staging / name).exists():
            (staging / name).replace(folder / name)
    for name in filter(LOG_FILE.fullmatch, manifest.files):
        (staging / name).replace(folder / name)
    if (staging / KEY).exists() and not (folder / KEY).exists():
        (staging / KEY).replace(folder / KEY)
    remove_former_logs(folder / DATABASE)
    (staging / DATABASE).replace(folder / DATABASE)
