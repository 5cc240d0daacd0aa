"""Encrypted connections; addresses that others can reach are refused without them."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pneumoscope.errors import UnsafeAddress, UsageError
from pneumoscope.files import cause, replacing
from pneumoscope.jobs.keys import check_private

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.serve.settings import ServeSettings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption (RFC 9325, 4.2), as all suites of TLS 1.3."""
_DAYS = 397
"""Longest validity that browsers accept (CA/Browser Forum Baseline Requirements 6.3.2, until 2026)."""
_RENEW_DAYS = 30


def check_address(settings: ServeSettings, *, accounts: bool) -> None:
    """Requires TLS and accounts for an address that others can reach.

    Args:
        settings: With host and TLS options.
        accounts: Whether there is an account.

    Raises:
        UnsafeAddress: One of them is missing.
    """
    if settings.trusted_proxy and not accounts:
        raise UnsafeAddress(
            "everybody who reaches the proxy could use the server, because there are no accounts",
            "Make one first: pneumoscope user add NAME --role admin",
        )
    if settings.require_second_factor and not accounts:
        raise UnsafeAddress(
            "a second factor is required, but there are no accounts that could have one",
            "Make one first: pneumoscope user add NAME --role admin; pneumoscope user totp NAME",
        )
    if settings.loopback:
        return
    if not settings.tls:
        raise UnsafeAddress(
            f"{settings.host}: others could read the traffic, because the connection is not encrypted",
            "Add --tls-cert and --tls-key, or --tls-self-signed; or stay on 127.0.0.1.",
        )
    if not accounts:
        raise UnsafeAddress(
            f"{settings.host}: everybody who reaches it could use it, because there are no accounts",
            "Make one first: pneumoscope user add NAME --role admin",
        )


def certificate(settings: ServeSettings) -> tuple[Path, Path] | None:
    """Certificate and key in use; makes or renews a self-signed one if the settings ask for it.

    Raises:
        UsageError: A file is missing or malformed, or the two do not belong together.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        pair = settings.tls_cert, settings.tls_key
        if pair[1].is_file():
            check_private(pair[1], 0o037)  # a group may read it, as ssl-cert in Debian
    elif settings.tls_self_signed:
        pair = settings.folder / "tls" / "cert.pem", settings.folder / "tls" / "key.pem"
        names = own_names(settings.host)
        if not _lasts(*pair, names):
            _make(*pair, names)
    else:
        return None
    context(*pair)
    return pair


def context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later, with `CIPHERS`; the server chooses the cipher.

    Raises:
        UsageError: A file is missing or malformed, or the two do not belong together.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    made.options |= ssl.OP_NO_RENEGOTIATION  # a client could ask for it again and again
    try:
        # With an empty password, OpenSSL does not ask for one on the terminal.
        made.load_cert_chain(cert, key, password="")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"TLS: {cert.name} and {key.name} cannot be used ({cause(error)})",
            "Give a certificate chain and its own, unencrypted private key, both PEM.",
        ) from None
    return made


def own_fingerprint(settings: ServeSettings) -> str:
    """SHA-256 of the certificate in use, in the form in which browsers show it."""
    pair = certificate(settings)
    if pair is None:
        raise UsageError("no certificate is in use", "Add --tls-self-signed.")
    return ":".join(f"{byte:02X}" for byte in _read(pair[0]).fingerprint(hashes.SHA256()))


def hosts(settings: ServeSettings) -> frozenset[str]:
    """Names by which requests may address the server.

    Without this check, another site could point its own name at this machine (DNS rebinding).
    """
    names = {*LOOPBACK, settings.host.lower()} - {"0.0.0.0", "::"}  # noqa: S104
    names |= {name.lower() for name in settings.server_name}
    pair = certificate(settings)
    return frozenset(names if pair is None else names | _names_in(_read(pair[0])))


def uvicorn_options(settings: ServeSettings) -> dict[str, Any]:
    """Arguments for ``uvicorn.Config``: TLS, limits, and no information that clients do not need."""
    from pneumoscope.serve.security.connections import Connections
    from pneumoscope.serve.security.headers import fixed_headers

    pair = certificate(settings)
    return {
        # It also does the TLS handshake, see there.
        "http": Connections(
            limits=settings.connection_limits,
            context=None if pair is None else context(*pair),
            proxies=proxies(settings),
            headers=fixed_headers(settings),
        ),
        # uvloop reads from a new connection even if it is paused, so bytes of the handshake could be lost.
        "loop": "auto" if pair is None else "asyncio",
        "ws": "none",  # a connection that becomes a websocket would have no limits
        "access_log": False,  # addresses and paths belong in the audit log
        "server_header": False,
        # Without a trusted proxy, anybody could claim another address.
        "proxy_headers": bool(settings.trusted_proxy),
        "forwarded_allow_ips": [str(network) for network in proxies(settings)],
    }


def proxies(settings: ServeSettings) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Networks of trusted proxies; those of IPv4 also as a socket for IPv6 shows them."""
    networks = [ipaddress.ip_network(network) for network in settings.trusted_proxy]
    mapped = [
        ipaddress.ip_network(f"::ffff:{network.network_address}/{96 + network.prefixlen}")
        for network in networks
        if network.version == 4
    ]
    return (*networks, *mapped)


def own_names(host: str) -> tuple[str, ...]:
    """Names and addresses of this machine, for its own certificate."""
    names = {*LOOPBACK, socket.gethostname().lower()}
    if host not in ("0.0.0.0", "::"):  # noqa: S104
        names.add(host.lower())
        return tuple(sorted(names))
    try:
        resolved = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        resolved = []
    names |= {str(entry[4][0]).partition("%")[0] for entry in resolved} | _outward()
    return tuple(sorted(names))


def _outward() -> set[str]:
    """Addresses from which this machine would connect to others.

    Looking up the machine's own name does not find them: many systems resolve it to loopback only.
    """
    addresses = set()
    for family, far in ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))  # sends nothing, only selects a route (RFC 5737, 3849)
                addresses.add(str(probe.getsockname()[0]).partition("%")[0])
        except OSError:
            continue
    return addresses


def _names_in(cert: x509.Certificate) -> set[str]:
    try:
        alternative = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    names = {name.lower() for name in alternative.get_values_for_type(x509.DNSName)}
    return names | {str(address) for address in alternative.get_values_for_type(x509.IPAddress)}


def _lasts(cert: Path, key: Path, names: tuple[str, ...]) -> bool:
    if not (cert.is_file() and key.is_file()):
        return False
    made = _read(cert)
    left = made.not_valid_after_utc - datetime.now(UTC)
    return left > timedelta(days=_RENEW_DAYS) and _names_in(made) >= set(names)


def _read(cert: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"TLS: {cert.name} cannot be read ({cause(error)})", "A PEM file is needed."
        ) from None


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _make(cert: Path, key: Path, names: tuple[str, ...]) -> None:
    """Makes a self-signed certificate, for a closed network; only the owner can read its key."""
    cert.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pneumoscope")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with replacing(key) as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(secret)
    with replacing(cert) as stream:
        stream.write(made.public_bytes(serialization.Encoding.PEM))
