"""The settings of a node, read from a TOML file; `example.toml` beside this module explains each."""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import UsageError
from pneumoscope.files import cause, read_text
from pneumoscope.hosts import is_loopback
from pneumoscope.pacs.destinations import settings as destinations
from pneumoscope.pacs.destinations.connection_settings import (
    TlsSettings,
    certificates_of,
)
from pneumoscope.pacs.destinations.toml_table import TomlTable
from pneumoscope.pacs.pull import settings as sources
from pneumoscope.syslog import TLS, SyslogAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.pacs.destinations.settings import DestinationSettings
    from pneumoscope.pacs.pull.settings import PullSettings

DATABASE = "node.sqlite"
"""The database in the folder of a node."""
EXAMPLE = Path(__file__).with_name("example.toml")
"""A configuration with every key and its default, explained."""
_MIB, _GIB = 2**20, 2**30
_FORMATS = ("text", "json")
_EXAMPLE_HINT = "`pneumoscope pacs --example` prints a configuration with every key."


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """The Storage SCP.

    Attributes:
        ae_title: Its AE title; associations for another one are rejected.
        host: Address to listen on.
        port: TCP port; 0 for a free one.
        calling_ae_titles: Who may open associations; empty for every AE title.
        addresses: Networks from which connections are accepted; empty for all.
        associations: Associations of one address at the same time; of all together, a quarter more.
        association_s: Seconds to negotiate TLS and the association.
        idle_s: Seconds without data after which an association ends.
        film_bytes: Largest data set of a film.
        memory_bytes: Most memory of the process beyond what it has at its start.
        certificate: Certificate chain for TLS, PEM; None for connections without TLS.
        key: Its private key, PEM; None if it is in the same file.
        authority: PEM file of the authorities that sign the certificates of senders, which then need
            one; None to accept senders without a certificate.
    """

    ae_title: str = destinations.OWN_AE
    host: str = "127.0.0.1"
    port: int = 11112
    calling_ae_titles: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    associations: int = 20
    association_s: float = 15.0
    idle_s: float = 60.0
    film_bytes: int = 200 * _MIB
    memory_bytes: int = 1024 * _MIB
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """How much disk the node may use; beyond it films are refused with status A700.

    Attributes:
        most_bytes: Bytes of films that the node keeps.
        free_bytes: Bytes that stay free on the disk.
    """

    most_bytes: int = 20 * _GIB
    free_bytes: int = _GIB


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """How often results are sent again.

    Attributes:
        attempts: Attempts for a result and a destination, then it is given up.
        first_pause_s: Seconds after the first attempt; every further pause is twice as long.
        longest_pause_s: Longest pause.
    """

    attempts: int = 30
    first_pause_s: float = 5.0
    longest_pause_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Where audit messages of DICOM go, and what they say.

    Attributes:
        syslog: Address of the syslog, see `SyslogAddress`.
        tls: Certificates for it.
        source_id: What the hospital calls the node; None for its AE title.
        pseudonyms: Give keyed hashes in place of Study Instance UIDs and Patient IDs.
    """

    syslog: str
    tls: TlsSettings = field(default_factory=TlsSettings)
    source_id: str | None = None
    pseudonyms: bool = False


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node.

    Attributes:
        folder: Folder of the database, the key and the films.
        bundles: Names or folders of the bundles; empty for the shipped ones.
        profile: Site profile, or None.
        threads: Batches that are read at the same time; None for one more than cores.
        key_file: File with the key that encrypts films; None for a file that is made in ``folder``.
        keep_films: Keep films after their results were delivered, as long as these.
        retention_days: Days after which results are deleted; None to keep them.
        study_films: Films of a study that are read; further ones fail.
        log: Form of the lines of the log, ``text`` or ``json``.
        metrics_port: TCP port on 127.0.0.1 of the metrics for Prometheus; None for none, 0 for a free
            one.
        receiver: The Storage SCP.
        disk: How much disk the node may use.
        delivery: How often results are sent again.
        destinations: Where results go.
        sources: Servers that films are fetched from.
        audit: Audit messages; None for none.
    """

    folder: Path
    bundles: tuple[str, ...] = ()
    profile: Path | None = None
    threads: int | None = None
    key_file: Path | None = None
    keep_films: bool = False
    retention_days: int | None = 30
    study_films: int = 100
    log: str = _FORMATS[0]
    metrics_port: int | None = None
    receiver: ReceiverSettings = field(default_factory=ReceiverSettings)
    disk: DiskLimits = field(default_factory=DiskLimits)
    delivery: DeliveryLimits = field(default_factory=DeliveryLimits)
    destinations: tuple[DestinationSettings, ...] = ()
    sources: tuple[PullSettings, ...] = ()
    audit: AuditSettings | None = None

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return f"sqlite:///{self.folder / DATABASE}"

    @property
    def spool_folder(self) -> Path:
        """Where films are written before their sender hears that they were stored."""
        return self.folder / "spool"

    @property
    def cursors_folder(self) -> Path:
        """Where the node notes how far it has fetched the films of each source."""
        return self.folder / "pull"

    @property
    def films_folder(self) -> Path:
        """Where accepted films are kept, encrypted."""
        return self.folder / "films"


def is_node(folder: Path) -> bool:
    """Whether a folder is that of a node."""
    return (folder / DATABASE).is_file()


def read_config(path: Path) -> NodeSettings:
    """Reads a configuration.

    Raises:
        UsageError: The file cannot be read, is not TOML, or has a key that is unknown or wrong.
    """
    try:
        text = read_text(path, "utf-8-sig")  # some editors put a mark before the text
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else cause(error)
        raise UsageError(f"{path}: {reason}", _EXAMPLE_HINT) from None
    return parse_config(text, str(path))


def parse_config(text: str, name: str) -> NodeSettings:
    """The settings in a TOML text.

    Args:
        text: The text.
        name: What to call it in messages.

    Raises:
        UsageError: As `read_config`.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not TOML ({error})", _EXAMPLE_HINT) from None
    try:
        return _node(values)
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", error.hint or _EXAMPLE_HINT) from None


def _node(values: Mapping[str, Any]) -> NodeSettings:
    top = TomlTable(values, "")
    tables = {key: _subtable(values, key) for key in ("node", "receiver", "disk", "delivery")}
    named, pulls = _subtable(values, "destinations"), _subtable(values, "pull")
    audit = _subtable(values, "audit")
    for key in (*tables, "destinations", "pull", "audit"):
        top.has(key)
    top.finish()
    node = TomlTable(tables["node"], "node")
    default = NodeSettings(folder=Path(node.text("folder")).expanduser())
    settings = NodeSettings(
        folder=default.folder,
        bundles=node.texts("bundles"),
        profile=node.optional_path("profile"),
        threads=node.optional_whole("threads", None, 1, 256),
        key_file=node.optional_path("key_file"),
        keep_films=node.flag("keep_films", default.keep_films),
        retention_days=node.optional_whole("retention_days", default.retention_days, 1, 36500),
        study_films=node.whole("study_films", default.study_films, 1, 100_000),
        log=node.choice("log", _FORMATS, default.log),
        metrics_port=node.optional_whole("metrics_port", None, 0, 65535),
        receiver=_receiver(TomlTable(tables["receiver"], "receiver")),
        disk=_disk(TomlTable(tables["disk"], "disk")),
        delivery=_delivery(TomlTable(tables["delivery"], "delivery")),
        destinations=tuple(
            destinations.parse(_subtable(named, name, "destinations."), name) for name in named
        ),
        audit=_audit(TomlTable(audit, "audit")) if top.has("audit") else None,
        sources=tuple(sources.parse(_subtable(pulls, name, "pull."), name) for name in pulls),
    )
    node.finish()
    return settings


def _subtable(values: Mapping[str, Any], key: str, before: str = "") -> Mapping[str, Any]:
    table = values.get(key, {})
    if not isinstance(table, dict):
        raise UsageError(f"{before}{key} is no table", f"Write it as [{before}{key}].")
    return table


def _receiver(table: TomlTable) -> ReceiverSettings:
    default = ReceiverSettings()
    settings = ReceiverSettings(
        ae_title=destinations.ae_title(table, "ae_title", default.ae_title),
        host=table.text("host", default.host),
        port=table.whole("port", default.port, 0, 65535),
        calling_ae_titles=tuple(
            destinations.checked_ae_title(table, "calling_ae_titles", title)
            for title in table.texts("calling_ae_titles")
        ),
        addresses=table.texts("addresses"),
        associations=table.whole("associations", default.associations, 1, 500),
        association_s=table.number("association_s", default.association_s, 0.1, 600),
        idle_s=table.number("idle_s", default.idle_s, 0.1, 3600),
        film_bytes=table.whole("largest_film_mib", default.film_bytes // _MIB, 1, 2000) * _MIB,
        memory_bytes=table.whole("memory_mib", default.memory_bytes // _MIB, 64, 2**20) * _MIB,
        certificate=table.optional_path("tls_certificate"),
        key=table.optional_path("tls_key"),
        authority=table.optional_path("tls_authority"),
    )
    table.finish()
    _check_receiver(table, settings)
    return settings


def _check_receiver(table: TomlTable, settings: ReceiverSettings) -> None:
    for network in settings.addresses:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise table.error(
                "addresses", f"names {network!r}, which is no network such as 10.1.2.0/24"
            ) from None
    if settings.certificate is None and (settings.key or settings.authority):
        raise table.error("tls_certificate", "is missing, but other files of TLS are named")
    open_to_all = not settings.addresses and settings.authority is None
    if open_to_all and not is_loopback(settings.host):
        raise UsageError(
            f"receiver: everybody who reaches {settings.host} could send films",
            'Name the senders\' networks, such as addresses = ["10.1.2.0/24"], or a tls_authority.',
        )


def _disk(table: TomlTable) -> DiskLimits:
    default = DiskLimits()
    limits = DiskLimits(
        most_bytes=int(table.number("most_gib", default.most_bytes / _GIB, 0.001, 2**20) * _GIB),
        free_bytes=int(table.number("free_gib", default.free_bytes / _GIB, 0, 2**20) * _GIB),
    )
    table.finish()
    return limits


def _audit(table: TomlTable) -> AuditSettings:
    settings = AuditSettings(
        syslog=table.text("syslog"),
        tls=certificates_of(table),
        source_id=table.optional_text("source_id"),
        pseudonyms=table.flag("pseudonyms", False),
    )
    table.finish()
    address = SyslogAddress.parse(settings.syslog)
    encrypted = address.scheme == TLS
    if not address.is_private:
        raise table.error("syslog", "is not encrypted: use tls://, the messages name studies")
    if settings.tls != TlsSettings() and not encrypted:
        raise table.error("syslog", "must begin with tls:// if certificates are named")
    return settings


def _delivery(table: TomlTable) -> DeliveryLimits:
    default = DeliveryLimits()
    limits = DeliveryLimits(
        attempts=table.whole("attempts", default.attempts, 1, 10_000),
        first_pause_s=table.number("first_pause_s", default.first_pause_s, 0.01, 86400),
        longest_pause_s=table.number("longest_pause_s", default.longest_pause_s, 0.01, 86400),
    )
    table.finish()
    if limits.longest_pause_s < limits.first_pause_s:
        raise table.error("longest_pause_s", "is shorter than first_pause_s")
    return limits
