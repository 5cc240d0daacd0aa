"""The node's TOML file: every key is checked, and unknown ones are refused with the nearest name."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.errors import UsageError
from pneumoscope.pacs.config import (
    EXAMPLE,
    DeliveryLimits,
    DiskLimits,
    NodeSettings,
    ReceiverSettings,
    parse_config,
    read_config,
)
from pneumoscope.pacs.destinations.settings import FolderSettings
from pneumoscope.pacs.destinations.toml_table import TomlTable

FOLDER = '[node]\nfolder = "/x"\n'


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as error:
        parse_config(text, "node.toml")
    assert str(error.value).startswith("node.toml: ")
    assert error.value.hint
    return error.value


def test_a_file_that_names_only_a_folder_is_a_node_with_defaults() -> None:
    settings = parse_config(FOLDER, "x")
    assert settings == NodeSettings(folder=Path("/x"))
    assert settings.database_url == "sqlite:////x/node.sqlite"
    assert (settings.spool_folder, settings.films_folder) == (Path("/x/spool"), Path("/x/films"))


def tables_that_are_off() -> dict[str, str]:
    """The tables of the example that are comments, by their names; lines as after one removed "# "."""
    text = EXAMPLE.read_text(encoding="utf-8")
    tables = re.findall(r"(?m)^# (\[(?:destinations|pull|audit)[.\w]*\])\n((?:# .*\n)+)", text)
    return {name: re.sub(r"(?m)^# ", "", lines) for name, lines in tables}


def test_the_example_names_every_key_that_the_parser_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, set[str]] = {}
    finish = TomlTable.finish

    def remember(table: TomlTable) -> None:
        known[table.where] = set(table._known)
        finish(table)

    monkeypatch.setattr(TomlTable, "finish", remember)
    text, off = EXAMPLE.read_text(encoding="utf-8"), tables_that_are_off()
    parse_config(text, "example")
    parse_config(FOLDER + "".join(f"{name}\n{lines}" for name, lines in off.items()), "example")
    tables = dict(re.findall(r"(?m)^(\[[.\w]+\])\n((?:.+\n)+)", text)) | off
    named = {
        name.strip("[]"): set(re.findall(r"(?m)^(?:#:? )?(\w+) = ", lines))
        for name, lines in tables.items()
    }
    assert named == {where: keys for where, keys in known.items() if where}
    assert known[""] == {name.partition(".")[0] for name in named}


def test_the_example_has_every_key_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^#: ", "", text)
    commented = parse_config(text, "example")
    assert parse_config(changed, "example") == commented
    default = NodeSettings(
        folder=Path("/var/lib/pneumoscope-pacs"), destinations=commented.destinations
    )
    assert commented == default
    (folder,) = commented.destinations
    assert isinstance(folder, FolderSettings)
    keys = set(re.findall(r"(?m)^(?:#:? )?(\w+) = ", text))
    names = {
        "certificate": "tls_certificate", "key": "tls_key", "authority": "tls_authority",
        "film_bytes": "largest_film_mib", "memory_bytes": "memory_mib",
        "most_bytes": "most_gib", "free_bytes": "free_gib",
    }  # fmt: skip
    for kind in (NodeSettings, ReceiverSettings, DiskLimits, DeliveryLimits):
        for setting in fields(kind):
            if setting.name not in {
                "receiver",
                "disk",
                "delivery",
                "destinations",
                "sources",
                "audit",
            }:
                assert names.get(setting.name, setting.name) in keys


def test_the_tables_of_the_example_that_are_comments_can_be_used() -> None:
    tables = "".join(f"{table}\n{lines}" for table, lines in tables_that_are_off().items())
    settings = parse_config(FOLDER + tables, "example")
    assert parse_config(FOLDER + re.sub(r"(?m)^#: ", "", tables), "example") == settings
    named = [item.name for item in settings.destinations]
    assert named == ["archive", "web", "ehr", "hook"]
    assert [(item.name, item.type) for item in settings.sources] == [
        ("orthanc", "orthanc"),
        ("web", "dicomweb"),
    ]


def test_values_are_read() -> None:
    settings = parse_config(
        FOLDER + 'bundles = ["children"]\nretention_days = false\nlog = "json"\n'
        '[receiver]\nae_title = "CHEST"\nhost = "0.0.0.0"\naddresses = ["10.0.0.0/8"]\n'
        "largest_film_mib = 5\n[disk]\nfree_gib = 0.5\n[delivery]\nattempts = 3\n"
        '[destinations.here]\ntype = "folder"\nfolder = "/results"\n'
        '[pull.there]\ntype = "orthanc"\nurl = "http://127.0.0.1:8042/"\n',
        "x",
    )
    assert (settings.bundles, settings.retention_days, settings.log) == (
        ("children",),
        None,
        "json",
    )
    receiver = settings.receiver
    assert (receiver.ae_title, receiver.addresses) == ("CHEST", ("10.0.0.0/8",))
    assert receiver.film_bytes == 5 * 2**20
    assert settings.disk.free_bytes == 2**29
    assert settings.delivery.attempts == 3
    assert [each.name for each in settings.destinations] == ["here"]
    assert [(each.name, each.http.url) for each in settings.sources] == [
        ("there", "http://127.0.0.1:8042")
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[node]\nfoldr = '/x'\n", "node: folder is missing", "--example"),
        ("[node]\nfoldr = '/x'\n", "node: folder is missing", "Is foldr a typo?"),
        ("[node]\n", "node: folder is missing", "Add a line: folder = "),
        (FOLDER + "[reciever]\n", "node.toml: unknown table or key reciever", "Did you mean receiver?"),
        (FOLDER + "keep_film = true\n", "node: unknown key keep_film", "Did you mean keep_films?"),
        (FOLDER + "[receiver]\nportt = 1\n", "receiver: unknown key portt", "Did you mean port?"),
        (FOLDER + "[receiver]\nport = 70000\n", "port must be between 0 and 65535", ""),
        (FOLDER + "[receiver]\nport = 1.5\n", "port must be a whole number", ""),
        (FOLDER + "[receiver]\nae_title = ''\n", "ae_title must be a text", ""),
        (FOLDER + "[receiver]\ncalling_ae_titles = ['RADIOGRAPHY_ROOM_1']\n", "is no AE title", ""),
        (FOLDER + "[receiver]\naddresses = '10.1.2.3'\n", "addresses must be a list", ""),
        (FOLDER + "[receiver]\naddresses = ['10.1.2.3/8']\n", "which is no network", ""),
        (FOLDER + "[receiver]\nhost = '0.0.0.0'\n", "could send films", "addresses"),
        (FOLDER + "[receiver]\ntls_key = '/k'\n", "tls_certificate is missing", ""),
        (FOLDER + "log = 'xml'\n", "log is 'xml'", "text, json"),
        (FOLDER + "[delivery]\nfirst_pause_s = 9\nlongest_pause_s = 1\n", "is shorter than", ""),
        (FOLDER + "receiver = 3\n", "unknown key receiver", ""),
        ("receiver = 3\n" + FOLDER, "receiver is no table", "[receiver]"),
        (FOLDER + "[destinations]\nx = 1\n", "destinations.x is no table", ""),
        (FOLDER + "[destinations.x]\ntype = 'foldr'\n", "destinations.x: type is 'foldr'", "folder"),
        ("[node\n", "not TOML", "--example"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, message: str, hint: str) -> None:
    error = refused(text)
    assert message in error.message
    assert hint in error.hint


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing.toml: no such file"):
        read_config(tmp_path / "missing.toml")
    (tmp_path / "notepad.toml").write_text(FOLDER, encoding="utf-8-sig")
    assert read_config(tmp_path / "notepad.toml") == parse_config(FOLDER, "x")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read_config(tmp_path / "binary.toml")
    (tmp_path / "node.toml").write_text(FOLDER, encoding="utf-8")
    assert read_config(tmp_path / "node.toml").folder == Path("/x")
