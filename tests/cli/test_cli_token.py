"""``pneumoscope token``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good
from in_process import PASSWORD
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings


def test_the_life_of_a_token(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    made = administer(
        "token", "add", "lee", "--for", "night batch", "--scope", "predict", "--days", "7"
    )
    text = good(made).strip()
    assert "shown once" in made.stderr
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    user = administration.tokens.find(text)
    assert user is not None
    assert (user.name, user.scopes) == ("lee", frozenset({"predict"}))
    (row,) = json.loads(good(administer("token", "list", "--user", "lee", "--json")))
    assert (row["user"], row["for"], row["state"]) == ("lee", "night batch", "valid")
    assert text not in json.dumps(row)
    assert text not in good(administer("token", "list"))
    assert good(administer("token", "revoke", row["id"])) == f"{row['id']}: revoked\n"
    assert administration.tokens.find(text) is None
    administration.store.close()
    (row,) = json.loads(good(administer("token", "list", "--json")))
    assert row["state"] == "revoked"
    read = json.loads(good(administer("token", "add", "lee", "--json")))
    assert read["scopes"] == "read"  # the least, where nothing is asked for
