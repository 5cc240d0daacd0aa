"""A backup of a server in one ZIP file, also while the server runs.

The database comes first, as it is at one moment; then the films of its results, then the audit log. So
whatever the database in the backup says has its lines in the log, and no film is there without a result.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from pneumoscope import __version__
from pneumoscope.audit_log.copies import put_log
from pneumoscope.errors import UsageError
from pneumoscope.files import is_zip_with, replacing
from pneumoscope.jobs.backup_parts import CHUNK, KEY, Member, SignedManifest, put
from pneumoscope.jobs.database import open_engine, unusable
from pneumoscope.jobs.database_copy import check_revision, write_copy
from pneumoscope.jobs.keys import VARIABLE, key_path
from pneumoscope.jobs.tables import Base, FilmRow
from pneumoscope.serve.admin.administration import open_administration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.serve.settings import ServeSettings

FORMAT = 1
DATABASE, FILMS = "database.sqlite", "films/"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
SIGNED_MANIFEST = SignedManifest(MANIFEST, SIGNATURE, "server", most_bytes=2**20, format=FORMAT)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup contains.

    Attributes:
        pneumoscope: Version that wrote it.
        created: When, ISO 8601, UTC.
        keys: Ids of the server's keys; one of them is needed to restore it.
        with_key: Whether the key is in the backup.
        results: Rows of results in the database.
        films: Films; their encryption shows whether they are as they were.
        files: Database, audit log and key by their names.
        format: `FORMAT`.
    """

    pneumoscope: str
    created: str
    keys: tuple[str, ...]
    with_key: bool
    results: int
    films: int
    files: dict[str, Member] = field(default_factory=dict)
    format: int = FORMAT


def write_backup(settings: ServeSettings, out: Path, *, with_key: bool = False) -> Manifest:
    """Writes a backup of database, films and audit log; the server may run.

    Args:
        settings: The server's settings.
        out: The ZIP file; an earlier backup there is replaced at the end.
        with_key: Put the key into the backup, too. Anyone who has it can then read everything.

    Raises:
        UsageError: There is no such server, the database is of another version, `out` is some other
            file, or the key is not in a file.
        DiskFull: There is not enough space.
    """
    if out.is_dir():
        raise UsageError(f"{out}: is a folder", "Name a file, such as backup.zip.")
    if out.exists() and not is_backup(out):
        raise UsageError(f"{out}: exists, and is not a backup", "Name another file.")
    if settings.database is None and not settings.has_database:
        raise UsageError(f"{settings.folder}: holds no database", "Name the server's own --folder.")
    key = key_path(settings.folder, settings.key)
    if with_key and key is None:
        raise UsageError(f"the key is in {VARIABLE}, not in a file", "Keep a copy of it elsewhere.")
    _check_version(settings)
    administration = open_administration(settings)
    try:
        with (
            administration.corrected(),
            tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup.") as folder,
            replacing(out) as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack,
        ):
            administration.note("backup")
            copy = Path(folder) / DATABASE
            write_copy(administration.store.engine, copy, Base.metadata.sorted_tables)
            with copy.open("rb") as database:
                files = {DATABASE: put(pack, DATABASE, database)}
            results = _count_results(copy)
            films = sum(_put_film(pack, settings.folder / "films", id_) for id_ in _ids(copy))
            files |= put_log(pack, administration.audit)
            if with_key and key is not None:
                with key.open("rb") as secret:
                    files[KEY] = put(pack, KEY, secret)
            manifest = Manifest(
                pneumoscope=__version__,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                keys=administration.keys.ids,
                with_key=with_key,
                results=results,
                films=films,
                files=files,
            )
            SIGNED_MANIFEST.put(pack, manifest, administration.keys)
        return manifest
    finally:
        administration.store.close()


def is_backup(path: Path) -> bool:
    """Whether a file is a backup; nothing in it is checked."""
    return is_zip_with(path, MANIFEST)


def _check_version(settings: ServeSettings) -> None:
    engine = open_engine(settings.database_url)
    try:
        check_revision(engine)
    except SQLAlchemyError as error:
        raise unusable(error) from error
    finally:
        engine.dispose()


def _put_film(pack: zipfile.ZipFile, folder: Path, id_: str) -> bool:
    """Adds a film if the server keeps it; it is encrypted, so that nothing would compress it."""
    try:
        with (folder / id_).open("rb") as film:
            entry = zipfile.ZipInfo(FILMS + id_)  # not compressed
            with pack.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(film, target, CHUNK)
    except FileNotFoundError:
        return False
    return True


def _ids(copy: Path) -> Iterator[str]:
    engine = open_engine(f"sqlite:///{copy}")
    try:
        with Session(engine) as db:
            yield from db.scalars(
                select(FilmRow.id).order_by(FilmRow.id).execution_options(yield_per=1000)
            )
    finally:
        engine.dispose()


def _count_results(copy: Path) -> int:
    engine = open_engine(f"sqlite:///{copy}")
    try:
        with Session(engine) as db:
            return db.scalar(select(func.count()).select_from(FilmRow)) or 0
    finally:
        engine.dispose()


def facts(manifest: Manifest, path: Path) -> dict[str, Any]:
    """What commands print as JSON."""
    values = asdict(manifest)
    del values["files"], values["format"]
    return {"file": str(path), **values, "keys": list(manifest.keys)}
