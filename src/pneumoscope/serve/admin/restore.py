"""A server from its backup: everything is checked before anything takes its place."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from pneumoscope.audit_log.copies import LOG_FILE, check_log
from pneumoscope.audit_log.log import LOG
from pneumoscope.files import room_for
from pneumoscope.jobs.backup_parts import (
    KEY,
    STAGING,
    check_room,
    check_unused_folder,
    damaged,
    manifest_of,
    opened,
    remove_former_logs,
    unpack,
)
from pneumoscope.jobs.clock import ClockRow
from pneumoscope.jobs.database import empty_write_ahead_log, open_engine
from pneumoscope.jobs.database_copy import check_unused, load_copy
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import Base, FilmRow
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.admin.backup import DATABASE, FILMS, SIGNED_MANIFEST, Manifest
from pneumoscope.serve.security.sessions import Login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pneumoscope.serve.settings import ServeSettings

_MADE_WITH_ROWS = ("audit_anchor",)
"""Tables in which a new database has rows."""
_FILM = re.compile(FILMS + r"[0-9a-f]{32}")
_MOST_FILM_BYTES = 2**31


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup contains, and whether it was restored.

    Attributes:
        created: When the backup was made, ISO 8601, UTC.
        results: Results.
        films: Films, each of which opens with the key.
        lines: Lines of the audit log, none of them changed.
        restored: False if the backup was only checked.
    """

    created: str
    results: int
    films: int
    lines: int
    restored: bool


def restore(settings: ServeSettings, backup: Path, *, check_only: bool = False) -> Restored:
    """Checks a backup and restores it into a folder and a database without results.

    Sessions are not restored. Passwords, tokens and results are those of the backup.

    Args:
        settings: Folder, database and key; the key may also be in the backup.
        backup: The file that `write_backup` made.
        check_only: Do not restore it.

    Raises:
        UsageError: The backup is damaged or changed, the key does not belong to it, or the folder or the
            database is in use.
        AuditLogDamaged: The audit log in the backup was changed.
        DiskFull: There is not enough space; nothing was restored.
    """
    with opened(backup) as pack, _staging(settings, backup, check_only) as staging:
        values, keys = SIGNED_MANIFEST.verified(
            pack, settings.folder, settings.key, check_only=check_only
        )
        manifest = manifest_of(Manifest, values)
        check_room(staging, (info.file_size for info in pack.infolist()))
        _unpack(pack, manifest, staging)
        _unpack_films(pack, manifest, staging, keys)
        lines = _check_database_and_log(staging, manifest, keys)
        if not check_only:
            _put_in_place(settings, staging, manifest)
    if not check_only:
        administration = open_administration(settings)
        administration.note("restore")
        administration.store.close()
    return Restored(
        created=manifest.created,
        results=manifest.results,
        films=manifest.films,
        lines=lines,
        restored=not check_only,
    )


@contextmanager
def _staging(settings: ServeSettings, backup: Path, check_only: bool) -> Iterator[Path]:
    """A private folder for what is unpacked: in the server's folder, or beside a backup to check."""
    if check_only:
        folder = backup.parent
        with room_for(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".check.") as name:
            yield folder / name
        return
    settings.make_folder()
    check_unused_folder(settings.folder, LOG)
    staging = settings.folder / STAGING
    _remove(staging)
    try:
        with room_for(settings.folder):
            staging.mkdir(mode=0o700)
            yield staging
    except BaseException:
        _remove(staging)
        if (settings.folder / LOG).exists():  # an attempt has moved it: the next one may replace it
            staging.mkdir(mode=0o700)
        raise
    _remove(staging)


def _unpack(pack: zipfile.ZipFile, manifest: Manifest, staging: Path) -> None:
    """Unpacks database, log and key as the manifest describes them."""
    for name, member in manifest.files.items():
        if not (name in (DATABASE, KEY) or LOG_FILE.fullmatch(name)):
            raise damaged("it contains something else")
        unpack(pack, name, member, staging / name)
    if DATABASE not in manifest.files:
        raise damaged(f"{DATABASE} is missing")


def _unpack_films(pack: zipfile.ZipFile, manifest: Manifest, staging: Path, keys: Keys) -> None:
    films = [info for info in pack.infolist() if info.filename.startswith(FILMS)]
    if len(films) != manifest.films:
        raise damaged(f"{manifest.films:,} films belong to it, {len(films):,} are there")
    if films:
        (staging / FILMS).mkdir(mode=0o700)
    for info in films:
        # Not compressed, so that no film is larger than its part of the file.
        stored = info.compress_type == zipfile.ZIP_STORED and info.file_size <= _MOST_FILM_BYTES
        if not _FILM.fullmatch(info.filename) or not stored:
            raise damaged("it contains something else")
        film = pack.read(info)
        id_ = info.filename.removeprefix(FILMS)
        try:
            keys.open(film, id_)
        except ValueError:
            raise damaged(f"the film {id_} was changed") from None
        (staging / info.filename).write_bytes(film)


def _check_database_and_log(staging: Path, manifest: Manifest, keys: Keys) -> int:
    """Brings the database to this version, ends sessions, and verifies the log; returns its lines."""
    store = Store(f"sqlite:///{staging / DATABASE}")
    try:
        lines = check_log(staging, store.engine, keys)
        with Session(store.engine) as db, db.begin():
            results = db.scalar(select(func.count()).select_from(FilmRow)) or 0
            db.execute(delete(Login))  # somebody may have ended them since
            # The last line of the log, about the restoration, is the last known time.
            db.execute(delete(ClockRow))
        if results != manifest.results:
            raise damaged(f"{manifest.results:,} results belong to it, {results:,} are there")
        empty_write_ahead_log(store.engine)
    finally:
        store.close()
    return lines


def _put_in_place(settings: ServeSettings, staging: Path, manifest: Manifest) -> None:
    """Moves everything into the folder, and fills the database last: without it no server starts there."""
    in_folder, tables = settings.database is None, Base.metadata.sorted_tables
    url = settings.database_url
    engine = open_engine(url) if in_folder else Store(url).engine
    try:
        lock = DatabaseLock(engine)
        try:
            if not in_folder:
                check_unused(engine, tables, _MADE_WITH_ROWS)
            _move_files(settings.folder, staging, manifest)
            if in_folder:
                remove_former_logs(settings.database_file)
                (staging / DATABASE).replace(settings.database_file)
            else:
                load_copy(staging / DATABASE, engine, tables)
        finally:
            lock.release()
    finally:
        engine.dispose()


def _move_files(folder: Path, staging: Path, manifest: Manifest) -> None:
    if (staging / FILMS).exists():
        _remove(folder / FILMS)
        (staging / FILMS).replace(folder / FILMS)
    for name in manifest.files:
        if name == DATABASE or (name == KEY and (folder / KEY).exists()):
            continue
        (staging / name).replace(folder / name)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
