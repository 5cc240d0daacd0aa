"""A new key: everything that is encrypted is encrypted again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pneumoscope.errors import UsageError
from pneumoscope.files import replacing
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.keys import VARIABLE, Keys, key_path, rotate
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.security.accounts import Account
from pneumoscope.serve.security.second_factor import sealed_place

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from pneumoscope.serve.settings import ServeSettings


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did.

    Attributes:
        key: Id of the new key.
        former: Ids of the keys before it.
        names: Names of films that were encrypted again.
        films: Films on the disk, likewise.
        accounts: Second factors, likewise.
    """

    key: str
    former: tuple[str, ...]
    names: int
    films: int
    accounts: int


def rotate_keys(settings: ServeSettings) -> Rotation:
    """Makes a new key, and encrypts names, films and second factors with it. The server must not run.

    Former keys stay in the key file: marks of patients and lines of the audit log were made with them.
    If it is interrupted, the former key still opens the rest; run it again.

    Raises:
        UsageError: The server runs, or the key is not in a file.
    """
    path = key_path(settings.folder, settings.key)
    if path is None:
        raise UsageError(
            f"the key is in {VARIABLE}, where it cannot be replaced",
            "Put it into a file, name it with --key, and remove the variable.",
        )
    administration = open_administration(settings)
    engine = administration.store.engine
    try:
        lock = DatabaseLock(engine)
        try:
            with administration.corrected():
                administration.note("keys rotate", *administration.keys.ids)
                keys = rotate(path)
                return Rotation(
                    key=keys.ids[0],
                    former=keys.ids[1:],
                    names=_names(engine, keys),
                    films=_films(settings.folder / "films", keys),
                    accounts=_second_factors(engine, keys),
                )
        finally:
            lock.release()
    finally:
        administration.store.close()


def _names(engine: Engine, keys: Keys) -> int:
    changed = 0
    with Session(engine) as db, db.begin():
        for id_, sealed in db.execute(select(FilmRow.id, FilmRow.name)).all():
            again = _resealed(sealed, id_, keys)
            if again is not None:
                db.execute(update(FilmRow).where(FilmRow.id == id_).values(name=again))
                changed += 1
    return changed


def _second_factors(engine: Engine, keys: Keys) -> int:
    changed = 0
    with Session(engine) as db, db.begin():
        query = select(Account).where(Account.totp.is_not(None))
        for account in db.scalars(query).all():
            again = _resealed(account.totp or b"", sealed_place(account), keys)
            if again is not None:
                account.totp = again
                changed += 1
    return changed


def _films(folder: Path, keys: Keys) -> int:
    changed = 0
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if len(path.name) != 32:
                continue
            again = _resealed(path.read_bytes(), path.name, keys)
            if again is not None:
                with replacing(path) as stream:
                    stream.write(again)
                changed += 1
    return changed


def _resealed(sealed: bytes, place: str, keys: Keys) -> bytes | None:
    """The same, sealed with the current key; None if it is, or if no key opens it."""
    if keys.is_current(sealed, place):
        return None
    try:
        return keys.seal(keys.open(sealed, place), place)
    except ValueError:
        return None
