"""Ray is not part of the tests' installation: `make scale` installs it and runs these."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TypeVar

import pytest
from pyarrow import parquet

import grey_films
from pneumoscope import runtime
from pneumoscope.batch import ray_engine
from pneumoscope.batch.columns import Row
from pneumoscope.batch.films import Film
from pneumoscope.batch.job import ReadJob
from pneumoscope.batch.listing import Listing
from pneumoscope.batch.places import Folder
from pneumoscope.batch.ray_engine import RayCluster
from pneumoscope.batch.reading import FilmReader
from pneumoscope.batch.run import Engine, Tally, run
from pneumoscope.batch.workers import Workers
from pneumoscope.bundle import Bundle
from pneumoscope.errors import BundleMismatch, MissingExtra, UsageError
from stub_reader import JOB, StubReader

Test = TypeVar("Test", bound=Callable[..., None])


def needs_ray(test: Test) -> Test:
    """Marks a test that starts Ray."""
    for mark in (
        pytest.mark.slow,
        pytest.mark.skipif(
            importlib.util.find_spec("ray") is None, reason="needs the [scale] extra"
        ),
        pytest.mark.filterwarnings("ignore"),  # Ray's own
    ):
        test = mark(test)
    return test


FILMS = 120
CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Whether Ray listens on addresses of the network."""


class OnceKilled(FilmReader):
    """A reader whose process is killed at a film, the first time."""

    def rows(self, films: Sequence[Film]) -> list[Row]:
        for film in films:
            marker = Path(os.fspath(film.source)).parent.parent / "killed"
            if film.name == "060.png" and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().rows(films)


class Deadly(FilmReader):
    """A reader whose process is killed at certain films, each time."""

    def rows(self, films: Sequence[Film]) -> list[Row]:
        if any(film.name in ("007.png", "011.png") for film in films):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().rows(films)


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="needs the [scale] extra")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},  # this module
    )  # fmt: skip
    yield
    ray.shutdown()


@needs_ray
def test_ray_gives_the_rows_of_the_local_engine_also_if_an_actor_is_killed(
    ray_here: None, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for i in range(FILMS):
        data = b"broken" if i % 17 == 0 else grey_films.film(40 + i, 100 + i)
        (folder / f"{i:03}.png").write_bytes(data)
    job = ReadJob.of(runtime.load(tiny_bundle.path), tiny_bundle.path, heatmaps=True)
    listing = Listing(str(folder))

    def table(name: str, engine: Engine) -> list[Row]:
        tally = run(listing, Folder(tmp_path / name), job, engine, shard_rows=50)
        assert tally == Tally(listed=FILMS, skipped=0, written=FILMS, failed=8)
        files = sorted((tmp_path / name).glob("part-*.parquet"))
        rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
        return sorted(rows, key=lambda row: str(row["path"]))

    distributed = table("ray", RayCluster(job, 2, make=OnceKilled))
    assert (tmp_path / "killed").exists()
    assert distributed == table("local", Workers(job, 1, 50))


@needs_ray
def test_a_film_that_kills_its_actor_costs_only_its_own_row(
    ray_here: None,
    tiny_bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:03}.png").write_bytes(grey_films.film(40 + i, 100 + i))
    monkeypatch.chdir(tiny_bundle.path.parent)  # where no actor is
    bundle = Path(tiny_bundle.path.name)
    job = ReadJob.of(runtime.load(bundle), bundle, heatmaps=False)
    engine = RayCluster(job, 2, make=Deadly)
    films = iter([list(Listing(str(folder)).films())])
    rows = [row for rows in engine.results(films) for row in rows]
    assert sorted(row["path"] for row in rows) == [f"{i:03}.png" for i in range(20)]
    errors = {row["path"]: row["error_code"] for row in rows if "error_code" in row}
    assert errors == dict.fromkeys(("007.png", "011.png"), "UnreadableImage")


@needs_ray
def test_an_error_of_an_actor_is_the_error_of_the_batch(
    ray_here: None, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    job = ReadJob.of(runtime.load(tiny_bundle.path), tiny_bundle.path, heatmaps=False)
    job = replace(job, bundles=(("tiny 1", "f" * 64),))
    engine = RayCluster(job, 1)
    with pytest.raises(BundleMismatch, match="another one than tiny 1"):
        list(engine.results(iter([[Film("a", tmp_path)]])))
    assert list(engine.results(iter([]))) == []


@needs_ray
def test_a_cluster_that_does_not_exist(tiny_bundle: Bundle) -> None:
    ray = pytest.importorskip("ray", reason="needs the [scale] extra")
    ray.shutdown()
    with pytest.raises(UsageError, match="no Ray cluster at auto") as missing:
        RayCluster(JOB, 1, "auto")
    assert "--ray-address" in missing.value.hint


@pytest.mark.parametrize("address", [None, "auto"])
def test_what_ray_starts_here_keeps_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    ray = ModuleType("ray")
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.data", ModuleType("ray.data"))
    for name in ("RAY_USAGE_STATS_ENABLED", CLUSTER, "http_proxy", "HTTP_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    started: list[dict[str, str]] = []

    def start(*_: object, **__: object) -> None:
        started.append(dict(os.environ))

    services = SimpleNamespace(start_api_server=start)

    def init(**_: object) -> None:
        started.append(dict(os.environ))  # what every process of Ray but the API server gets
        services.start_api_server()

    ray.__dict__.update(
        is_initialized=lambda: False, init=init, _private=SimpleNamespace(services=services)
    )
    RayCluster(JOB, 1, address)
    usual, of_api_server = started
    assert usual["RAY_USAGE_STATS_ENABLED"] == "0"
    assert usual.get(CLUSTER) == (None if address else "0")
    assert "http_proxy" not in usual
    assert of_api_server.get("http_proxy") == (None if address else "http://127.0.0.1:9")
    assert "http_proxy" not in os.environ
    assert services.start_api_server is start


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match="--engine ray") as missing:
        RayCluster(JOB, 1)
    assert "scale" in missing.value.hint


def test_films_go_to_actors_in_chunks() -> None:
    actor = ray_engine._Actor(JOB, StubReader)
    films = [Film(f"{i}.png", Path(f"{i}.png")) for i in range(3)]
    table = actor(ray_engine.packed(films))
    rows = [ray_engine._row(row) for row in table.to_pylist()]
    assert rows == StubReader(JOB).rows(films)


class Failing(StubReader):
    def __init__(self, job: ReadJob) -> None:
        raise BundleMismatch("stub", "by hand")


def test_an_actor_that_cannot_load_the_bundle_says_why() -> None:
    table = ray_engine._Actor(JOB, Failing)(ray_engine.packed([Film("a", Path("a"))]))
    (row,) = table.to_pylist()
    with pytest.raises(BundleMismatch, match="by hand"):
        ray_engine._row(row)


def test_the_words_of_ray_are_kept() -> None:
    for error, words in ((RuntimeError("one\ntwo\n"), "two"), (OSError(), "OSError")):
        assert str(ray_engine._translated(error)) == f"Ray could not finish the batch: {words}"
