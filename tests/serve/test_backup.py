"""A backup of a running server, and what it refuses."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from databases import created, postgresql
from grey_films import BRIGHT, DARK
from live import Live, serving
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DiskFull, UsageError
from pneumoscope.jobs.keys import open_keys
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.admin.backup import FILMS, KEY, MANIFEST, is_backup, write_backup
from pneumoscope.serve.admin.restore import restore
from pneumoscope.serve.settings import ServeSettings


def rows_of(url: str) -> dict[str, tuple[object, ...]]:
    """Every film of a database by its id, with all that is stored about it."""
    engine = create_engine(url)
    with Session(engine) as db:
        columns = FilmRow.__table__.columns
        rows = {row.id: tuple(row) for row in db.execute(select(*columns))}
    engine.dispose()
    return rows


@contextmanager
def load(live: Live) -> Iterator[set[str]]:
    """Sends films without a pause; the ids of those that were answered."""
    ids, end = set[str](), threading.Event()
    answered = threading.Event()

    def send() -> None:
        while not end.is_set():
            ids.update(record["id"] for record in live.read(BRIGHT, DARK))
            answered.set()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert answered.wait(60)
        yield ids
    finally:
        end.set()
        sender.join(60)


@contextmanager
def databases(kind: str) -> Iterator[tuple[str | None, str | None]]:
    """URLs of a database for the server and of an empty one; None for files in the folders."""
    if kind == "sqlite":
        yield None, None
        return
    with postgresql() as url:
        yield url, created(url, "restored")


@pytest.mark.server
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_running_server_is_backed_up_under_load_and_restored_completely(
    tiny_bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    key = tmp_path / "key"
    open_keys(tmp_path)
    with databases(kind) as (database, empty):
        settings = ServeSettings(
            folder=tmp_path / "state", bundle=(str(tiny_bundle.path),), threads=1,
            keep_films=True, key=key, database=database,
        )  # fmt: skip
        with serving(settings) as live, load(live) as answered:
            before = set(answered)
            manifest = write_backup(settings, tmp_path / "backup.zip")
            assert live.services.lock.held()
            stored = rows_of(settings.database_url)
        assert manifest.results == manifest.films >= len(before) > 0

        new = replace(settings, folder=tmp_path / "new", database=empty)
        done = restore(new, tmp_path / "backup.zip")
        assert (done.results, done.films) == (manifest.results, manifest.films)
        restored = rows_of(new.database_url)
        assert before <= set(restored) <= set(stored)
        assert all(stored[id_] == row for id_, row in restored.items())

        administration = open_administration(new)
        lines = list(administration.audit.entries())
        # One more line than the backup has: of the restoration.
        assert administration.audit.verify().seq == done.lines + 1 == len(lines)
        assert [line["what"] for line in lines if line["who"]["via"] == "command"] == [
            "backup",
            "restore",
        ]
        with_lines = {id_ for line in lines for id_ in line["objects"]}
        assert set(restored) <= with_lines
        films = {administration.film_store.get(id_) for id_ in restored}
        assert films == {BRIGHT[1], DARK[1]}
        administration.store.close()
        with serving(new) as live:
            record = live.client.get("/api/v1/predictions").json()["predictions"][0]
            assert record["result"]["label"] in ("NORMAL", "PNEUMONIA")
            assert live.client.get(record["links"]["film"]).status_code == 200


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    """A server's folder with an empty database."""
    chosen = ServeSettings(folder=tmp_path / "state")
    open_administration(chosen).store.close()
    return chosen


def test_the_key_is_in_the_backup_only_on_request(settings: ServeSettings, tmp_path: Path) -> None:
    out = tmp_path / "backup.zip"
    secret = (settings.folder / "key").read_bytes()
    write_backup(settings, out)
    with zipfile.ZipFile(out) as pack:
        assert KEY not in pack.namelist()
        assert not any(secret.strip() in pack.read(name) for name in pack.namelist())
    assert write_backup(settings, out, with_key=True).with_key  # replaces the first one
    with zipfile.ZipFile(out) as pack:
        assert pack.read(KEY) == secret


def test_a_key_in_a_variable_is_not_backed_up(
    settings: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = (settings.folder / "key").read_text().strip()
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_SECRET", secret)
    with pytest.raises(UsageError, match="not in a file"):
        write_backup(settings, tmp_path / "backup.zip", with_key=True)
    write_backup(settings, tmp_path / "backup.zip")
    assert restore(replace(settings, folder=tmp_path / "new"), tmp_path / "backup.zip").restored


def test_no_other_file_is_replaced(settings: ServeSettings, tmp_path: Path) -> None:
    database = settings.database_file
    before = database.read_bytes()
    with pytest.raises(UsageError, match="is not a backup"):
        write_backup(settings, database)
    assert database.read_bytes() == before
    with pytest.raises(UsageError, match="is a folder"):
        write_backup(settings, tmp_path)
    missing = replace(settings, folder=tmp_path / "mistyped")
    with pytest.raises(UsageError, match="holds no database"):
        write_backup(missing, tmp_path / "backup.zip")
    assert not missing.folder.exists()


def test_a_database_of_another_version_is_not_changed_by_a_backup(
    settings: ServeSettings, tmp_path: Path
) -> None:
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    with pytest.raises(UsageError, match="of another version"):
        write_backup(settings, tmp_path / "backup.zip")
    with engine.connect() as connection:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    engine.dispose()
    assert version == "0004"
    assert not (tmp_path / "backup.zip").exists()


def test_a_backup_that_fails_leaves_the_one_before(
    settings: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "backup.zip"
    write_backup(settings, out)
    before = out.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pneumoscope.serve.admin.backup.put_log", full)
    with pytest.raises(DiskFull, match=r"backup\.zip"):
        write_backup(settings, out)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.zip", "state"]


def test_films_that_were_deleted_meanwhile_are_left_out(
    settings: ServeSettings, tmp_path: Path
) -> None:
    films = settings.folder / "films"
    films.mkdir()
    (films / ("0" * 32)).write_bytes(b"a film without a result")
    assert write_backup(settings, tmp_path / "backup.zip").films == 0
    with zipfile.ZipFile(tmp_path / "backup.zip") as pack:
        assert not any(name.startswith(FILMS) for name in pack.namelist())
        assert json.loads(pack.read(MANIFEST))["results"] == 0


def test_what_a_backup_is(settings: ServeSettings, tmp_path: Path) -> None:
    write_backup(settings, tmp_path / "backup.zip")
    assert is_backup(tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as pack:
        pack.writestr("a", b"")
    for other in ("other.zip", "missing.zip", "state"):
        assert not is_backup(tmp_path / other)
