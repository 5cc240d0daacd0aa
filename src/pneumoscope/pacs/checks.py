"""What can be wrong with a node before the first film arrives: ``pneumoscope pacs --check``."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import PneumoscopeError
from pneumoscope.files import cause, message
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.database import unusable
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.deliveries import waiting_for_others
from pneumoscope.jobs.keys import check_private, open_keys
from pneumoscope.pacs.config import DATABASE
from pneumoscope.pacs.destinations.commitment import Commitments
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.opening import open_destinations
from pneumoscope.pacs.destinations.result_objects import ObjectMaker
from pneumoscope.pacs.destinations.settings import CStoreSettings
from pneumoscope.pacs.destinations.tls import client_context, verification_failure
from pneumoscope.pacs.node import make_folder, redirect_hint, waiting_text
from pneumoscope.pacs.pull.sources import open_sources
from pneumoscope.pacs.receiver import server_context
from pneumoscope.pacs.spool import used_bytes
from pneumoscope.pacs.status_server import HOST
from pneumoscope.syslog import TLS, SyslogAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pneumoscope.pacs.config import AuditSettings, NodeSettings
    from pneumoscope.pacs.destinations.connection_settings import TlsSettings
    from pneumoscope.pacs.destinations.settings import DestinationSettings
    from pneumoscope.pacs.pull.settings import PullSettings

_GIB = 2**30
_SOON_DAYS = 30
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""The clock of a machine that is behind the first version of the node is wrong."""


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """What was checked.

    Attributes:
        name: Short name.
        ok: Whether it is all right.
        text: What was tried and what came of it.
        hint: What to do about it; empty if it is all right.
    """

    name: str
    ok: bool
    text: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "ok": self.ok, "text": self.text, "hint": self.hint}


def run_checks(settings: NodeSettings) -> list[NamedCheck]:
    """Checks everything that the configuration names; sends no films and no results."""
    checks = [
        _checked("folder", lambda: _folder(settings)),
        _checked("disk", lambda: _disk(settings)),
        _checked("key", lambda: _key(settings)),
        _checked("clock", lambda: _clock(settings)),
        _checked("bundles", lambda: _bundles(settings)),
        _checked("port", lambda: _port(settings)),
        *_metrics_port(settings),
        *_certificates(settings),
        *(_source(settings, each) for each in settings.sources),
        *(_destination(each) for each in settings.destinations),
    ]
    if settings.audit is not None:
        audit = settings.audit
        checks.append(_checked("audit", lambda: _syslog(audit)))
    checks += _unconfigured(settings)
    if not settings.destinations:
        checks.append(
            NamedCheck(
                "destinations",
                False,
                "there is none: results go nowhere",
                'Add a table such as [destinations.results] with type = "folder".',
            )
        )
    return checks


def _checked(name: str, check: Callable[[], str]) -> NamedCheck:
    try:
        return NamedCheck(name, True, check())
    except PneumoscopeError as error:
        return NamedCheck(name, False, error.message, error.hint)
    except OSError as error:
        return NamedCheck(name, False, message(error), "Check the path and its permissions.")


def _folder(settings: NodeSettings) -> str:
    make_folder(settings)
    return f"{settings.folder} can be written to"


def _disk(settings: NodeSettings) -> str:
    folder = settings.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    needed = settings.disk.free_bytes
    if free <= needed:
        raise PneumoscopeError(
            f"{free / _GIB:.1f} GiB are free, and {needed / _GIB:g} GiB are to stay free: "
            "every film would be refused",
            "Free some space, or lower free_gib in [disk].",
        )
    most = settings.disk.most_bytes
    used = used_bytes(settings.spool_folder, settings.films_folder)
    share = f"films take {used / _GIB:.1f} of {most / _GIB:g} GiB"
    if used >= most:
        raise PneumoscopeError(
            f"{share}: every film is refused until results are delivered or given up",
            "`pneumoscope queue list --state undelivered` shows what waits; or raise most_gib in [disk].",
        )
    return f"{free / _GIB:.1f} GiB are free, {share}"


def _key(settings: NodeSettings) -> str:
    open_keys(settings.folder, settings.key_file)
    return f"{settings.key_file or settings.folder / 'key'} can be used"


def _clock(settings: NodeSettings) -> str:
    now = datetime.now(UTC)
    last = max((path.stat().st_mtime for path in settings.folder.glob(f"{DATABASE}*")), default=0.0)
    if now < _EARLIEST or last > time.time() + 600:
        raise PneumoscopeError(
            f"the system's clock says {now:%Y-%m-%d %H:%M} UTC, which is too early",
            "Set the clock, and keep it right with NTP.",
        )
    return f"{now:%Y-%m-%d %H:%M} UTC"


def _bundles(settings: NodeSettings) -> str:
    bundles = load_bundles(settings.bundles, settings.profile, settings.threads)
    return ", ".join(f"{name} ({each.bundle.sha256[:12]})" for name, each in bundles.items())


def _port(settings: NodeSettings) -> str:
    receiver = settings.receiver
    if _node_runs(settings):
        return f"{receiver.host} port {receiver.port}: a node is running with this configuration"
    return _free(receiver.host, receiver.port, "Choose another host or port.")


def _metrics_port(settings: NodeSettings) -> Iterator[NamedCheck]:
    port = settings.metrics_port
    if not port:
        return

    def check() -> str:
        if port == settings.receiver.port:
            raise PneumoscopeError(
                f"port {port} is that of the receiver, too", "Choose another metrics_port."
            )
        if _node_runs(settings):
            return f"{HOST} port {port}: a node is running with this configuration"
        return _free(HOST, port, "Choose another metrics_port.")

    yield _checked("metrics port", check)


def _free(host: str, port: int, hint: str) -> str:
    """Says that nobody listens at an address.

    Raises:
        PneumoscopeError: Somebody does, or it is no address of this machine.
    """
    where = f"{host} port {port}"
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
    except OSError as error:
        raise PneumoscopeError(f"cannot listen on {where}: {cause(error)}", hint) from None
    return f"{where} is free"


def _node_runs(settings: NodeSettings) -> bool:
    engine = create_engine(settings.database_url)
    try:
        if (settings.folder / DATABASE).exists():
            DatabaseLock(engine).release()
    except PneumoscopeError:
        return True
    finally:
        engine.dispose()
    return False


def _certificates(settings: NodeSettings) -> Iterator[NamedCheck]:
    receiver = settings.receiver
    if receiver.certificate is None:
        return

    def check() -> str:
        server_context(receiver)
        key = receiver.key or receiver.certificate
        if key is not None:
            check_private(key, 0o037)  # a group may read it, as ssl-cert in Debian
        _check_authority(receiver.authority)
        return f"certificate and key can be used; {_dates(receiver.certificate)}"

    yield _checked("certificate", check)


def _dates(path: Path | None) -> str:
    """Until when the certificates in a file are valid.

    Raises:
        PneumoscopeError: One of them is not valid now.
    """
    if path is None:
        return ""
    certificates = x509.load_pem_x509_certificates(path.read_bytes())
    now = datetime.now(UTC)
    last = min(certificate.not_valid_after_utc for certificate in certificates)
    first = max(certificate.not_valid_before_utc for certificate in certificates)
    days = (last - now).days
    if now > last or now < first:
        state = "has expired" if now > last else "is not valid yet"
        raise PneumoscopeError(
            f"{path} {state} (valid {first:%Y-%m-%d} to {last:%Y-%m-%d})",
            "Install a new certificate, or set the clock.",
        )
    note = ": renew it soon" if days < _SOON_DAYS else ""
    return f"valid until {last:%Y-%m-%d}, {days} days{note}"


def _check_authority(path: Path | None) -> None:
    """Refuses a file of authorities of which none is valid now."""
    if path is None:
        return
    now = datetime.now(UTC)
    authorities = x509.load_pem_x509_certificates(path.read_bytes())
    if not any(
        each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in authorities
    ):
        raise PneumoscopeError(
            f"{path}: no authority in it is valid now", "Install a new one, or set the clock."
        )


def _check_dates(tls: TlsSettings | None) -> None:
    """Refuses certificates for connections to others that are not valid now.

    Raises:
        PneumoscopeError: One is not, or a file cannot be used.
    """
    if tls is not None:
        client_context(tls)  # says which file is missing or malformed
        _check_authority(tls.authority)
        _dates(tls.certificate)


def _tls_of(settings: DestinationSettings | PullSettings) -> TlsSettings | None:
    """The certificates that a destination or source names."""
    if isinstance(settings, CStoreSettings):
        return settings.tls
    http = getattr(settings, "http", None)
    return None if http is None or not http.url.startswith("https:") else http.tls


def _source(node: NodeSettings, settings: PullSettings) -> NamedCheck:
    name = f"pull {settings.name}"
    try:
        _check_dates(_tls_of(settings))
        (source,) = open_sources([settings], node.cursors_folder)
        check = source.check()
    except PneumoscopeError as error:
        return NamedCheck(name, False, error.message, error.hint)
    return NamedCheck(name, check.ok, check.text, check.hint)


def _destination(settings: DestinationSettings) -> NamedCheck:
    name = f"destination {settings.name}"
    try:
        _check_dates(_tls_of(settings))
        opened = open_destinations([settings], ObjectMaker([], _no_picture), Commitments())
        check = opened[settings.name].check()
    except PneumoscopeError as error:
        return NamedCheck(name, False, error.message, error.hint)
    return NamedCheck(name, check.ok, check.text, check.hint)


def _syslog(settings: AuditSettings) -> str:
    address = SyslogAddress.parse(settings.syslog)
    context = client_context(settings.tls) if address.scheme == TLS else None
    _check_dates(settings.tls if context is not None else None)
    try:
        with address.sending(context):
            pass
    except OSError as error:
        if words := verification_failure(error):
            raise PneumoscopeError(
                f"{settings.syslog}: its TLS certificate is not accepted ({words})",
                "Check that it is valid, names this host, and is signed by tls_authority.",
            ) from None
        raise PneumoscopeError(
            f"{settings.syslog} cannot be reached ({cause(error)})",
            "Check host, port, firewall and certificates, and whether it is running.",
        ) from None
    return f"{settings.syslog} can be reached"


def _unconfigured(settings: NodeSettings) -> Iterator[NamedCheck]:
    """Results in the database for destinations that are not configured; nothing without them."""
    if not (settings.folder / DATABASE).exists():
        return
    engine = create_engine(settings.database_url)
    try:
        names = [item.name for item in settings.destinations]
        for name, count in sorted(waiting_for_others(engine, names).items()):
            yield NamedCheck(
                f"destination {name}",
                False,
                waiting_text(name, count),
                redirect_hint(settings, name),
            )
    except SQLAlchemyError as error:
        failure = unusable(error)
        yield NamedCheck("database", False, failure.message, failure.hint)
    finally:
        engine.dispose()


def _no_picture(_film: bytes) -> Any:
    raise DeliveryFailed("a check makes no objects", permanent=True)
