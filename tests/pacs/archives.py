"""Archives and results for the tests of pacs/."""

from __future__ import annotations

import datetime as dt
import gc
import io
import ssl
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from pneumoscope import images, runtime
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.rows import enter_outcome
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.result_objects import ObjectMaker
from pneumoscope.pacs.destinations.settings import CStoreSettings
from pneumoscope.records import Outcome, Prediction
from result_films import CREATED, film_bytes

CLASSES = tuple(kind.sop_class_uid for kind in KINDS.values() if kind.sop_class_uid)
EXPLICIT, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


def stored_film(
    bundle: Bundle,
    grey: int = 200,
    change: Callable[[Prediction], Prediction] = lambda p: p,
    **elements: object,
) -> StoredFilm:
    """A film and its result, as they come from the database.

    Args:
        bundle: Reads it.
        grey: See `film_bytes`.
        change: Changes the result before it is stored.
        elements: See `film_bytes`.
    """
    data = film_bytes(grey, **elements)
    prediction = change(runtime.load(bundle).predict(data))
    row = enter_outcome(
        FilmRow(id=uuid.uuid4().hex, created=CREATED), Outcome("film", 0, prediction=prediction)
    )
    return StoredFilm.of_row(row, data)


def picture(film: bytes) -> np.ndarray:
    """Decodes a film in this process."""
    return np.rint(images.read(film).pixels * 255).astype(np.uint8)


def maker_of(*bundles: Bundle) -> ObjectMaker:
    return ObjectMaker(bundles, picture)


@dataclass
class Received:
    """What an archive got.

    Attributes:
        port: Its port.
        objects: Every object, in the order of arrival.
        callers: Calling AE title of each.
    """

    port: int = 0
    objects: list[Dataset] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return [str(item.SOPClassUID) for item in self.objects]


@contextmanager
def unclosed_sockets() -> Iterator[None]:
    """Lets pynetdicom leave sockets to the garbage collector, as it does after a failed connection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@contextmanager
def archive(
    *,
    syntaxes: tuple[str, ...] = (EXPLICIT, RLE),
    classes: tuple[str, ...] = CLASSES,
    status: int = 0,
    tls: ssl.SSLContext | None = None,
    title: str = "ARCHIVE",
    more: Callable[[AE], list[Any]] = lambda _ae: [],
) -> Iterator[Received]:
    """An archive in a thread that keeps what it gets in memory.

    Args:
        syntaxes: Transfer syntaxes that it accepts.
        classes: SOP classes that it accepts.
        status: Its answer to every object.
        tls: Encrypts its connections.
        title: Its AE title, which callers must use.
        more: Adds to the application entity, and returns further handlers.
    """
    received = Received()

    def store(event: evt.Event) -> int:
        item = dcmread(io.BytesIO(event.encoded_dataset()))
        received.objects.append(item)
        received.callers.append(event.assoc.requestor.ae_title)
        return status

    ae = AE(ae_title=title)
    ae.require_called_aet = True
    ae.add_supported_context(Verification)
    for uid in classes:
        ae.add_supported_context(uid, list(syntaxes))
    handlers = [(evt.EVT_C_STORE, store), *more(ae)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls)
    received.port = server.server_address[1]
    try:
        yield received
    finally:
        server.shutdown()


def settings_for(received: Received, **changes: Any) -> CStoreSettings:
    """The settings for an archive of `archive`."""
    settings = CStoreSettings(
        name="archive", host="127.0.0.1", port=received.port, called_ae="ARCHIVE", timeout_s=30.0
    )
    return replace(settings, **changes)


def certificate(folder: Path, name: str) -> Path:
    """A PEM file with a new self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


def server_context(pem: Path, peer: Path | None = None) -> ssl.SSLContext:
    """A server's context; with ``peer`` it asks for that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if peer is not None:
        context.load_verify_locations(peer)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
