from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow import parquet

from command_line import Done, run
from documented_output import undocumented
from grey_films import BRIGHT, DARK
from pneumoscope.batch import reading, workers
from pneumoscope.batch.listing import Listing
from pneumoscope.batch.reading import FilmReader
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.errors import UsageError
from pneumoscope.images.decoders import Decoder
from tiny import scored_meta, tiny_files


class InThisProcess:
    """In the place of worker processes."""

    def __init__(self, job: Any, count: int, shard_rows: int) -> None:
        self.chunk_films = self.capacity = 1
        self._job = job

    def results(self, chunks: Any) -> Any:
        reader = FilmReader(self._job)
        try:
            for films in chunks:
                yield reader.rows(films)
        finally:
            reader.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class AtOnce(threading.Thread):
    def start(self) -> None:
        self.run()


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """One for all batches in this process: to start one takes longer than a batch."""
    decoder = Decoder(reading._DECODE_S, reading._DECODE_BYTES)
    yield decoder
    decoder.stop()


@pytest.fixture
def here(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "Workers", InThisProcess)
    shared = SimpleNamespace(decode=decoder.decode, stop=lambda: None)
    monkeypatch.setattr(reading, "Decoder", lambda *_: shared)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    for name, data in (("a.png", BRIGHT[1]), ("ward/b.png", DARK[1]), ("c.png", b"broken")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def batch(bundle: Bundle, films: Path, *options: object) -> Done:
    out = films.parent / "out"
    return run("batch", films, "--out", out, "--bundle", bundle.path, *options)


@pytest.mark.slow
def test_films_become_rows_and_a_page(tiny_bundle: Bundle, films: Path) -> None:
    done = batch(tiny_bundle, films, "--workers", 1, "--heatmaps")
    assert done.returncode == 1  # a film could not be read
    assert done.stderr == ""
    assert "3 rows written, 0 films had theirs before" in done.stdout
    assert "not read: UnknownFormat (1)" in done.stdout
    out = films.parent / "out"
    rows = parquet.read_table(out / "part-000001.parquet").to_pylist()
    verdicts = {row["path"]: row["label"] for row in rows}
    assert verdicts == {"a.png": "PNEUMONIA", "c.png": None, "ward/b.png": "NORMAL"}
    assert all(row["heatmap"] for row in rows if row["label"])
    page = (out / "summary.html").read_text()
    assert page.startswith("<!doctype html>")
    assert all(word in page for word in ("PNEUMONIA", "UnknownFormat", "Scores of tiny 1"))


@pytest.mark.slow
def test_a_second_run_reads_only_what_is_new(
    here: None, tiny_bundle: Bundle, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch(tiny_bundle, films)
    (films / "d.png").write_bytes(DARK[1])
    (films / "c.png").unlink()
    record = json.loads(batch(tiny_bundle, films, "--json").stdout)
    assert undocumented("batch", record) == []
    assert record["run"] == {
        "listed": 3,
        "skipped": 2,
        "written": 1,
        "failed": 0,
        "stopped": False,
    }
    assert record["labels"] == {"NORMAL": 2, "PNEUMONIA": 1}
    assert (record["films"], record["errors"]) == (4, {"UnknownFormat": 1})
    written = json.loads((films.parent / "out" / "summary.json").read_text())
    assert written == record
    other = batch(tiny_bundle, films, "--force")
    assert "holds results with other settings (force: False)" in other.stderr


def test_nothing_is_written_beside_the_films(tiny_bundle: Bundle, films: Path) -> None:
    before = sorted(films.rglob("*"))
    done = run("batch", films, "--out", films, "--bundle", tiny_bundle.path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {films}: holds the films" in done.stderr
    assert sorted(films.rglob("*")) == before


def test_too_many_errors(here: None, tiny_bundle: Bundle, films: Path) -> None:
    (films / "0.png").write_bytes(b"broken")
    done = batch(tiny_bundle, films, "--limit-errors", 0, "--json")
    assert done.returncode == 1
    assert "error: stopped, because 1 film could not be read" in done.stderr
    assert json.loads(done.stdout)["run"]["stopped"]


def test_films_are_compared_with_the_bundle(here: None, films: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "scored", scored_meta(), tiny_files(tmp_path / "parts"))
    (films / "c.png").unlink()
    done = batch(bundle, films, "--json")
    assert done.returncode == 0
    (drift,) = json.loads(done.stdout)["drift"]
    assert (drift["reference"], drift["films"], drift["alarm"]) == ("tiny 1", 2, False)
    assert [channel["name"] for channel in drift["channels"]] == ["log odds"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "spark"), "--engine spark: one of local, ray"),
        (("--ray-address", "auto"), "--ray-address needs --engine ray"),
        (("--explain", "none", "--heatmaps"), "--heatmaps and --explain none exclude each other"),
        (("--population", "adults"), "--bundle and --population exclude each other"),
    ],
)
def test_wrong_usage(
    tiny_bundle: Bundle, films: Path, options: tuple[str, ...], message: str
) -> None:
    done = batch(tiny_bundle, films, *options)
    assert (done.returncode, message in done.stderr) == (2, True)


def test_a_source_that_does_not_exist(tiny_bundle: Bundle, tmp_path: Path) -> None:
    done = batch(tiny_bundle, tmp_path / "flims")
    assert done.returncode == 1
    assert "flims: no such file or folder" in done.stderr
    assert "hint: Name a folder or a ZIP archive" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [("pyarrow", (), "batch"), ("ray", ("--engine", "ray"), "scale")],
)
def test_without_the_extra(
    tiny_bundle: Bundle,
    films: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    options: tuple[str, ...],
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    done = batch(tiny_bundle, films, *options)
    assert done.returncode == 1
    assert f"({module}) needs an optional part" in done.stderr
    assert extra in done.stderr


def test_the_bar_shows_the_films_that_are_done(
    here: None, tiny_bundle: Bundle, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope.cli import progress

    shown: list[tuple[int, int | None]] = []

    class Bar:
        def __enter__(self) -> Any:
            return lambda done, total: shown.append((done, total))

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(progress, "progress_bar", lambda _text: Bar())
    batch(tiny_bundle, films)
    assert [done for done, _ in shown] == [1, 2, 3]


def test_an_object_that_a_manifest_names_is_read_again_when_it_was_replaced(
    here: None, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    memory = pytest.importorskip("fsspec", reason="needs fsspec").filesystem("memory")
    names = [f"{tmp_path.name}/{name}.png" for name in ("a", "b")]
    for name in names:
        memory.pipe_file(f"/{name}", BRIGHT[1])
    manifest = tmp_path / "films.csv"
    manifest.write_text("path\n" + "".join(f"memory://{name}\n" for name in names))
    done = batch(tiny_bundle, manifest, "--json")
    assert json.loads(done.stdout)["labels"] == {"PNEUMONIA": 2}, done.stderr
    memory.pipe_file(f"/{names[0]}", DARK[1])
    record = json.loads(batch(tiny_bundle, manifest, "--json").stdout)
    assert record["labels"] == {"NORMAL": 1, "PNEUMONIA": 1}
    assert (record["run"]["skipped"], record["run"]["written"]) == (1, 1)


@pytest.mark.parametrize(("remote", "counts"), [(True, 0), (False, 1)])
def test_a_bucket_is_not_listed_a_second_time_to_count_its_films(
    films: Path, monkeypatch: pytest.MonkeyPatch, remote: bool, counts: int
) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec")
    from pneumoscope.cli.read import batch as command

    listed: list[Listing] = []
    monkeypatch.setattr(Listing, "films", lambda self: listed.append(self) or iter(()))

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(command, "threading", SimpleNamespace(Thread=AtOnce))
    with command._progress(Listing("memory://films" if remote else str(films))):
        assert len(listed) == counts


def test_a_listing_that_fails_while_it_is_counted_says_nothing(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch itself tells it, once."""
    from pneumoscope.cli.read import batch as command

    def broken(_listing: Listing) -> None:
        raise UsageError("m.parquet: is not Parquet")

    monkeypatch.setattr(Listing, "films", broken)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(command, "threading", SimpleNamespace(Thread=AtOnce))
    with command._progress(Listing(str(films))):
        pass
