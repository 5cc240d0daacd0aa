"""Files of a backup are those of its manifest, and open with its key only."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import zipfile
from pathlib import Path

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.files import is_zip_with
from pneumoscope.jobs.backup_parts import (
    KEY,
    Member,
    SignedManifest,
    keys_of_backup,
    opened,
    put,
    read_small,
    unpack,
)
from pneumoscope.jobs.keys import Keys, open_keys


def packed(path: Path, data: bytes = b"content") -> Member:
    with zipfile.ZipFile(path, "w") as pack:
        return put(pack, "a/b", io.BytesIO(data))


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    member = packed(tmp_path / "x.zip")
    assert member.size_bytes == 7
    with opened(tmp_path / "x.zip") as pack:
        unpack(pack, "a/b", member, tmp_path / "out")
        assert read_small(pack, "a/b", 7) == b"content"
        with pytest.raises(UsageError, match="too large"):
            read_small(pack, "a/b", 6)
    assert (tmp_path / "out").read_bytes() == b"content"
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as pack:
        assert put(pack, "a", io.BytesIO(b"content that grows"), 7) == member


@pytest.mark.parametrize("data", [b"", b"Content", b"conten", b"content2"])
def test_another_content_is_refused(tmp_path: Path, data: bytes) -> None:
    member = packed(tmp_path / "x.zip")
    packed(tmp_path / "x.zip", data)
    with opened(tmp_path / "x.zip") as pack, pytest.raises(UsageError, match="was changed"):
        unpack(pack, "a/b", member, tmp_path / "out")


def test_what_is_no_zip_and_what_is_missing(tmp_path: Path) -> None:
    member = packed(tmp_path / "x.zip")
    with opened(tmp_path / "x.zip") as pack, pytest.raises(UsageError, match="c is missing"):
        unpack(pack, "c", member, tmp_path / "out")
    (tmp_path / "x.zip").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="the backup cannot be used"), opened(tmp_path / "x.zip"):
        pass


def test_keys(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the [serve] or [watch] extra")
    folder, path = tmp_path / "new", tmp_path / "backup.zip"
    folder.mkdir()
    packed(path)
    with opened(path) as pack, pytest.raises(UsageError, match="is not in it"):
        keys_of_backup(folder, None, "id", pack, check_only=False)
    assert list(folder.iterdir()) == []
    with zipfile.ZipFile(path, "a") as pack:
        pack.writestr(KEY, base64.b64encode(bytes(32)))
    with opened(path) as pack:
        keys = keys_of_backup(folder, None, Keys(bytes(32)).ids[0], pack, check_only=False)
        assert keys.ids == Keys(bytes(32)).ids
        with pytest.raises(UsageError, match="is not the key of the backup"):
            keys_of_backup(folder, None, "id", pack, check_only=False)


def test_a_small_file_that_unpacks_to_a_large_one_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("bomb", bytes(2**20))
        pack.writestr("text", random.Random(1).randbytes(2**17).hex())  # compresses by 2
    with opened(path) as pack:
        assert len(read_small(pack, "text", 2**20)) == 2**18
        with pytest.raises(UsageError, match="too large"):
            read_small(pack, "bomb", 2**20)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not is_zip_with(tmp_path / "pipe", "m.json")
    with pytest.raises(UsageError, match="it is no file"), opened(tmp_path / "pipe"):
        pass


def test_a_manifest_is_signed_and_its_file_unique_and_readable(tmp_path: Path) -> None:
    path, kind = tmp_path / "backup.zip", SignedManifest("m.json", "m.sig", "node", most_bytes=99)
    keys = open_keys(tmp_path / "state", None)
    with zipfile.ZipFile(path, "w") as pack:
        kind.put(pack, Member(7, "ab"), keys)
    assert is_zip_with(path, "m.json")
    assert not is_zip_with(path, "other.json")
    assert not is_zip_with(tmp_path / "no.zip", "m.json")
    with zipfile.ZipFile(path) as pack:
        text = kind.text(pack)
        assert json.loads(text) == {"size_bytes": 7, "sha256": "ab"}
        kind.check(pack, text, keys)
        with pytest.raises(UsageError, match="manifest was changed"):
            kind.check(pack, text + b" ", keys)
        with pytest.raises(UsageError, match="too large"):
            SignedManifest("m.json", "m.sig", "node", most_bytes=9).text(pack)
        with pytest.raises(UsageError, match="no backup of a server"):
            SignedManifest("manifest.json", "m.sig", "server", most_bytes=99).text(pack)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # as if the file were encrypted
    path.write_bytes(content)
    with zipfile.ZipFile(path) as pack, pytest.raises(UsageError, match="no backup of a node"):
        kind.text(pack)
