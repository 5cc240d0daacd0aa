"""A running node: its parts are made in order, connected, and stopped in the reverse order."""

from __future__ import annotations

import logging
import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope import files
from pneumoscope.errors import ImageError
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.clock import SteadyClock
from pneumoscope.jobs.deliveries import Deliveries, waiting_for_others
from pneumoscope.jobs.kept_films import drop_orphans
from pneumoscope.jobs.pipeline import (
    Pipeline,
    PipelineHooks,
    PipelineSettings,
    open_job_database,
    open_pipeline,
)
from pneumoscope.pacs.audit.node_log import NodeAuditLog, open_node_log
from pneumoscope.pacs.audit.trail import AuditTrail
from pneumoscope.pacs.delivery import DeliveryLoop
from pneumoscope.pacs.destinations.commitment import Commitments
from pneumoscope.pacs.destinations.opening import open_destinations
from pneumoscope.pacs.destinations.result_objects import ObjectMaker, picture_by
from pneumoscope.pacs.figures import FigureReader
from pneumoscope.pacs.film_header import header_of_file
from pneumoscope.pacs.housekeeping import Housekeeping, HousekeepingThread
from pneumoscope.pacs.intake import Intake
from pneumoscope.pacs.metrics import NodeMetrics
from pneumoscope.pacs.pull.polling import Polling
from pneumoscope.pacs.pull.sources import open_sources
from pneumoscope.pacs.receiver_process import ReceiverProcess, ReceiverTask
from pneumoscope.pacs.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pneumoscope.jobs.store import Store
    from pneumoscope.pacs.config import NodeSettings
    from pneumoscope.pacs.destinations.base import Destination
    from pneumoscope.pacs.pull.settings import PullSettings

_log = logging.getLogger(__name__)

_MIB = 2**20
_HELD_BYTES, _DONE_BYTES = 256 * _MIB, 64 * _MIB
"""Memory for films that wait, and for those whose results are about to be delivered."""
_DRAIN_S = 60.0
"""Seconds that films in the queue get when the node stops; the others are read after the next start."""
_LAST_DELIVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a running node.

    Attributes:
        pipeline: Reads films.
        spool: Films that were received and are not accepted yet.
        receiver: The Storage SCP.
        polling: Fetches films.
        intake: Takes films from the spool into the queue.
        delivery: Delivers results.
        destinations: Where results go, by name.
        housekeeping: Deletes what is not needed.
        audit: The audit log.
        trail: Audit messages, or None.
        metrics: For Prometheus.
        metrics_port: TCP port of the metrics, or None.
    """

    pipeline: Pipeline
    spool: Spool
    receiver: ReceiverProcess
    polling: Polling
    intake: Intake
    delivery: DeliveryLoop
    destinations: Mapping[str, Destination]
    housekeeping: HousekeepingThread
    audit: NodeAuditLog
    trail: AuditTrail | None
    metrics: NodeMetrics
    metrics_port: int | None

    def close(self) -> None:
        """Takes no more films, reads those in the queue, ends the deliveries that are made, and stops.

        What does not finish in time is done after the next start.
        """
        self.receiver.stop()
        self.polling.stop()
        self.intake.stop()
        self.housekeeping.stop()
        self.pipeline.queue.drain(_DRAIN_S)
        self.delivery.stop(_LAST_DELIVERY_S)
        if self.trail is not None:
            self.trail.stop()
        self.metrics.stop()
        self.audit.stop()
        self.pipeline.close(0)


def open_node(settings: NodeSettings) -> Node:
    """Makes the parts, and goes on with what an earlier run has left.

    Raises:
        PneumoscopeError: A bundle, the key, the database, a destination or an address cannot be used;
            nothing is left running.
    """
    metrics = NodeMetrics()
    wakers: list[Callable[[], None]] = []
    with ExitStack() as started:
        pipeline, audit = _pipeline(settings, metrics, wakers)
        started.callback(pipeline.close, 0)
        store = pipeline.database.store
        _warn_of_unconfigured(settings, store)
        spool = Spool(settings.spool_folder, settings.disk, [settings.films_folder])
        spool.remove_partial_files()
        housekeeping = _housekeeping(settings, pipeline, audit)
        commitments = Commitments()
        trail = _open_trail(settings, pipeline)
        if trail is not None:
            started.callback(trail.stop)
        destinations = _destinations(settings, pipeline, commitments, trail)
        port = settings.metrics_port
        metrics_port = None if port is None else metrics.serve(port)
        started.callback(metrics.stop)
        delivery = _start_delivery(settings, pipeline, destinations, metrics, audit)
        started.callback(delivery.stop, _LAST_DELIVERY_S)
        wakers.append(delivery.wake)
        names, most = tuple(destinations), settings.study_films
        intake = Intake(pipeline, spool, names, most, metrics.film_taken, audit.accepting)
        started.callback(intake.stop)
        messages = _Messages(metrics, intake, commitments, audit, trail)
        receiver = ReceiverProcess(receiver_task(settings), messages.take)
        started.callback(receiver.stop)
        polling = start_polling(settings, spool, intake.wake, audit, trail)
        started.pop_all()
    audit.note("node started")
    sender = None if trail is None else trail.sender
    figures = FigureReader(spool, store, polling, sender, audit)
    metrics.watch(figures, lambda: receiver.pid is not None, names)
    return Node(
        pipeline=pipeline,
        spool=spool,
        receiver=receiver,
        polling=polling,
        intake=intake,
        delivery=delivery,
        destinations=destinations,
        housekeeping=HousekeepingThread(housekeeping, pipeline.jobs),
        audit=audit,
        trail=trail,
        metrics=metrics,
        metrics_port=metrics_port,
    )


def make_folder(settings: NodeSettings) -> None:
    """Makes the node's folder; only its owner can read it.

    Raises:
        UsageError: It cannot be made or written to.
    """
    files.make_private_folder(
        settings.folder, "Name another folder in the configuration, or let it be written to."
    )


def waiting_text(name: str, count: int) -> str:
    """What to say about results that wait for a destination which is not configured."""
    results = "result waits" if count == 1 else "results wait"
    return f"{count:,} {results} for {name}, which is not in the configuration"


def redirect_hint(settings: NodeSettings, name: str) -> str:
    """What to do about them."""
    command = f"pneumoscope queue redirect {shlex.quote(name)}"
    folder = f"--folder {shlex.quote(str(settings.folder))}"
    return f"`{command} NEW {folder}` sends them elsewhere, `{command} --drop {folder}` nowhere."


def _warn_of_unconfigured(settings: NodeSettings, store: Store) -> None:
    names = [item.name for item in settings.destinations]
    for name, count in sorted(waiting_for_others(store.engine, names).items()):
        _log.warning("%s; %s", waiting_text(name, count), redirect_hint(settings, name))


def receiver_task(settings: NodeSettings) -> ReceiverTask:
    """What the process of the Storage SCP gets."""
    return ReceiverTask(
        receiver=settings.receiver,
        disk=settings.disk,
        spool=settings.spool_folder,
        films=settings.films_folder,
        log=settings.log,
    )


def _pipeline(
    settings: NodeSettings, metrics: NodeMetrics, wakers: list[Callable[[], None]]
) -> tuple[Pipeline, NodeAuditLog]:
    bundles = load_bundles(settings.bundles, settings.profile, settings.threads)
    make_folder(settings)
    database = open_job_database(
        settings.folder, settings.database_url, settings.key_file, outlives_power_cuts=True
    )

    def ran(films: int, seconds: float) -> None:
        """Results have been stored."""
        metrics.batch(films, seconds)
        for wake in wakers:
            wake()

    pipeline_settings = PipelineSettings(
        threads=settings.threads,
        held_bytes=_HELD_BYTES,
        done_bytes=_DONE_BYTES,
        films_folder=settings.films_folder,
        keep_failed=True,
    )
    try:
        log = open_node_log(settings.folder, database.store.engine, database.keys)
        audit = NodeAuditLog(log, database.keys)

        def tampered(film: str) -> None:
            """A film on the disk was changed."""
            _log.error("a film on the disk was changed", extra={"fields": {"film": film}})
            audit.tampered(film)

        hooks = PipelineHooks(ended=metrics.film, ran=ran, tampered=tampered)
        return open_pipeline(pipeline_settings, bundles, database, hooks), audit
    except BaseException:
        database.close()
        raise


def start_polling(
    settings: NodeSettings,
    spool: Spool,
    wake: Callable[[], None],
    audit: NodeAuditLog | None = None,
    trail: AuditTrail | None = None,
) -> Polling:
    """Starts to fetch films into the spool.

    Args:
        settings: With the sources.
        spool: Where films go.
        wake: Called after each film.
        audit: Gets a line about each film.
        trail: Gets a report of each film.
    """

    def take(film: bytes) -> None:
        try:
            sop_instance = header_of_file(film).sop_instance
        except ImageError:  # `Intake` reports it
            sop_instance = ""
        spool.put(sop_instance, [film])
        wake()

    files.make_folder(settings.cursors_folder, 0o700)
    sources = open_sources(settings.sources, settings.cursors_folder)

    def fetched(source: PullSettings, film: bytes) -> None:
        if audit is not None:
            audit.fetched(source.name, film)
        if trail is not None:
            trail.fetched(source, film)

    polling = Polling(sources, take, fetched)
    polling.start()
    return polling


def _housekeeping(settings: NodeSettings, pipeline: Pipeline, audit: NodeAuditLog) -> Housekeeping:
    store = pipeline.database.store
    drop_orphans(store, pipeline.film_store)
    return Housekeeping(
        store,
        pipeline.film_store,
        SteadyClock(store.engine),
        settings.retention_days,
        keep_films=settings.keep_films,
        record=audit.deleting,
    )


def _open_trail(settings: NodeSettings, pipeline: Pipeline) -> AuditTrail | None:
    if settings.audit is None:
        return None
    return AuditTrail(settings.audit, settings, pipeline.database.keys.fingerprint)


def _destinations(
    settings: NodeSettings, pipeline: Pipeline, commitments: Commitments, trail: AuditTrail | None
) -> dict[str, Destination]:
    opened = open_destinations(settings.destinations, _maker(pipeline), commitments)
    if trail is None:
        return opened
    return {item.name: trail.watched(opened[item.name], item) for item in settings.destinations}


def _start_delivery(
    settings: NodeSettings,
    pipeline: Pipeline,
    destinations: Mapping[str, Destination],
    metrics: NodeMetrics,
    audit: NodeAuditLog,
) -> DeliveryLoop:
    return DeliveryLoop(
        Deliveries(pipeline.database.store),
        pipeline.film_store,
        destinations,
        settings.delivery,
        metrics.attempt,
        record=audit.delivered,
        keep_films=settings.keep_films,
    )


def _maker(pipeline: Pipeline) -> ObjectMaker:
    bundles = [bundle for reader in pipeline.readers.bundles.values() for bundle in reader.bundles]
    return ObjectMaker(bundles, picture_by(pipeline.decoders, PipelineSettings().max_pixels))


class _Messages:
    """What the receiver reports goes to those parts that need it."""

    def __init__(
        self,
        metrics: NodeMetrics,
        intake: Intake,
        commitments: Commitments,
        audit: NodeAuditLog,
        trail: AuditTrail | None,
    ) -> None:
        self._metrics = metrics
        self._intake = intake
        self._commitments = commitments
        self._audit = audit
        self._trail = trail

    def take(self, kind: str, details: dict[str, Any]) -> None:
        """Takes a message, see `Receiver`."""
        self._metrics.receiver(kind, details)
        self._audit.receiver(kind, details)
        if self._trail is not None:
            self._trail.receiver(kind, details)
        if kind == "stored":
            self._intake.wake()
        elif kind == "refused":
            _log.warning("a film was refused: %s", details["reason"], extra={"fields": details})
        elif kind == "rejected":
            _log.warning("a connection was refused", extra={"fields": details})
        elif kind == "committed":
            self._commitments.end(details["transaction"], details["failed"])
