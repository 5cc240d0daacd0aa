"""``pneumoscope patient``."""

from __future__ import annotations

import errno
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from pneumoscope.audit_log.log import LOG
from pneumoscope.jobs.rows import settings_to_json
from pneumoscope.jobs.tables import DONE, now
from pneumoscope.records import Settings
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings
from predictions import prediction


def test_a_patients_key_can_stay_out_of_the_command_line(administer: Run, tmp_path: Path) -> None:
    out = tmp_path / "held.zip"
    result = json.loads(
        good(administer("patient", "export", "-", "--out", str(out), "--json", stdin="PAT-1\n"))
    )
    assert result == {"predictions": 0, "films": 0, "lines": 1}
    assert out.exists()
    assert "0 predictions" in good(administer("patient", "erase", "PAT-1"))
    assert "empty" in str(refused(administer("patient", "erase", "-", stdin="\n")))
    assert "PAT-1" not in (tmp_path / "state" / LOG).read_text()


@pytest.fixture
def stored(administer: Run, tmp_path: Path) -> Callable[[], list[str]]:
    """Two results of PAT-1, one of them with its film, and one of PAT-2; gives the ids that are there."""
    administer("user", "list")  # makes the folder
    state = tmp_path / "state"
    (state / "films").mkdir()
    administration = open_administration(ServeSettings(folder=state))
    ids = [letter * 32 for letter in "abc"]
    for id_, patient, owner in zip(
        ids, ("PAT-1", "PAT-1", "PAT-2"), ("ann", "bob", "ann"), strict=True
    ):
        row = {
            "id": id_, "owner": owner, "created": now() - timedelta(days=40), "job": None,
            "position": 0, "state": DONE, "name": administration.keys.seal(b"Doe.png", id_),
            "sha256": "0" * 64, "patient": administration.keys.fingerprint(patient), "study": None,
            "idempotency_key": None, "priority": 0, "bundle": None,
            "settings": settings_to_json(Settings()), "label": "PNEUMONIA",
            "result": prediction_to_json(prediction()), "error": None, "heatmap": None,
            "heatmap_rows": None,
        }  # fmt: skip
        administration.store.add([row])
    administration.film_store.keep(ids[0], b"the film")
    administration.store.close()

    def left() -> list[str]:
        opened = open_administration(ServeSettings(folder=state))
        rows = [row.id[0] for owner in ("ann", "bob") for row in opened.store.history(owner, 9)]
        films = [f"{id_[0]}.film" for id_ in opened.film_store.ids()]
        opened.store.close()
        return sorted(rows + films)

    assert left() == ["a", "a.film", "b", "c"]
    return left


def test_an_export_has_results_films_and_lines_of_every_user(
    administer: Run, stored: Callable[[], list[str]], tmp_path: Path
) -> None:
    out = tmp_path / "held.zip"
    shown = good(administer("patient", "export", " PAT-1 ", "--out", str(out)))
    assert shown == f"{out}: 2 predictions, 1 film, 1 line\n"
    with zipfile.ZipFile(out) as pack:
        assert set(pack.namelist()) == {
            "README.txt", "predictions.json", "audit-log.jsonl", f"films/{'a' * 32}",
        }  # fmt: skip
        assert pack.read(f"films/{'a' * 32}") == b"the film"
        records = json.loads(pack.read("predictions.json"))
        (line,) = pack.read("audit-log.jsonl").decode().splitlines()
    assert [record["owner"] for record in records] == ["ann", "bob"]
    assert {record["film"]["name"] for record in records} == {"Doe.png"}
    assert json.loads(line)["what"] == "patient export"
    assert stored() == ["a", "a.film", "b", "c"]  # nothing is deleted


def test_an_export_that_does_not_fit_leaves_the_older_file(
    administer: Run,
    stored: Callable[[], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "held.zip").write_bytes(b"older")
    with monkeypatch.context() as patch:
        patch.setattr("pneumoscope.files.os.fsync", full)
        result = administer("patient", "export", "PAT-1", "--out", str(folder / "held.zip"))
    assert isinstance(result.exception, OSError)
    assert [path.name for path in folder.iterdir()] == ["held.zip"]
    assert (folder / "held.zip").read_bytes() == b"older"


def test_erasing_leaves_other_patients_and_says_what_went(
    administer: Run, stored: Callable[[], list[str]]
) -> None:
    erased = json.loads(good(administer("patient", "erase", "-", "--json", stdin="PAT-1\nPAT-2\n")))
    assert erased == {"predictions": 2, "films": 1, "lines": 0}
    assert stored() == ["c"]
    assert good(administer("patient", "erase", "PAT-1")) == "0 predictions and 0 films deleted\n"


@pytest.mark.parametrize(
    "words", [("erase", ""), ("erase", "  "), ("export", "", "--out", "x.zip")]
)
def test_an_empty_key_is_nobody_s(
    administer: Run, stored: Callable[[], list[str]], words: tuple[str, ...]
) -> None:
    error = refused(administer("patient", *words))
    assert "the patient's key is empty" in str(error)
    assert stored() == ["a", "a.film", "b", "c"]


@pytest.mark.parametrize(
    ("days", "left"), [("39", []), ("41", ["a", "a.film", "b", "c"]), ("0", [])]
)
def test_old_results_go_with_their_films(
    administer: Run, stored: Callable[[], list[str]], days: str, left: list[str]
) -> None:
    deleted = good(administer("purge", "--older-than", days))
    assert deleted == f"{0 if left else 3} results deleted\n"
    assert stored() == left


def test_the_age_may_be_that_of_the_server(
    administer: Run, stored: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_RETENTION_DAYS", "30")
    assert json.loads(good(administer("purge", "--json"))) == {"deleted": 3}
    assert stored() == []
