"""Backups that somebody made in order to do harm; the attacker even has a key, and signs them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zipfile
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pneumoscope.errors import DiskFull, UsageError
from pneumoscope.jobs.keys import keys_in
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.admin.backup import DATABASE, FILMS, KEY, MANIFEST, SIGNATURE, write_backup
from pneumoscope.serve.admin.restore import restore
from pneumoscope.serve.settings import ServeSettings

Members = dict[str, bytes]
BOMB = 2**26


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The files of a backup with its key."""
    folder = tmp_path_factory.mktemp("site")
    settings = ServeSettings(folder=folder / "state")
    open_administration(settings).store.close()
    write_backup(settings, folder / "backup.zip", with_key=True)
    with zipfile.ZipFile(folder / "backup.zip") as pack:
        return {name: pack.read(name) for name in pack.namelist()}


@pytest.fixture
def new(tmp_path: Path) -> ServeSettings:
    return ServeSettings(folder=tmp_path / "new" / "state")


def signed(members: Members, **changes: object) -> Members:
    """The files with another manifest, signed with the key in the backup."""
    text = json.dumps(json.loads(members[MANIFEST]) | changes, indent=2).encode()
    return members | {MANIFEST: text, SIGNATURE: keys_in(members[KEY]).sign(text).encode()}


def with_file(members: Members, name: str, content: bytes, **facts: object) -> Members:
    """The files with another one of which the manifest says so."""
    files = json.loads(members[MANIFEST])["files"]
    member = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return signed(members, files=files | {name: member | facts}) | {name: content}


def packed(members: Members, out: Path, way: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(out, "w", way) as pack:
        for name, content in members.items():
            pack.writestr(name, content)
    return out


def refused(new: ServeSettings, backup: Path, reason: str) -> None:
    """A backup ends with a clear error, and has written nothing."""
    before = sorted(backup.parent.rglob("*"))
    with pytest.raises(UsageError, match=reason):
        restore(new, backup, check_only=True)
    assert sorted(backup.parent.rglob("*")) == before
    with pytest.raises(UsageError, match=reason):
        restore(new, backup)
    assert not new.folder.exists() or list(new.folder.iterdir()) == []
    assert set(backup.parent.rglob("*")) - set(before) <= {new.folder, new.folder.parent}


def test_signed_by_its_own_key_a_backup_is_restored(
    members: Members, new: ServeSettings, tmp_path: Path
) -> None:
    assert restore(new, packed(signed(members), tmp_path / "backup.zip")).restored


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "films/../../evil",
        "key.bak",
        "..\\evil",
        "audit-log.jsonl\n",
        "a\0b",
    ],
)
def test_names_of_other_places_are_refused(
    members: Members, new: ServeSettings, tmp_path: Path, name: str
) -> None:
    hostile = with_file(members, name, b"evil")
    refused(new, packed(hostile, tmp_path / "backup.zip"), "something else|films belong to it")


@pytest.mark.parametrize("name", ["../evil", "/evil", "0" * 31, "0" * 32 + "/x", "CON", "é" * 32])
def test_films_have_names_of_films(
    members: Members, new: ServeSettings, tmp_path: Path, name: str
) -> None:
    hostile = signed(members, films=1) | {FILMS + name: b"x" * 100}
    backup = packed(hostile, tmp_path / "backup.zip", zipfile.ZIP_STORED)
    refused(new, backup, "something else")


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010666, 0o060666, 0o040777, 0o106777])
def test_links_devices_and_permissions_of_members_mean_nothing(
    members: Members, new: ServeSettings, tmp_path: Path, kind: int
) -> None:
    """A member is bytes, whatever kind of file it says it is."""
    with zipfile.ZipFile(tmp_path / "backup.zip", "w") as pack:
        for name, content in signed(members).items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, kind << 16  # of Unix
            pack.writestr(info, content)
    restore(new, tmp_path / "backup.zip")
    for path in new.folder.rglob("*"):
        assert not path.is_symlink()
        assert path.is_file()
        assert path.stat().st_mode & 0o7077 == 0


def test_a_member_that_is_there_twice_is_refused(
    members: Members, new: ServeSettings, tmp_path: Path
) -> None:
    backup = packed(members, tmp_path / "backup.zip")
    for name in (MANIFEST, SIGNATURE, DATABASE, KEY):
        shutil.copy(backup, tmp_path / "twice.zip")
        with (
            zipfile.ZipFile(tmp_path / "twice.zip", "a") as pack,
            pytest.warns(UserWarning, match="Duplicate"),
        ):
            pack.writestr(name, members[name])
        refused(new, tmp_path / "twice.zip", "no backup")


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_compression_are_refused(
    members: Members, new: ServeSettings, tmp_path: Path, way: int
) -> None:
    refused(new, packed(members, tmp_path / "backup.zip", way), "no backup")


def test_nothing_is_unpacked_before_the_signature_is_checked(
    members: Members, new: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb of somebody who has no key must not fill the disk."""
    bomb = with_file(members, DATABASE, bytes(BOMB)) | {SIGNATURE: b"0" * 64}
    backup = packed(bomb, tmp_path / "backup.zip")
    assert backup.stat().st_size < BOMB / 100

    def unpacked(*_: object) -> None:
        raise AssertionError("unpacked")

    monkeypatch.setattr("pneumoscope.serve.admin.restore.unpack", unpacked)
    refused(new, backup, "manifest was changed")


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, KEY])
def test_bombs_in_small_files_are_not_unpacked(
    members: Members, new: ServeSettings, tmp_path: Path, name: str
) -> None:
    bomb = members | {name: members[name] + b" " * 2**20}
    refused(new, packed(bomb, tmp_path / "backup.zip"), f"{name} is too large")


def test_what_does_not_fit_is_refused_before_it_fills_the_disk(
    members: Members, new: ServeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = packed(with_file(members, DATABASE, bytes(BOMB)), tmp_path / "backup.zip")
    usage = namedtuple("usage", "total used free")  # as `shutil.disk_usage`
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**9, 0, BOMB - 1))
    with pytest.raises(DiskFull):
        restore(new, backup)
    assert list(new.folder.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"results": "many"}, {"results": -1}, {"results": True}, {"films": 0.0}, {"films": None},
        {"created": "\x1b[2J"}, {"created": "x" * 65}, {"created": 5}, {"pneumoscope": []},
        {"with_key": "yes"}, {"files": []}, {"files": {DATABASE: 1}}, {"other": 1},
        {"files": {DATABASE: {"size_bytes": "9", "sha256": "0" * 64}}},
        {"files": {DATABASE: {"size_bytes": -2, "sha256": "0" * 64}}},
        {"files": {DATABASE: {"size_bytes": 1e300, "sha256": "0" * 64}}},
        {"files": {DATABASE: {"size_bytes": 9, "sha256": "../../x"}}},
    ],
)  # fmt: skip
def test_odd_values_in_a_manifest_are_refused(
    members: Members, new: ServeSettings, tmp_path: Path, changes: dict[str, Any]
) -> None:
    refused(new, packed(signed(members, **changes), tmp_path / "backup.zip"), "is damaged")


def test_no_control_character_of_a_backup_reaches_the_terminal(
    members: Members, new: ServeSettings, tmp_path: Path
) -> None:
    """The id of a key is shown before the signature is known to be right."""
    for keys in (["\x1b[2J"], [], "abc", None, [5], ["0" * 8, "\x1b"]):
        hostile = members | {SIGNATURE: b"\x1b[2J"}
        hostile[MANIFEST] = json.dumps(json.loads(members[MANIFEST]) | {"keys": keys}).encode()
        with pytest.raises(UsageError) as caught:
            restore(new, packed(hostile, tmp_path / "backup.zip"), check_only=True)
        assert str(caught.value).isprintable()


def test_a_newer_form_says_so(members: Members, new: ServeSettings, tmp_path: Path) -> None:
    refused(new, packed(signed(members, format=2), tmp_path / "backup.zip"), "newer version")


def changed_database(members: Members, path: Path, change: Callable[[Any], object]) -> Members:
    """The files with a database that was changed."""
    path.write_bytes(members[DATABASE])
    with closing(sqlite3.connect(path)) as connection:
        connection.isolation_level = None
        change(connection)
    return with_file(members, DATABASE, path.read_bytes())


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("UPDATE alembic_version SET version_num = '../../x'", "newer version"),
        ("DROP TABLE predictions", "has no predictions"),
        ("ALTER TABLE accounts RENAME TO users", "has no accounts"),
        ("DELETE FROM audit_anchor", "audit log"),
    ],
)
def test_a_database_of_another_version_is_refused(
    members: Members, new: ServeSettings, tmp_path: Path, statement: str, reason: str
) -> None:
    hostile = changed_database(members, tmp_path / "x.sqlite", lambda c: c.execute(statement))
    with pytest.raises(Exception, match=reason):
        restore(new, packed(hostile, tmp_path / "backup.zip"))
    assert list(new.folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"no database" * 999, b"SQLite format 3\0" + bytes(9999)])
def test_what_is_no_database_is_refused(
    members: Members, new: ServeSettings, tmp_path: Path, content: bytes
) -> None:
    hostile = with_file(members, DATABASE, content)
    with pytest.raises(UsageError):
        restore(new, packed(hostile, tmp_path / "backup.zip"))
    assert list(new.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["node.sqlite", "films/x", "spool/x", "pneumoscope.sqlite"])
def test_the_folder_of_a_node_or_a_server_is_left_alone(
    members: Members, new: ServeSettings, tmp_path: Path, name: str
) -> None:
    held = new.folder / name
    held.parent.mkdir(parents=True)
    held.write_bytes(b"data")
    with pytest.raises(UsageError, match="holds data of a server or a node"):
        restore(new, packed(members, tmp_path / "backup.zip"))
    assert held.read_bytes() == b"data"


def test_a_link_that_somebody_has_put_in_the_way_is_not_followed(
    members: Members, new: ServeSettings, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_bytes(b"data")
    new.folder.mkdir(parents=True)
    (new.folder / ".restore.part").symlink_to(elsewhere)
    with pytest.raises((OSError, UsageError)):
        restore(new, packed(members, tmp_path / "backup.zip"))
    assert [path.name for path in elsewhere.iterdir()] == ["file"]
