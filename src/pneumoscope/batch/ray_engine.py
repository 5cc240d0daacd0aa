"""The engine of a cluster: Ray Data reads the films in a pool of actors.

Ray distributes the films, keeps no more results than the driver takes (back-pressure), and starts an actor
again that dies. The driver writes the shards, which are the checkpoint: a batch whose driver ended goes on
where its last shard ends. Ray repeats what a dead actor was working on without a limit, so the attempts
are counted in an actor that reads nothing: a film that kills its actors becomes a row with an error.
"""

from __future__ import annotations

import logging
import os
import pickle
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pneumoscope.batch.attempts import AttemptCounts, rows_of
from pneumoscope.batch.columns import SHA256, schema
from pneumoscope.batch.reading import UNCHANGED, FilmReader
from pneumoscope.batch.sent_files import SentFiles
from pneumoscope.errors import MissingExtra, PneumoscopeError, UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from pneumoscope.batch.attempts import Attempts
    from pneumoscope.batch.columns import Row
    from pneumoscope.batch.films import Film
    from pneumoscope.batch.job import ReadJob

CHUNK_FILMS = 16
"""Films that an actor reads at once, in one run of the network."""
_BLOCK_FILMS = 512
"""Films of a block, the unit that Ray passes between machines."""
_NO_PROXY = "http://127.0.0.1:9"
"""Nothing listens there: port 9 is that of RFC 863, which discards what it gets."""
_FILM, _ERROR = "film", "batch_error"


class RayCluster:
    """Actors on a Ray cluster that make rows of films.

    Attributes:
        chunk_films: Films in a block.
        capacity: 0: how many are in work is up to Ray.
    """

    def __init__(
        self,
        job: ReadJob,
        workers: int,
        address: str | None = None,
        make: Callable[[ReadJob], FilmReader] = FilmReader,
    ) -> None:
        """Connects to the cluster.

        Args:
            job: How films are read; a bundle or a profile that is not part of the package is sent to
                the actors.
            workers: Actors.
            address: Of the cluster, such as ``"auto"`` or ``"ray://head:10001"``; None to start Ray here.
            make: Makes the reader in an actor.

        Raises:
            MissingExtra: Ray is not installed.
            UsageError: There is no cluster at the address.
        """
        self.chunk_films, self.capacity = _BLOCK_FILMS, 0
        self._job, self._workers, self._make = job, workers, make
        # Ray sends statistics of its use to its makers unless told not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        if address is None:
            # Otherwise its processes listen on the address that other machines reach, also on Linux.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        try:
            import ray
            import ray.data
        except ImportError:
            raise MissingExtra("--engine ray (ray)", "scale") from None
        self._ray: Any = ray
        self._is_ours = not ray.is_initialized()
        if not self._is_ours:
            return
        options: dict[str, Any] = {"num_cpus": workers} if address is None else {}
        try:
            with nullcontext() if address else _api_server_asks_nobody(ray._private.services):
                ray.init(
                    address=address or "local", include_dashboard=False if address is None else None,
                    log_to_driver=False, logging_level=logging.ERROR, **options,
                )  # fmt: skip
        except Exception as error:  # Ray raises many classes
            raise UsageError(
                f"no Ray cluster at {address or 'this machine'} ({cause(error)})",
                "Check --ray-address; `ray status` shows whether the cluster runs.",
            ) from error

    def results(self, chunks: Iterator[list[Film]]) -> Generator[list[Row], None, None]:
        """The rows of all films, in any order.

        Args:
            chunks: Films; all are listed before the first is read.

        Raises:
            PneumoscopeError: An actor cannot load the bundle.
        """
        ray = self._ray
        context = ray.data.DataContext.get_current()
        logging.getLogger("ray").setLevel(logging.ERROR)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context.enable_progress_bars = False
        context.execution_options.preserve_order = False
        blocks = [ray.put(packed(films)) for films in chunks]
        if not blocks:
            return
        counts = ray.remote(AttemptCounts).options(num_cpus=0, max_restarts=-1, max_task_retries=-1)
        arguments = (self._job, self._make, SentFiles.of(self._job), _RayAttempts(counts.remote()))
        rows = ray.data.from_arrow_refs(blocks).map_batches(
            _Actor,
            fn_constructor_args=arguments,
            batch_size=CHUNK_FILMS,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self._workers),
            num_cpus=1,
        )
        try:
            for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
                yield [_row(row) for row in table.to_pylist()]
        except ray.exceptions.RayError as error:
            raise _translated(error) from error
        finally:
            if self._is_ours:
                ray.shutdown()


@contextmanager
def _api_server_asks_nobody(services: Any) -> Iterator[None]:
    """Ray's API server, and no other of its processes, starts with a web proxy that does not exist.

    Otherwise it asks name servers and 169.254.169.254 in which cloud it runs, also if its statistics are off.

    Args:
        services: Ray's module that starts its processes.
    """
    start = services.start_api_server

    def start_without_web(*arguments: Any, **options: Any) -> Any:
        before = dict(os.environ)
        os.environ.update(
            http_proxy=_NO_PROXY, HTTP_PROXY=_NO_PROXY, no_proxy="127.0.0.1,localhost"
        )
        try:
            return start(*arguments, **options)
        finally:
            os.environ.clear()
            os.environ.update(before)

    services.start_api_server = start_without_web
    try:
        yield
    finally:
        services.start_api_server = start


def packed(films: Sequence[Film]) -> Any:
    """Films as an Arrow table, for an actor."""
    import pyarrow as pa

    return pa.table({_FILM: [pickle.dumps(film) for film in films]})


class _Actor:
    """Makes rows of blocks; lives as long as the batch."""

    def __init__(
        self,
        job: ReadJob,
        make: Callable[[ReadJob], FilmReader],
        files: SentFiles | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        import pyarrow as pa

        for_driver = (pa.field(UNCHANGED, pa.bool_()), pa.field(_ERROR, pa.binary()))
        self._schema = pa.schema([*schema(job.columns), *for_driver])
        self._error: PneumoscopeError | None = None
        self._attempts = attempts or AttemptCounts()
        if files is not None:
            self._folder = TemporaryDirectory(prefix="pneumoscope-batch-")
            job = files.written(Path(self._folder.name), job)
        try:
            self._reader = make(job)
        except PneumoscopeError as error:
            self._error = error

    def __call__(self, table: Any) -> Any:
        import pyarrow as pa

        if self._error is not None:  # raised here, Ray would tell of it in words alone
            row = {_ERROR: pickle.dumps(self._error)}
            return pa.Table.from_pylist([row], self._schema)
        # Nothing but this program's own driver has made these bytes.
        films = [pickle.loads(data) for data in table[_FILM].to_pylist()]  # noqa: S301
        rows = rows_of(films, self._reader, self._attempts)
        return pa.Table.from_pylist(rows, self._schema)


class _RayAttempts:
    """`AttemptCounts` in an actor of Ray."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def begin(self, work: str) -> int:
        """See `Attempts.begin`."""
        import ray

        earlier: int = ray.get(self._actor.begin.remote(work))
        return earlier

    def end(self, work: str) -> None:
        """See `Attempts.end`."""
        import ray

        ray.get(self._actor.end.remote(work))


def _row(row: Row) -> Row:
    """A row without its empty columns.

    Raises:
        PneumoscopeError: An actor cannot load the bundle, and gives its error in place of rows.
    """
    if row[_ERROR] is not None:
        error: PneumoscopeError = pickle.loads(row[_ERROR])  # noqa: S301 (from our own actor)
        raise error
    return {key: value for key, value in row.items() if value is not None or key == SHA256}


def _translated(error: BaseException) -> PneumoscopeError:
    """An error of Ray in words."""
    lines = str(error).strip().splitlines()
    return PneumoscopeError(
        f"Ray could not finish the batch: {lines[-1] if lines else type(error).__name__}",
        "Give the same command again: what is in the shards is not read again.",
    )
