"""What a restoration checks before anything takes its place."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from in_process import CHEAP, PASSWORD
from pneumoscope.audit_log.log import LOG
from pneumoscope.errors import AuditLogDamaged, DiskFull, PneumoscopeError, UsageError
from pneumoscope.jobs.clock import ClockRow, SteadyClock
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.rows import new_rows, values
from pneumoscope.jobs.tables import DONE
from pneumoscope.records import Settings
from pneumoscope.serve.admin import restore as restore_module
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.admin.backup import DATABASE, FILMS, MANIFEST, SIGNATURE, write_backup
from pneumoscope.serve.admin.restore import restore
from pneumoscope.serve.settings import ServeSettings

Change = Callable[[dict[str, bytes]], object]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ServeSettings:
    """A folder with an account, an open session, a result and its film."""
    settings = ServeSettings(folder=tmp_path_factory.mktemp("site") / "state")
    (settings.folder / "films").mkdir(parents=True)
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    administration.add_user("anna", PASSWORD, "admin")
    administration.sessions.open(administration.accounts.get("anna"))
    film = UploadedFile("a.png", b"a film")
    request = JobRequest(owner="anna", settings=Settings())
    (row,) = new_rows(request, [film], None, administration.keys)
    row.state = DONE
    administration.store.add([values(row)])
    administration.film_store.keep(row.id, film.data)
    administration.store.close()
    return settings


@pytest.fixture(scope="module")
def members(site: ServeSettings) -> dict[str, bytes]:
    """The files of its backup, with the key."""
    out = site.folder.parent / "backup.zip"
    write_backup(site, out, with_key=True)
    with zipfile.ZipFile(out) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def packed(members: dict[str, bytes], out: Path) -> Path:
    with zipfile.ZipFile(out, "w") as pack:
        for name, content in members.items():
            pack.writestr(name, content)
    return out


@pytest.fixture
def new(site: ServeSettings, tmp_path: Path) -> ServeSettings:
    """The settings of a server that does not exist yet."""
    return replace(site, folder=tmp_path / "new")


def test_a_backup_with_its_key_needs_nothing_else(
    site: ServeSettings, new: ServeSettings, members: dict[str, bytes], tmp_path: Path
) -> None:
    backup = packed(members, tmp_path / "backup.zip")
    checked = restore(new, backup, check_only=True)
    assert not checked.restored
    assert not new.folder.exists()
    done = restore(new, backup)
    assert done == replace(checked, restored=True)
    assert (done.results, done.films) == (1, 1)
    assert (new.folder / "key").read_bytes() == (site.folder / "key").read_bytes()
    administration = open_administration(new)
    assert [account.name for account in administration.accounts.list()] == ["anna"]
    assert administration.sessions.list() == []
    (film,) = administration.film_store.ids()
    assert administration.film_store.get(film) == b"a film"
    administration.store.close()


def _drop(name: str) -> Change:
    return lambda members: members.pop(name)


def _flip(name: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        content = bytearray(members[name])
        content[len(content) // 2] ^= 1
        members[name] = bytes(content)

    return change


def _flip_film(members: dict[str, bytes]) -> None:
    _flip(next(name for name in members if name.startswith(FILMS)))(members)


def _drop_film(members: dict[str, bytes]) -> None:
    members.pop(next(name for name in members if name.startswith(FILMS)))


def _rename_film(members: dict[str, bytes]) -> None:
    film = members.pop(next(name for name in members if name.startswith(FILMS)))
    members[f"{FILMS}../../{'0' * 26}"] = film


def _other_result_count(members: dict[str, bytes]) -> None:
    manifest = json.loads(members[MANIFEST])
    members[MANIFEST] = json.dumps(manifest | {"results": 2}).encode()


def _deep(members: dict[str, bytes]) -> None:
    members[MANIFEST] = b"[" * 100_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_drop(MANIFEST), "no backup"),
        (_drop(SIGNATURE), "no backup"),
        (_drop(DATABASE), "missing"),
        (_drop(LOG), "missing"),
        (_flip(DATABASE), "was changed"),
        (_flip(LOG), "was changed"),
        (_flip(SIGNATURE), "manifest was changed"),
        (_other_result_count, "manifest was changed"),
        (_flip_film, "film .* was changed"),
        (_drop_film, "1 films belong to it, 0 are there"),
        (_rename_film, "something else"),
        (_deep, "damaged"),
    ],
)
def test_a_backup_that_was_changed_restores_nothing(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path, change: Change, reason: str
) -> None:
    changed = dict(members)
    change(changed)
    with pytest.raises(UsageError, match=reason):
        restore(new, packed(changed, tmp_path / "backup.zip"))
    assert not new.database_file.exists()
    assert list(new.folder.iterdir()) == []


def test_damaged_files_end_with_an_error_of_this_package(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path
) -> None:
    whole = packed(members, tmp_path / "backup.zip").read_bytes()
    chance = random.Random(17)
    damaged = [b"", b"PK", whole[:100], whole[: len(whole) // 2], whole[:-10]]
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(8):
            content[chance.randrange(len(whole))] = chance.randrange(256)
        damaged.append(bytes(content))
    for content in damaged:
        (tmp_path / "damaged.zip").write_bytes(content)
        with suppress(PneumoscopeError):  # bytes between the members do not matter
            restore(new, tmp_path / "damaged.zip", check_only=True)


def test_the_key_must_be_that_of_the_backup(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path
) -> None:
    other = dict(members)
    manifest = json.loads(other[MANIFEST])
    del other["key"], manifest["files"]["key"]
    # The signature comes too late to matter: without a key nothing can be checked.
    backup = packed(other | {MANIFEST: json.dumps(manifest).encode()}, tmp_path / "backup.zip")
    with pytest.raises(UsageError, match="is not in it"):
        restore(new, backup)
    assert list(new.folder.iterdir()) == []  # no new key either
    open_administration(replace(new, folder=tmp_path / "another")).store.close()
    with pytest.raises(UsageError, match="is not the key of the backup"):
        restore(replace(new, key=tmp_path / "another" / "key"), backup)


def test_a_check_takes_the_key_in_the_backup_whatever_the_folder_contains(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path
) -> None:
    backup = packed(members, tmp_path / "backup.zip")
    another = replace(new, folder=tmp_path / "another")
    open_administration(another).store.close()
    assert restore(another, backup, check_only=True).results == 1
    # Who names a key asks whether it is the right one.
    named = replace(new, key=another.folder / "key")
    with pytest.raises(UsageError, match="is not the key of the backup"):
        restore(named, backup, check_only=True)


def test_nothing_is_overwritten(
    site: ServeSettings, new: ServeSettings, members: dict[str, bytes], tmp_path: Path
) -> None:
    backup = packed(members, tmp_path / "backup.zip")
    with pytest.raises(UsageError, match="holds data of a server"):
        restore(site, backup)
    database = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    elsewhere = replace(new, database=database)
    assert restore(elsewhere, backup).results == 1
    assert not elsewhere.database_file.exists()
    with pytest.raises(UsageError, match="in use"):
        restore(replace(elsewhere, folder=tmp_path / "third"), backup)
    assert list((tmp_path / "third").iterdir()) == []


def test_a_restoration_that_was_killed_can_be_repeated(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = packed(members, tmp_path / "backup.zip")

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(restore_module, "_remove", lambda _folder: None)
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KilledError):
            restore(new, backup)
    assert (new.folder / ".restore.part").exists()
    assert restore(new, backup).restored
    assert not (new.folder / ".restore.part").exists()


def test_a_restoration_that_failed_at_its_end_can_be_repeated(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = packed(members, tmp_path / "backup.zip")
    elsewhere = replace(new, database=f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")

    def lost(*_: object) -> None:
        raise SQLAlchemyError("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(restore_module, "load_copy", lost)
        with pytest.raises(UsageError, match="cannot be used"):
            restore(elsewhere, backup)
    assert (new.folder / LOG).exists()
    (tmp_path / "damaged.zip").write_bytes(backup.read_bytes()[:1000])
    with pytest.raises(UsageError, match="backup cannot be used"):  # an attempt between
        restore(elsewhere, tmp_path / "damaged.zip")
    assert restore(elsewhere, backup).results == 1


def test_changes_of_another_database_are_not_applied(
    site: ServeSettings, new: ServeSettings, members: dict[str, bytes], tmp_path: Path
) -> None:
    """SQLite would take the write-ahead log of a database that was removed for that of the new one."""
    running = replace(site, folder=tmp_path / "running")
    shutil.copytree(site.folder, running.folder)
    administration = open_administration(running)
    administration.accounts.hasher = CHEAP
    administration.add_user("dr.no", PASSWORD, "admin")
    logs = list(running.folder.glob("*.sqlite-wal"))
    assert logs
    new.folder.mkdir(parents=True, exist_ok=True)
    for log in logs:
        shutil.copy(log, new.folder / log.name)
    administration.store.close()
    restore(new, packed(members, tmp_path / "backup.zip"))
    restored = open_administration(new)
    assert "dr.no" not in {account.name for account in restored.accounts.list()}
    restored.store.close()


def test_a_full_disk_restores_nothing(
    new: ServeSettings, members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restore_module, "_unpack_films", full)
    with pytest.raises(DiskFull):
        restore(new, packed(members, tmp_path / "backup.zip"))
    assert list(new.folder.iterdir()) == []


def test_a_log_that_was_changed_before_the_backup_is_noticed(
    site: ServeSettings, new: ServeSettings, tmp_path: Path
) -> None:
    changed = replace(site, folder=tmp_path / "changed")
    shutil.copytree(site.folder, changed.folder)
    log = changed.folder / LOG
    log.write_bytes(log.read_bytes().replace(b'"admin', b'"Admin', 1))
    write_backup(changed, tmp_path / "backup.zip", with_key=True)
    with pytest.raises(AuditLogDamaged, match="backup"):
        restore(new, tmp_path / "backup.zip")
    assert list(new.folder.iterdir()) == []


def test_the_time_of_the_backup_is_not_taken_for_now(
    site: ServeSettings, new: ServeSettings, tmp_path: Path
) -> None:
    """Otherwise retention would not believe the clock after a week."""
    administration = open_administration(site)
    SteadyClock(administration.store.engine).keep()
    with administration.store.writing() as db:
        db.execute(update(ClockRow).values(time=1e9))
    administration.store.close()
    write_backup(site, tmp_path / "backup.zip", with_key=True)
    restore(new, tmp_path / "backup.zip")
    restored = open_administration(new)
    assert SteadyClock(restored.store.engine, restored.audit.last_time()).ahead_s() == 0
    restored.store.close()
