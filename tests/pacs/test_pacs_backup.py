"""A backup of a node has everything that was acknowledged, and nothing of it in the clear."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")


from command_line import invoke
from pneumoscope.errors import UsageError
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import open_keys
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import DELIVERED
from pneumoscope.pacs import backup as backup_module
from pneumoscope.pacs.audit.node_log import NodeAuditLog, open_node_log
from pneumoscope.pacs.backup import restore_node, write_node_backup
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.intake import OWNER
from pneumoscope.pacs.pull.cursor import CursorFile
from pneumoscope.pacs.spool import Spool
from sent_films import PLANTED, file_of, sent
from stored_results import KEYS, Results

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pacs-node.md"
SPOOLED = file_of(sent(7))


@dataclass
class Node:
    """The folder of a node that does not run.

    Attributes:
        folder: The folder.
        key: Its key.
        film: Id of a film whose result waits.
    """

    folder: Path
    key: Path
    film: str


@pytest.fixture
def node(tmp_path: Path) -> Node:
    folder = tmp_path / "node"
    folder.mkdir()
    results = Results(folder)
    film = results.add("archive")
    results.deliveries.record_success(results.add("archive", keep=False), "archive")
    log = open_node_log(folder, results.store.engine, KEYS)
    NodeAuditLog(log, KEYS).note("node started")
    log.settle()
    results.store.close()
    (folder / "x.sqlite").rename(folder / "node.sqlite")
    Spool(folder / "spool", DiskLimits()).put("1.2.3.4.7", [SPOOLED])
    for path, cursor in (("ward.json", {"since": 5}), ("again/ward.json", {"PLANTED-UID": {}})):
        (folder / "pull" / path).parent.mkdir(parents=True, exist_ok=True)
        CursorFile(folder / "pull" / path, "http://x").save(cursor)
    key = tmp_path / "key"
    key.write_text(base64.b64encode(bytes(range(32))).decode())
    key.chmod(0o600)
    return Node(folder, key, film)


def check_restored(node: Node, folder: Path) -> None:
    """Everything of the node is in a folder."""
    keys = open_keys(folder, node.key)
    store = Store(f"sqlite:///{folder / 'node.sqlite'}")
    assert store.counts(OWNER) == {"done": 2}
    assert [row.id for _, row in Deliveries(store).due(9)] == [node.film]
    store.close()
    assert FilmStore(0, keys, folder / "films").get(node.film) == b"film"
    assert [path.read_bytes() for path in Spool(folder / "spool", DiskLimits()).films()] == [
        SPOOLED
    ]
    assert CursorFile(folder / "pull" / "ward.json", "http://x").load() == {"since": 5}
    again = CursorFile(folder / "pull" / "again" / "ward.json", "http://x")
    assert again.load() == {"PLANTED-UID": {}}
    assert not (folder / ".restore.part").exists()
    store = Store(f"sqlite:///{folder / 'node.sqlite'}")
    log = open_node_log(folder, store.engine, keys)
    log.verify()
    written = [line["what"] for line in log.entries()]
    assert (written[0], written[-2:]) == ("node started", ["backup", "restore"])
    store.close()


def test_the_commands_of_the_how_to(node: Node, tmp_path: Path) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Back up and restore")[2]
    (block,) = re.findall(r"```\n(.*?)```", section.partition("\n## ")[0], re.S)
    places = {
        "/mnt/backups/": f"{tmp_path}/", "/var/lib/pneumoscope-pacs-2": f"{tmp_path}/new",
        "/var/lib/pneumoscope-pacs": str(node.folder), "/etc/pneumoscope/key": str(node.key),
    }  # fmt: skip
    outputs = []
    for line in block.splitlines():
        for before, after in places.items():
            line = line.replace(before, after)
        done = invoke(*shlex.split(line)[1:], "--json")
        assert done.exit_code == 0, done.output
        outputs.append(json.loads(done.output))
    counts = {"results": 2, "films": 1, "spool": 1, "cursors": 2}
    assert all(counts.items() <= output.items() for output in outputs)
    assert [output.get("restored") for output in outputs] == [None, False, True]
    check_restored(node, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "new", "node", "node.zip"]


def test_nothing_is_in_the_clear_and_the_key_only_if_it_is_wanted(
    node: Node, tmp_path: Path
) -> None:
    out = tmp_path / "node.zip"
    write_node_backup(node.folder, node.key, out)
    with zipfile.ZipFile(out) as pack:
        contents = {name: pack.read(name) for name in pack.namelist()}
    assert "key" not in contents
    planted = [name.encode() for name in (*PLANTED, "PLANTED-UID", "DICM")]
    assert not any(word in data for word in planted for data in contents.values())
    with pytest.raises(UsageError, match="is not in it"):
        restore_node(tmp_path / "new", None, out)
    write_node_backup(node.folder, node.key, out, with_key=True)  # replaces the former one
    assert restore_node(tmp_path / "new", None, out).with_key
    check_restored(node, tmp_path / "new")


def test_films_that_arrive_and_go_meanwhile(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is copied, the spooled film is accepted, and the other one delivered."""
    copy = backup_module.write_copy
    films = FilmStore(0, KEYS, node.folder / "films")

    def copy_later(*args: object) -> None:
        copy(*args)  # type: ignore[arg-type]
        films.keep("a" * 32, b"new film")
        films.drop([node.film])
        shutil.rmtree(node.folder / "spool")

    monkeypatch.setattr(backup_module, "write_copy", copy_later)
    manifest = write_node_backup(node.folder, node.key, tmp_path / "node.zip")
    assert (manifest.films, manifest.spool) == (2, 1)
    restore_node(tmp_path / "new", node.key, tmp_path / "node.zip")
    check_restored(node, tmp_path / "new")


def test_films_that_come_and_go_between_two_copies_are_not_left_waiting(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come after the films were copied, and go after the database was."""
    copy = backup_module.write_copy
    results = Results(node.folder, "node.sqlite")
    films: list[str] = []

    def copy_between(*args: object) -> None:
        films.extend(results.add("archive", "viewer") for _ in range(3))
        copy(*args)  # type: ignore[arg-type]
        delivered, half, dropped = films
        for film, destination in ((delivered, "archive"), (delivered, "viewer"), (half, "viewer")):
            results.deliveries.record_success(film, destination)
        results.store.delete("node", [dropped])
        results.films.drop([delivered, dropped])

    monkeypatch.setattr(backup_module, "write_copy", copy_between)
    manifest = write_node_backup(node.folder, node.key, tmp_path / "node.zip")
    results.store.close()
    assert (manifest.films, manifest.results) == (2, 4)
    restore_node(tmp_path / "new", node.key, tmp_path / "node.zip")
    restored = Results(tmp_path / "new", "node.sqlite")
    delivered, half, dropped = films
    assert {each.state for each in restored.of(delivered).values()} == {DELIVERED}
    # What is left to deliver has its film; a destination may get a result once more.
    assert {row.id for _, row in restored.deliveries.due(9)} == {node.film, half}
    assert restored.films.ids() == {node.film, half}
    assert restored.store.states([dropped]) == {}
    restored.store.close()


def rewritten(out: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    """Changes the files of a backup."""
    with zipfile.ZipFile(out) as pack:
        contents = [change(name, pack.read(name)) for name in pack.namelist()]
    with zipfile.ZipFile(out, "w") as pack:
        for name, data in contents:
            pack.writestr(name, data)


@pytest.mark.parametrize(
    ("part", "way"),
    [
        *((part, "byte") for part in ("films/", "spool/", "pull/", "node.sqlite", "node.json")),
        *((part, "name") for part in ("spool/", "node.sig")),
    ],
)
def test_a_backup_that_was_changed_restores_nothing(
    node: Node, tmp_path: Path, part: str, way: str
) -> None:
    out = tmp_path / "node.zip"
    write_node_backup(node.folder, node.key, out)

    def change(name: str, data: bytes) -> tuple[str, bytes]:
        if not name.startswith(part):
            return name, data
        return (name, data[:-9] + b"x" + data[-8:]) if way == "byte" else (f"../{name}", data)

    rewritten(out, change)
    with pytest.raises(UsageError, match=r"the backup cannot be used|is not the key"):
        restore_node(tmp_path / "new", node.key, out)
    left = tmp_path / "new"
    assert not left.exists() or not list(left.iterdir())


def test_a_folder_in_use_and_a_wrong_key_are_refused(node: Node, tmp_path: Path) -> None:
    out = tmp_path / "node.zip"
    with pytest.raises(UsageError, match="no such key"):
        write_node_backup(node.folder, None, out)
    other = tmp_path / "other-key"
    other.write_text(base64.b64encode(b"x" * 32).decode())
    other.chmod(0o600)
    with pytest.raises(UsageError, match="is not the key of the node"):
        write_node_backup(node.folder, other, out)
    assert not out.exists()
    out.write_bytes(b"something else")
    with pytest.raises(UsageError, match="is no backup of a node"):
        write_node_backup(node.folder, node.key, out)
    out.unlink()
    write_node_backup(node.folder, node.key, out)
    with pytest.raises(UsageError, match="holds data of a server or a node"):
        restore_node(node.folder, node.key, out)
    with pytest.raises(UsageError, match="is not the key of the backup"):
        restore_node(tmp_path / "new", other, out)
    done = invoke("restore", out, "--key", node.key)
    assert isinstance(done.exception, UsageError)
    assert "--folder" in done.exception.hint
