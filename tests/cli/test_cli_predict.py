"""``pneumoscope predict``: what it reads, and which options it refuses."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import run, run_process
from grey_films import zipped
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier, load
from tiny import KINDS_WARNING


def test_one_bad_film_among_many(tiny: tuple[str, Path], film_files: Path) -> None:
    (film_files / "broken.png").write_bytes((film_files / "dark.png").read_bytes()[:60])
    done = run("predict", film_files, film_files / "no.png", *tiny)
    assert done.returncode == 1
    assert done.stdout.count("NOT READ") == 2
    assert "PNEUMONIA" in done.stdout
    assert "NORMAL" in done.stdout
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 2
    results = json.loads(run("predict", "--json", film_files, *tiny).stdout)["results"]
    assert [("error" in r, "label" in r) for r in results] == [
        (False, True), (True, False), (False, True)
    ]  # fmt: skip


def test_films_in_archives(tiny: tuple[str, Path], film_files: Path, tmp_path: Path) -> None:
    films = [(f"ward/{path.name}", path.read_bytes()) for path in sorted(film_files.iterdir())]
    (tmp_path / "a.zip").write_bytes(zipped(*films))
    (tmp_path / "b.zip").write_bytes(zipped(*films)[:-30])
    given = (tmp_path / "a.zip", tmp_path / "b.zip", film_files / "dark.png")
    sheet = tmp_path / "sheet.html"
    done = run("predict", *given, "--json", "--sheet", sheet, *tiny)
    assert done.returncode == 1
    results = json.loads(done.stdout)["results"]
    names = [result["source"].removeprefix(f"{tmp_path}/") for result in results]
    assert names == ["a.zip/ward/bright.png", "a.zip/ward/dark.png", "b.zip", "films/dark.png"]
    labels = [result.get("label") or result["error"]["code"] for result in results]
    assert labels == ["PNEUMONIA", "NORMAL", "BrokenArchive", "NORMAL"]
    page = sheet.read_text()
    table = run("predict", *given, *tiny).stdout
    rows = run("predict", *given, "--csv", *tiny).stdout
    for name in names:
        assert f"{tmp_path}/{name}" in rows
        assert name in table
        assert name in page
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 1


def test_stdin_and_globs(tiny: tuple[str, Path], film_files: Path) -> None:
    film = (film_files / "bright.png").read_bytes()
    (film_record,) = json.loads(run_process("predict", "-", "--json", *tiny, stdin=film).stdout)[
        "results"
    ]
    assert (film_record["label"], film_record["source"]) == ("PNEUMONIA", "<stdin>")
    records = json.loads(run("predict", film_files / "*.png", "--json", *tiny).stdout)["results"]
    assert [Path(r["source"]).name for r in records] == ["bright.png", "dark.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--operating-point", "scren"], 1, "Choose one of: balanced, screen"),
        (["--bundle", "nowhere"], 1, "no such folder"),
        (["--threads", "0"], 2, "threads"),
        (["--json", "--csv"], 2, "exclude each other"),
        (["--heatmap", "x"], 2, "--heatmaps"),
        (["--sheet", "."], 1, "is a folder"),
        (["--heatmaps", str(Path(__file__))], 1, "is not a folder"),
        (["--heatmaps", "/proc/none"], 1, "error:"),
    ],
)
def test_bad_options(
    tiny: tuple[str, Path], film_files: Path, arguments: list[str], code: int, message: str
) -> None:
    bundle = () if "--bundle" in arguments else tiny
    done = run("predict", film_files, *arguments, *bundle)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""


def test_an_empty_folder_is_an_error(tiny: tuple[str, Path], tmp_path: Path) -> None:
    done = run_process("predict", tmp_path, *tiny)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no films found" in done.stderr


def test_a_damaged_bundle_is_refused(tiny_bundle: Bundle, film_files: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))
    (copy / "model.onnx").write_bytes(b"x")
    done = run("predict", film_files, "--bundle", copy)
    assert done.returncode == 1
    assert "does not match the hash" in done.stderr


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "an empty path"), ("sampels/*.png", "no film matches this pattern")],
)
def test_paths_that_name_nothing(tiny: tuple[str, Path], path: str, message: str) -> None:
    done = run("predict", path, *tiny)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_name_that_is_no_text(tiny: tuple[str, Path], film_files: Path, tmp_path: Path) -> None:
    odd = os.fsencode(film_files) + b"/odd\xff.png"
    Path(os.fsdecode(odd)).write_bytes((film_files / "dark.png").read_bytes())
    done = run("predict", film_files, "--sheet", tmp_path / "s.html", *tiny)
    assert done.returncode == 0
    assert done.stdout.count("\tNORMAL\t") == 2


@pytest.mark.slow
def test_every_film_at_full_size_in_one_call(films_dir: Path) -> None:
    done = run("predict", "--json", films_dir / "full_size")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert len(results) == 29
    assert np.isfinite([r["p_positive"] for r in results]).all()


class Server:
    """In place of a client: a server of the tiny bundle, which reads films in this process."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.calls: list[Any] = []

    def __call__(self, url: str) -> Server:
        self.calls.append(url)
        return self

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("closed")

    def model(self, bundle: str | None) -> dict[str, Any]:
        self.calls.append(bundle)
        return {
            "bundle_sha256": self.classifier.bundle.sha256,
            "labels": ["normal", "bacterial", "viral"],
            "kinds_warning": KINDS_WARNING,
        }

    def predict_many(
        self, sources: list[Path], settings: Settings, *, bundle: str | None
    ) -> Iterator[tuple[Outcome, Any]]:
        self.calls.append((settings, bundle))
        for outcome in self.classifier.with_settings(settings).predict_many(sources):
            yield outcome, outcome.prediction and outcome.source

    def rendering(self, record: Any, name: str) -> bytes:
        return f"{name} of {Path(record).name}".encode()


@pytest.fixture
def server(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server(load(tiny_bundle, threads=1))
    monkeypatch.setattr("pneumoscope.client.Client", server)
    monkeypatch.setattr("pneumoscope.cli.read.predict.require", lambda *_: None)
    return server


def test_a_server_prints_what_this_machine_prints(
    server: Server, tiny: tuple[str, Path], film_files: Path
) -> None:
    (film_files / "text.png").write_bytes(b"no film")
    for output in ((), ("--csv",)):
        on_machine = run("predict", film_files, *output, *tiny)
        on_server = run("predict", film_files, *output, "--server", "http://ward:8000")
        assert on_server.returncode == on_machine.returncode == 1  # of the file that is no film
        assert (on_server.stdout, on_server.stderr) == (on_machine.stdout, on_machine.stderr)
    assert server.calls[:3] == ["http://ward:8000", None, (Settings(), None)]
    assert server.calls[3] == "closed"


def test_settings_and_a_bundle_of_the_server_by_name(
    server: Server, film_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_SERVER", "http://ward:8000")
    done = run(
        "predict", film_files / "dark.png", "--operating-point", "screen", "--force",
        "--prevalence", 0.2, "--bundle", "second", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    settings = Settings("screen", prevalence=0.2, force=True)
    assert server.calls == ["http://ward:8000", "second", (settings, "second"), "closed"]


def test_heatmaps_are_fetched_from_the_server(
    server: Server, film_files: Path, tmp_path: Path
) -> None:
    (film_files / "none.png").write_bytes(b"no film")
    done = run(
        "predict", film_files, film_files / "dark.png", "--heatmaps", tmp_path / "maps",
        "--server", "http://ward:8000", "--json",
    )  # fmt: skip
    files = {path.name: path.read_text() for path in (tmp_path / "maps").iterdir()}
    assert files == {
        "bright.png.heatmap.png": "overlay.png of bright.png",
        "dark.png.heatmap.png": "overlay.png of dark.png",
        "dark.png-2.heatmap.png": "overlay.png of dark.png",
    }
    named = [record.get("heatmap_file") for record in json.loads(done.stdout)["results"]]
    maps = tmp_path / "maps"
    assert named == [
        str(maps / "bright.png.heatmap.png"), str(maps / "dark.png.heatmap.png"), None,
        str(maps / "dark.png-2.heatmap.png"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [("--sheet", "s.html"), ("--occlusion", "maps"), ("--profile", "p.json"), ("--threads", "2")],
)
def test_what_a_server_does_not_do(
    server: Server,
    film_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("predict", film_files, "--server", "http://ward:8000", *options)
    assert (done.returncode, done.stdout, server.calls) == (2, "", [])
    assert f"--server and {options[0]} exclude each other" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["films"]


@pytest.mark.parametrize(
    "address", ["ward:8000", "ftp://ward", "http://127.0.0.1:1", "http://[broken"]
)
def test_a_server_that_is_not_there(film_files: Path, address: str) -> None:
    pytest.importorskip("httpx", reason="needs the [serve] extra")
    done = run("predict", film_files, "--server", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {address}: no " in done.stderr
    assert "hint: " in done.stderr


def test_an_interrupted_reading_shows_what_is_finished_and_leaves_no_half_file(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(outcomes: Iterator[Outcome], _total: int) -> Iterator[Outcome]:
        yield next(outcomes)
        raise KeyboardInterrupt

    monkeypatch.setattr("pneumoscope.cli.progress.over_films", interrupted)
    maps, sheet = tmp_path / "maps", tmp_path / "s.html"
    done = run("predict", film_files, "--heatmaps", maps, "--sheet", sheet, *tiny)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "bright.png" in done.stdout
    assert "dark.png" not in done.stdout
    assert [path.name for path in maps.iterdir()] == ["bright.png.heatmap.png"]
    assert not sheet.exists()


def test_without_stdin_a_dash_names_nothing(
    tiny: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope.cli.read.predict import _sources

    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="there is no stdin to read"):
        list(_sources(["-"]))


def test_an_empty_film_on_stdin(tiny: tuple[str, Path]) -> None:
    done = run("predict", "-", "--csv", *tiny, stdin=b"")
    assert done.returncode == 1
    assert ": empty (0 bytes)" in done.stderr
    assert "EmptySource" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--error", "0"), "error"),
        (("--error", "1"), "error"),
        (("--error", "0.01"), "error"),  # the tiny bundle has no scores
        (("--prevalence", "1.5"), "prevalence"),
        (("--profile", "none.json"), "site profile none.json: no such file"),
        (("--explain", "deep"), "Choose one of: none, fast, checked."),
    ],
)
def test_settings_that_the_bundle_cannot_serve(
    tiny: tuple[str, Path], film_files: Path, options: tuple[str, ...], words: str
) -> None:
    done = run("predict", film_files, *options, *tiny)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "hint: " in done.stderr


def test_a_reason_of_the_gate_is_told_once() -> None:
    film = Path(__file__).parents[2] / "samples" / "pneumonia-3.dcm"
    done = run("predict", film, "--population", "adults")
    assert done.returncode == 0
    assert "UNDETERMINED" in done.stdout
    assert done.stdout.count("patient age 4 years is outside") == 1
    assert "not clear" not in done.stdout
