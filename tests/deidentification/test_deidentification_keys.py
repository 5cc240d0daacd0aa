"""The key file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pneumoscope.deidentification.keys import Key, new_key, read_or_make_key
from pneumoscope.errors import UsageError


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = read_or_make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_make_key(path) == key
    assert len(key.secret) == 32
    assert key.secret.hex() not in repr(key)
    assert new_key() != new_key()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    read_or_make_key(path)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="others may read") as caught:
        read_or_make_key(path)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("content", ["", "hello", "00" * 31, "zz" * 32, "ü" * 64])
def test_another_file_is_no_key(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(UsageError, match="is not a key"):
        read_or_make_key(path)
    assert path.read_text(encoding="utf-8") == content


def test_pseudonyms_have_the_form_of_their_kind() -> None:
    key = Key(bytes(32))
    assert key.uid("1.2") == key.uid("1.2") != key.uid("1.3")
    assert len(key.uid("1.2")) <= 64
    assert len(key.patient("17")) == 13
    assert 1 <= key.days("17") <= 3650
