"""``pneumoscope watch``: what it refuses, and what reaches the run."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

for module in ("sqlalchemy", "cryptography", "fsspec", "watchdog"):
    pytest.importorskip(module, reason="needs the [watch] extra")

from command_line import invoke
from pneumoscope.cli.read.watch import default_folder
from pneumoscope.errors import MissingExtra, PneumoscopeError
from pneumoscope.watch import watching
from pneumoscope.watch.watching import Outcome, WatchSettings


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[WatchSettings]:
    """The settings of every run; none reads films, and each says that one failed and one is left."""
    seen: list[WatchSettings] = []

    def run(settings: WatchSettings, *_: Any) -> Outcome:
        seen.append(settings)
        return Outcome(failed=1, left=1)

    monkeypatch.setattr(watching, "watch", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return seen


def call(*words: str | Path) -> Result:
    return invoke("watch", *words)


def test_the_options_reach_the_run(runs: list[WatchSettings], tmp_path: Path) -> None:
    done = call(
        *("in", "s3://bucket/films", "--out", "out", "--object", "sr,fhir", "--fhir-version", "R4"),
        *("--poll", "5", "--settle", "1", "--prevalence", "0.2", "--bundle", "b", "--threads", "2"),
        *("--folder", tmp_path / "queue", "--key", "key"),
    )
    assert done.exit_code == 0
    assert "1 left for the next start" in done.output
    [settings] = runs
    assert settings.sources == ("in", "s3://bucket/films")
    assert (settings.out, settings.folder) == ("out", tmp_path / "queue")
    assert (settings.result_files.overlays, settings.result_files.kinds) == (True, ("sr", "fhir"))
    assert (settings.result_files.fhir_version, settings.reading.prevalence) == ("R4", 0.2)
    assert (settings.poll_s, settings.settle_s, settings.once) == (5.0, 1.0, False)
    assert (settings.bundle, settings.threads, settings.key) == (Path("b"), 2, Path("key"))
    assert settings.database_url == f"sqlite:///{tmp_path / 'queue' / 'watch.sqlite'}"


def test_once_ends_with_an_error_if_a_film_has_no_result(runs: list[WatchSettings]) -> None:
    assert call("in", "--out", "out", "--once", "--explain", "none").exit_code == 1
    assert runs[0].once
    assert not runs[0].result_files.overlays


def test_each_source_and_target_has_its_own_queue(tmp_path: Path) -> None:
    folder = str(tmp_path)
    queue = default_folder([folder], "s3://b/out")
    assert queue == default_folder([f"{folder}/."], "s3://b/out")
    assert queue != default_folder([folder], "s3://b/other")
    assert queue != default_folder([f"{folder}/x"], "s3://b/out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--object", "sx"), "--object sx"),
        (("--object", "fhir", "--fhir-version", "R6"), "FHIR version"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_made(
    runs: list[WatchSettings], tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    done = call("in", "--out", "out", *words)
    assert isinstance(done.exception, PneumoscopeError)
    assert message in done.exception.message
    assert done.exception.hint
    assert (runs, (tmp_path / "state").exists()) == ([], False)


def test_bundle_and_population_exclude_each_other(runs: list[WatchSettings]) -> None:
    done = call("in", "--out", "out", "--bundle", "b", "--population", "children")
    assert done.exit_code == 2
    assert runs == []


def test_a_missing_package_names_the_extra(
    runs: list[WatchSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "watchdog" else find(name)
    )
    done = call("in", "--out", "out")
    assert isinstance(done.exception, MissingExtra)
    assert "watch" in done.exception.hint


def test_a_missing_source_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    done = call(tmp_path / "gone", "--out", tmp_path / "out")
    assert isinstance(done.exception, PneumoscopeError)
    assert "no such folder" in done.exception.message
    assert not (tmp_path / "state").exists()
