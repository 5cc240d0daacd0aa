"""``pneumoscope queue`` on the queues of `watch`, of a node and of a server."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

for module in ("sqlalchemy", "cryptography", "fsspec", "argon2", "fastapi"):
    pytest.importorskip(module, reason="needs the [watch] and [serve] extras")

from administering import Run, good, refused
from command_line import invoke
from grey_films import BRIGHT, DARK
from pneumoscope import runtime
from pneumoscope.bundle import Bundle
from pneumoscope.errors import EmptySource, PneumoscopeError, ServerFault
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.received import ReceivedFiles, entry
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import PENDING
from pneumoscope.records import Outcome, Settings
from queue_parts import KEYS, Parts

REQUEST = JobRequest(owner="watch", settings=Settings(), destinations=("output",))


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Bundle) -> Path:
    """A queue: ``bright.png`` is done and given up, ``dark.png`` waits, ``empty.png`` failed."""
    folder = tmp_path_factory.mktemp("queue")
    parts = Parts(folder, keep_films=True)
    parts.jobs.accept(REQUEST, [UploadedFile(*BRIGHT)])
    prediction = runtime.load(tiny_bundle).predict(BRIGHT[1])
    parts.read(Outcome("film", 0, prediction=prediction))
    [row] = parts.store.history("watch", 9)
    Deliveries(parts.store).record_failure(row.id, "output", ServerFault(), None)
    parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    failed = UploadedFile("empty.png", b"", EmptySource("film"))
    parts.jobs.accept(REQUEST, [failed], also=lambda job: entry("place", "1", job))
    parts.store.close()
    return folder


@pytest.fixture
def folder(queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the queue, and its key in the environment."""
    secret = base64.b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_SECRET", secret)
    return Path(shutil.copytree(queue, tmp_path, dirs_exist_ok=True))


def call(folder: Path, *words: str) -> Result:
    return invoke("queue", *words, "--folder", folder)


def listed(folder: Path, *words: str) -> dict[str, dict[str, Any]]:
    """Films by name."""
    films = json.loads(good(call(folder, "list", "--json", *words)))
    return {film["name"]: film for film in films}


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("unfinished", {"bright.png", "dark.png", "empty.png"}),
        ("queued", {"dark.png"}),
        ("failed", {"empty.png"}),
        ("done", {"bright.png"}),
        ("undelivered", {"bright.png"}),
        ("running", set()),
        ("all", {"bright.png", "dark.png", "empty.png"}),
    ],
)
def test_films_are_listed_by_state(folder: Path, state: str, names: set[str]) -> None:
    assert listed(folder, "--state", state).keys() == names


def test_the_table_says_what_is_wrong(folder: Path) -> None:
    lines = good(call(folder, "list")).splitlines()
    assert len(lines) == 4
    assert "output given up" in next(line for line in lines if "bright.png" in line)
    assert "empty (0 bytes)" in next(line for line in lines if "empty.png" in line)


def test_an_empty_list_says_where_the_other_films_are(folder: Path) -> None:
    result = call(folder, "list", "--state", "running")
    assert (good(result), result.stderr) == (
        "",
        "no film has the state running; --state all shows every film\n",
    )
    for film in listed(folder).values():
        good(call(folder, "drop", film["id"]))
    assert (
        call(folder, "list").stderr
        == "no film has the state unfinished; --state all shows every film\n"
    )
    assert call(folder, "list", "--state", "all").stderr == "the queue has no film\n"


def test_one_film_is_shown_with_result_and_deliveries(folder: Path) -> None:
    id_ = listed(folder)["bright.png"]["id"]
    shown = json.loads(good(call(folder, "show", id_[:8])))
    assert (shown["id"], shown["name"], shown["state"]) == (id_, "bright.png", "done")
    assert shown["result"]["label"] == "PNEUMONIA"
    [delivery] = shown["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("given up", 1)
    assert delivery["error"]["code"] == "ServerFault"
    assert listed(folder)["empty.png"]["deliveries"] == []


def test_results_that_were_given_up_are_delivered_again(folder: Path) -> None:
    id_ = listed(folder)["bright.png"]["id"]
    assert "delivered again" in good(call(folder, "retry", id_))
    [delivery] = listed(folder)["bright.png"]["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == (PENDING, 0)
    store = Store(f"sqlite:///{folder / 'x.sqlite'}")
    assert [film.id for _, film in Deliveries(store).due(9)] == [id_]
    store.close()


def test_a_failed_film_of_a_watched_place_is_asked_for_again(folder: Path) -> None:
    id_ = listed(folder)["empty.png"]["id"]
    assert "when its source is listed" in good(call(folder, "retry", id_))
    store = Store(f"sqlite:///{folder / 'x.sqlite'}")
    assert ReceivedFiles(store).again() == {"place"}
    store.close()


def test_a_failed_film_that_is_kept_is_read_after_the_next_start(folder: Path) -> None:
    id_ = listed(folder)["dark.png"]["id"]
    store = Store(f"sqlite:///{folder / 'x.sqlite'}")
    store.change([{"id": id_, "state": "failed", "error": ServerFault().as_dict()}])
    store.close()
    assert "after the next start" in good(call(folder, "retry", id_))
    assert listed(folder)["dark.png"]["state"] == "queued"
    assert listed(folder)["dark.png"]["error"] is None


def test_commands_on_the_queue_of_a_node_leave_lines(folder: Path) -> None:
    pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")
    (folder / "x.sqlite").rename(folder / "node.sqlite")
    films = {name: film["id"] for name, film in listed(folder).items()}
    store = Store(f"sqlite:///{folder / 'node.sqlite'}")
    store.change([{"id": films["dark.png"], "state": "failed", "error": ServerFault().as_dict()}])
    store.close()
    assert "if the node runs" in good(call(folder, "retry", films["dark.png"]))
    good(call(folder, "redirect", "output", "archive"))
    good(call(folder, "drop", films["bright.png"]))
    exported = invoke("audit-log", "export", "--folder", folder)
    lines = [json.loads(line) for line in good(exported).splitlines()]
    assert [(line["what"], line["objects"], line["who"]["via"]) for line in lines] == [
        ("queue retry", [films["dark.png"]], "command"),
        ("queue redirect", [], "command"),
        ("queue drop", [films["bright.png"]], "command"),
    ]
    (folder / "audit-log.jsonl").write_text("")
    damaged = invoke("audit-log", "verify", "--folder", folder)
    assert damaged.exit_code == 1


def test_a_refused_command_also_closes_a_node(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")
    from pneumoscope.cli.administration.node import NodeData

    (folder / "x.sqlite").rename(folder / "node.sqlite")
    closed: list[Path] = []
    close = NodeData.close
    monkeypatch.setattr(NodeData, "close", lambda node: (closed.append(node.folder), close(node)))
    refused(call(folder, "redirect", "nowhere", "archive"))
    assert closed == [folder]


def test_what_cannot_be_tried_again_says_why(folder: Path) -> None:
    films = listed(folder)
    assert call(folder, "retry", films["dark.png"]["id"]).exit_code == 1  # waits
    store = Store(f"sqlite:///{folder / 'x.sqlite'}")
    Deliveries(store).record_success(films["bright.png"]["id"], "output")
    store.change([{"id": films["dark.png"]["id"], "state": "failed"}])
    store.close()
    (folder / "films" / films["dark.png"]["id"]).unlink()
    done = call(folder, "retry", films["bright.png"]["id"], films["dark.png"]["id"], "abcd", "x")
    assert done.exit_code == 1
    for words in ("no result was given up", "no longer here", "no such film", "no id of a film"):
        assert words in done.stderr


def test_dropped_films_are_gone(folder: Path) -> None:
    films = listed(folder)
    good(call(folder, "drop", films["dark.png"]["id"], films["bright.png"]["id"]))
    assert listed(folder, "--state", "all").keys() == {"empty.png"}
    assert not (folder / "films" / films["dark.png"]["id"]).exists()


def test_results_are_exported(folder: Path, tmp_path: Path) -> None:
    records = json.loads(good(call(folder, "export")))["results"]
    assert {record["source"] for record in records} == {"bright.png", "dark.png", "empty.png"}
    lines = good(call(folder, "export", "--format", "csv", "--state", "done")).splitlines()
    assert lines[0].startswith("id,created,source,label")
    assert ",bright.png,PNEUMONIA," in lines[1]
    out = tmp_path / "worklist.json"
    good(call(folder, "export", "--format", "worklist", "--out", str(out)))
    films = json.loads(out.read_text())["films"]
    assert [film["name"] for film in films] == ["bright.png", "dark.png", "empty.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("list", "--state", "faild"), "--state faild: is unknown"),
        (("export", "--format", "xml"), "--format xml: is unknown"),
        (("show", "abcdef"), "no such film"),
        (("show", "ab"), "no id"),
    ],
)
def test_wrong_words_are_refused(folder: Path, words: tuple[str, ...], message: str) -> None:
    assert message in refused(call(folder, *words)).message


def test_a_folder_without_a_queue_or_with_several_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "contains no queue" in refused(call(tmp_path / "gone", "list")).message
    (folder / "y.sqlite").write_bytes((folder / "x.sqlite").read_bytes())
    assert "several databases" in refused(call(folder, "list")).message


def test_another_key_shows_no_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_SECRET", base64.b64encode(bytes(32)).decode())
    assert listed(folder).keys() == {"film"}


def test_a_damaged_database_is_an_error_with_a_hint(folder: Path) -> None:
    (folder / "x.sqlite").write_bytes(b"no database" * 1000)
    assert isinstance(call(folder, "list").exception, PneumoscopeError)


def test_on_a_server_every_action_leaves_a_line(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "list"))  # makes the database
    state = tmp_path / "state"
    store = Store(f"sqlite:///{state / 'reading-room.sqlite'}")
    parts = Parts(tmp_path, url=str(store.engine.url))
    job = parts.jobs.accept(REQUEST, [UploadedFile(*BRIGHT)])
    [row] = store.of_job("watch", job)
    assert KEYS
    store.close()
    parts.store.close()
    good(administer("queue", "show", row.id))
    good(administer("queue", "drop", row.id))
    log = (state / "audit-log.jsonl").read_text()
    assert '"queue show"' in log
    assert '"queue drop"' in log
    assert json.loads(good(administer("queue", "list", "--json", "--state", "all"))) == []


def test_results_go_to_another_destination(folder: Path) -> None:
    done = good(call(folder, "redirect", "output", "archive"))
    assert done == "2 results to be delivered to archive\n"
    films = listed(folder, "--state", "all")
    assert [each["destination"] for each in films["bright.png"]["deliveries"]] == ["archive"]
    assert films["bright.png"]["deliveries"][0]["state"] == "pending"
    error = refused(call(folder, "redirect", "output", "archive"))
    assert error.message == "no result waits for output"
    assert error.hint == "Results wait for: archive."
    assert json.loads(good(call(folder, "redirect", "archive", "--drop", "--json"))) == {
        "destination": None,
        "results": 2,
    }
    assert listed(folder, "--state", "undelivered") == {}
    assert listed(folder, "--state", "all").keys() == films.keys()


@pytest.mark.parametrize(
    "words", [("output",), ("output", "archive", "--drop"), ("output", "output")]
)
def test_a_redirection_needs_one_goal(folder: Path, words: tuple[str, ...]) -> None:
    refused(call(folder, "redirect", *words))
    assert listed(folder)["bright.png"]["deliveries"][0]["destination"] == "output"
