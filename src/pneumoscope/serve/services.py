"""The parts of a running server: made in order, connected, and stopped in the reverse order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request

from pneumoscope.audit_log.log import SERIOUS, AuditLog, Event
from pneumoscope.images.decoders import DecoderPool
from pneumoscope.jobs.batcher import Batcher
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.clock import SteadyClock
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.pipeline import (
    Pipeline,
    PipelineHooks,
    PipelineSettings,
    open_job_database,
    open_pipeline,
)
from pneumoscope.jobs.progress_events import ProgressEvents
from pneumoscope.jobs.queue import FilmQueue
from pneumoscope.jobs.readers import Readers
from pneumoscope.jobs.reserve import keep_reserve
from pneumoscope.jobs.service import JobService
from pneumoscope.jobs.store import Store
from pneumoscope.serve.admin.privacy import RetentionCleanup
from pneumoscope.serve.capabilities import model_facts, reader_choices
from pneumoscope.serve.dicom_objects import DicomObjects
from pneumoscope.serve.event_streams import EventStreams
from pneumoscope.serve.metrics import Metrics
from pneumoscope.serve.pictures import Renderer
from pneumoscope.serve.problems import Unavailable
from pneumoscope.serve.security.accounts import LOCAL
from pneumoscope.serve.security.audit_setup import open_audit_log
from pneumoscope.serve.security.audit_trail import record
from pneumoscope.serve.sending import Sending
from pneumoscope.serve.settings import ServeSettings
from pneumoscope.serve.uploads import UploadBudget

OWNER_SHARE = 0.75
"""Of the queue and of the memory for films that one user may take; the rest is left to others."""
TAMPERED = "film on the disk was changed"
"""Text of the line about a film that does not decrypt with this key in this place."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running server.

    Attributes:
        settings: The settings it was started with.
        pipeline: The parts that read films.
        streams: Counts the clients that follow jobs.
        renderer: Makes renderings.
        dicom_objects: Makes DICOM objects and FHIR resources.
        sending: Sends results to other systems.
        metrics: For Prometheus.
        upload_budget: Limits the bytes of concurrent requests.
        models: Answers of ``GET /model`` by name of the bundle.
        choices: Answers of ``GET /settings`` by name of the bundle.
        cleanup: Deletes results that are too old.
        audit: The audit log.
    """

    settings: ServeSettings
    pipeline: Pipeline
    streams: EventStreams
    renderer: Renderer
    dicom_objects: DicomObjects
    sending: Sending
    metrics: Metrics
    upload_budget: UploadBudget
    models: dict[str, dict[str, Any]]
    choices: dict[str, dict[str, Any]]
    cleanup: RetentionCleanup
    audit: AuditLog

    @property
    def store(self) -> Store:
        """The database."""
        return self.pipeline.database.store

    @property
    def keys(self) -> Keys:
        """Encrypt films and names."""
        return self.pipeline.database.keys

    @property
    def lock(self) -> DatabaseLock:
        """Keeps other servers away from the database."""
        return self.pipeline.database.lock

    @property
    def decoders(self) -> DecoderPool:
        """Child processes."""
        return self.pipeline.decoders

    @property
    def events(self) -> ProgressEvents:
        """Progress of jobs."""
        return self.pipeline.events

    @property
    def queue(self) -> FilmQueue:
        """Films that wait."""
        return self.pipeline.queue

    @property
    def readers(self) -> Readers:
        """What reads films, by bundle and settings."""
        return self.pipeline.readers

    @property
    def batcher(self) -> Batcher:
        """Reads films from the queue."""
        return self.pipeline.batcher

    @property
    def jobs(self) -> JobService:
        """Accepts films and stores results."""
        return self.pipeline.jobs

    def close(self) -> None:
        """Finishes the films that were accepted, then stops everything."""
        self.pipeline.close()


def open_services(settings: ServeSettings, metrics: Metrics | None = None) -> Services:
    """Makes the parts, and resumes the jobs of an earlier run.

    Raises:
        PneumoscopeError: A bundle, the profile, the key, the database or the destinations cannot be
            used; nothing is left running.
    """
    metrics = metrics or Metrics()
    pipeline, audit = _open_pipeline(settings, metrics)
    try:
        return _connected(settings, metrics, pipeline, audit)
    except BaseException:
        pipeline.close(0)
        raise


def _open_pipeline(settings: ServeSettings, metrics: Metrics) -> tuple[Pipeline, AuditLog]:
    bundles = load_bundles(settings.bundle, settings.profile, settings.threads)
    settings.make_folder()
    keep_reserve(settings.folder)
    database = open_job_database(settings.folder, settings.database_url, settings.key)
    try:
        audit = open_audit_log(settings, database.store.engine, database.keys)
        audit.check()  # otherwise every request would be refused
        hooks = PipelineHooks(metrics.film, metrics.batch, partial(_report_tampering, audit))
        return open_pipeline(_pipeline_settings(settings), bundles, database, hooks), audit
    except BaseException:
        database.close()
        raise


def _connected(
    settings: ServeSettings, metrics: Metrics, pipeline: Pipeline, audit: AuditLog
) -> Services:
    """Makes the parts that work with a running pipeline."""
    metrics.watch(pipeline.queue)
    database = pipeline.database
    clock = SteadyClock(database.store.engine, audit.last_time())
    cleanup = RetentionCleanup(
        database.store, pipeline.film_store, settings.retention_days, audit, clock
    )
    cleanup.run()
    limits, readers = settings.limits, pipeline.readers
    objects = DicomObjects(
        [bundle for reader in readers.bundles.values() for bundle in reader.bundles],
        pipeline.decoders,
        pipeline.film_store,
        limits.max_pixels,
    )
    sending = Sending(settings.destinations, objects)
    return Services(
        settings=settings,
        pipeline=pipeline,
        streams=EventStreams(sole_owner=LOCAL.id),
        renderer=Renderer(pipeline.decoders, pipeline.film_store, database.keys, limits.max_pixels),
        dicom_objects=objects,
        sending=sending,
        metrics=metrics,
        upload_budget=UploadBudget(limits.held_bytes, OWNER_SHARE),
        models={name: model_facts(reader) for name, reader in readers.named.items()},
        choices=reader_choices(readers.named, settings, sending.names),
        cleanup=cleanup,
        audit=audit,
    )


def _report_tampering(audit: AuditLog, film: str) -> None:
    event = Event(what=TAMPERED, outcome=SERIOUS, where="server", objects=(film,))
    record(audit, event)


def _pipeline_settings(settings: ServeSettings) -> PipelineSettings:
    limits = settings.limits
    return PipelineSettings(
        threads=settings.threads,
        max_batch_size=settings.max_batch_size,
        max_wait_ms=settings.max_wait_ms,
        queue_films=settings.queue,
        owner_share=OWNER_SHARE,
        sole_owner=LOCAL.id,
        held_bytes=limits.held_bytes,
        films_folder=settings.folder / "films" if settings.keep_films else None,
        max_pixels=limits.max_pixels,
        decode_s=limits.decode_s,
        decode_bytes=limits.decode_bytes,
    )


async def current_services(request: Request) -> Services:
    """FastAPI dependency: the running server's parts; async, so that it needs no thread.

    Raises:
        Unavailable: The server has not started, or has ended.
    """
    services = request.app.state.services
    if not isinstance(services, Services):
        raise Unavailable("not ready", "The server is starting or shutting down.")
    return services
