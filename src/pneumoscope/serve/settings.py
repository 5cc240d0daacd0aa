"""The settings of a server: one frozen value, from arguments or the environment."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import UsageError
from pneumoscope.files import make_private_folder, read_text
from pneumoscope.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "PNEUMOSCOPE_SERVE_"
GROUPS = frozenset({"limits", "connection_limits"})
"""Settings that consist of others."""
_WITH_COMMAS = frozenset({f"{PREFIX}TRUSTED_PROXY", f"{PREFIX}SERVER_NAME"})
"""Variables whose values may contain a colon."""
SMALL_BODY_BYTES = 65536
"""Limit on the body of a request that is not an upload; such a request starts when its body is complete."""
DRAWN_FILMS = 100
"""Most films of one PDF or ZIP, for which every film is decoded again."""
_MIB = 2**20
_DATABASE = "reading-room.sqlite"


def default_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The default folder of a server: in the XDG state folder."""
    env = os.environ if environ is None else environ
    root = env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home()) / ".local" / "state"
    return Path(root) / "pneumoscope"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request.

    Attributes:
        max_body_bytes: Bytes of a request's body.
        max_files: Films in one request, including films in archives.
        max_pixels: Rows x columns of a film.
        archive_bytes: Unpacked bytes of all archives of a request.
        archive_ratio: Unpacked bytes per packed byte of one archive member.
        decode_s: Seconds for decoding one film.
        decode_bytes: Memory that a decoder may take beyond what it has at its start.
        held_bytes: Memory for films that wait, or that a page may still show.
    """

    max_body_bytes: int = 200 * _MIB
    max_files: int = 100
    max_pixels: int = 50_000_000
    archive_bytes: int = 512 * _MIB
    archive_ratio: int = 200
    decode_s: float = 20.0
    decode_bytes: int = 1536 * _MIB
    held_bytes: int = 512 * _MIB

    def __post_init__(self) -> None:
        _check_positive(self)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of connections, so that slow or silent clients do not keep others out.

    Attributes:
        connections: Open connections; fewer if the system allows the process fewer files.
        connections_per_address: Open connections from one address, or from a /64 of IPv6; trusted
            proxies have no such limit.
        handshake_s: Seconds for the TLS handshake.
        head_s: Seconds from the first byte, or from the connection, to the end of the headers.
        body_s: Seconds for the body of a request, and one more for every ``client_bytes_per_s``
            bytes received. A body in chunks has them for its first 64 KiB, and again for all of it.
        idle_s: Seconds that a connection may wait for its next request.
        stalled_s: Seconds after which a client that takes its answer more slowly than
            ``client_bytes_per_s`` is dropped.
        client_bytes_per_s: Rate at which a client must send a body and take an answer.
    """

    connections: int = 3000
    connections_per_address: int = 600
    handshake_s: float = 10.0
    head_s: float = 20.0
    body_s: float = 30.0
    idle_s: float = 15.0
    stalled_s: float = 20.0
    client_bytes_per_s: int = 2048

    def __post_init__(self) -> None:
        _check_positive(self)

    def body_within_s(self, received_bytes: int) -> float:
        """Seconds that a body has as long as no more than these bytes of it have come."""
        return self.body_s + received_bytes / self.client_bytes_per_s


def _check_positive(limits: Limits | ConnectionLimits) -> None:
    for limit in fields(limits):
        value = getattr(limits, limit.name)
        if not value > 0:
            raise UsageError(f"{limit.name} is {value}", "Use a number above 0.")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """The settings of a server.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 for a free one.
        folder: Folder of the database and the key.
        database: SQLAlchemy URL; None for SQLite in ``folder``.
        database_password_file: File with the password for ``database``; None if its URL needs none.
        bundle: Names or folders of the bundles. If a request names none, one is chosen for each film, or
            the first is used if the bundles are not for different ages. Empty for the shipped ones. In
            the environment separated as in ``PATH``.
        profile: Site profile, or None.
        destinations: TOML file whose tables ``destinations`` say where readers may send results; None
            for nowhere.
        node: URL of the status of a DICOM node, which administrators see in the page; None for none.
        threads: Batches that are read at the same time; None for one more than the cores.
        limits: Limits of one request.
        connection_limits: Limits of connections.
        max_batch_size: Films in one run of the network.
        max_wait_ms: Milliseconds that a film waits for others to share a run.
        queue: Most films that are accepted and not yet finished; further requests get 429.
        sync_limit: A request with up to this number of films is answered when its films have been read.
        deadline_s: Seconds within which reading a film of such a request must start.
        rate_limit: Requests per minute of one user, where there are accounts; 0 for no limit.
        retention_days: Days after which results are deleted; None to keep them.
        keep_films: Keep films, encrypted, as long as their results.
        key: File with the key that encrypts films and names; None for the variable
            ``PNEUMOSCOPE_SERVE_SECRET``, or else for a file that is made in ``folder``.
        tls_cert: Certificate chain, PEM.
        tls_key: Its private key, PEM.
        tls_self_signed: Make a certificate for this machine.
        require_second_factor: Let only accounts with a second factor sign in.
        strict_codes: Accept a one-time code only within its own 30 s, as OWASP ASVS 5.0, 6.5.5, requires.
        audit_syslog: Where lines of the audit log are sent, see `SyslogForwarder`; None for nowhere.
        audit_anchor: File that always has number and hash of the last line of the audit log, preferably on
            another machine; None for none.
        trusted_proxy: Networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are
            trusted. In the environment separated by commas.
        server_name: Names by which users address the server behind a proxy. In the environment
            separated by commas.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    folder: Path = field(default_factory=default_folder)
    database: str | None = None
    database_password_file: Path | None = None
    bundle: tuple[str, ...] = ()
    profile: Path | None = None
    destinations: Path | None = None
    node: str | None = None
    threads: int | None = None
    limits: Limits = field(default_factory=Limits)
    connection_limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    max_batch_size: int = 8
    max_wait_ms: float = 0.0
    queue: int = 256
    sync_limit: int = 8
    deadline_s: float = 60.0
    rate_limit: int = 1200
    retention_days: int | None = None
    keep_films: bool = False
    key: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    require_second_factor: bool = False
    strict_codes: bool = False
    audit_syslog: str | None = None
    audit_anchor: Path | None = None
    trusted_proxy: tuple[str, ...] = ()
    server_name: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "queue", "sync_limit", "retention_days", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}", "Use 1 or more.")
        if self.rate_limit < 0:
            raise UsageError(f"rate_limit is {self.rate_limit}", "Use 0, for none, or more.")
        if not 0 <= self.port <= 65535:
            raise UsageError(f"port is {self.port}", "Use 0 to 65535.")
        if self.max_wait_ms < 0 or self.deadline_s <= 0:
            raise UsageError("max_wait_ms or deadline_s is negative", "Use positive times.")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError(
                "a certificate needs its key", "Give both --tls-cert and --tls-key, or neither."
            )

        for network in self.trusted_proxy:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise UsageError(
                    f"trusted proxy {network}: no network ({error})",
                    "For example 127.0.0.1 or 10.1.2.0/24.",
                ) from None

    def make_folder(self) -> None:
        """Makes the folder; only its owner can read it.

        Raises:
            UsageError: It cannot be made or written to.
        """
        make_private_folder(self.folder, "Name another --folder, or let it be written to.")

    @property
    def database_url(self) -> str:
        """The URL of the database, with the password.

        Raises:
            UsageError: The file of the password cannot be read, or others may read it.
        """
        if self.database is not None and self.database_password_file is not None:
            return with_password(self.database, self.database_password_file)
        return self.database or f"sqlite:///{self.database_file}"

    @property
    def database_file(self) -> Path:
        """The database in the folder, which is used unless `database` names another one."""
        return self.folder / _DATABASE

    @property
    def has_database(self) -> bool:
        """Whether the folder contains a database."""
        return self.database_file.exists()

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def tls(self) -> bool:
        """Whether the server uses TLS."""
        return self.tls_cert is not None or self.tls_self_signed


def with_password(url: str, file: Path) -> str:
    """A database's URL with the password in a file.

    Raises:
        UsageError: The file cannot be read, or others may read it; or the URL is malformed.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from pneumoscope.jobs.keys import check_private

    try:
        check_private(file)
        password = read_text(file).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UsageError(
            f"{file}: {reason}", "It must contain the password, in one line."
        ) from None
    try:
        return make_url(url).set(password=password).render_as_string(hide_password=False)
    except ArgumentError:
        raise UsageError(
            "the database URL is malformed", "Such as postgresql+psycopg://user@host/name."
        ) from None


def from_env(environ: Mapping[str, str] | None = None, **given: Any) -> ServeSettings:
    """Settings from ``PNEUMOSCOPE_SERVE_*`` variables, such as ``PNEUMOSCOPE_SERVE_MAX_FILES=20``.

    Args:
        environ: Used instead of the environment of the process.
        given: Values that override the environment; None means not given.

    Raises:
        UsageError: The value of a variable has the wrong type.
    """
    env = os.environ if environ is None else environ
    top: dict[str, Any] = {"folder": default_folder(env)}
    limits: dict[str, Any] = {}
    connection: dict[str, Any] = {}
    for kind, values in (
        (ServeSettings, top), (Limits, limits), (ConnectionLimits, connection),
    ):  # fmt: skip
        for setting in fields(kind):
            variable = PREFIX + setting.name.upper()
            text = env.get(variable)
            if text and setting.name not in GROUPS:
                values[setting.name] = _value(variable, text, str(setting.type))
    top |= {name: value for name, value in given.items() if value is not None}
    groups: dict[str, Any] = {
        "limits": Limits(**limits),
        "connection_limits": ConnectionLimits(**connection),
    }
    return ServeSettings(**(groups | top))


_WANTED = {"bool": "true or false", "int": "a whole number", "float": "a number"}


def _value(name: str, text: str, kind: str) -> Any:
    try:
        if "tuple" in kind:
            separator = "," if name in _WITH_COMMAS else os.pathsep
            return tuple(part.strip() for part in text.split(separator))
        if "Path" in kind:
            return Path(text)
        if "bool" in kind:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.lower()
            ]
        if "int" in kind:
            return int(text)
        if "float" in kind:
            return float(text)
    except (KeyError, ValueError):
        wanted = _WANTED["bool" if "bool" in kind else "int" if "int" in kind else "float"]
        raise UsageError(
            f"{name}={text}: is not {wanted}", f"Give {wanted}, or remove the variable."
        ) from None
    return text
