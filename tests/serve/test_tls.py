"""Encrypted connections, and addresses that are not opened without encryption."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import pneumoscope
from command_line import run
from grey_films import BRIGHT
from in_process import CHEAP, PASSWORD
from listening import listening
from live import listening as serving_app
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ServerError, UnsafeAddress, UsageError
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.security import tls
from pneumoscope.serve.settings import ServeSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_loopback_is_open_without_anything(host: str) -> None:
    tls.check_address(ServeSettings(host=host), accounts=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.org", "127.0.0.1.nip.io"])
@pytest.mark.parametrize(
    ("encrypted", "accounts", "passes"),
    [(False, False, False), (True, False, False), (False, True, False), (True, True, True)],
)
def test_any_other_address_needs_tls_and_accounts(
    host: str, encrypted: bool, accounts: bool, passes: bool
) -> None:
    settings = ServeSettings(host=host, tls_self_signed=encrypted)
    if passes:
        tls.check_address(settings, accounts=accounts)
        return
    with pytest.raises(UnsafeAddress) as caught:
        tls.check_address(settings, accounts=accounts)
    assert caught.value.hint


@pytest.mark.parametrize("more", [[], ["--tls-self-signed"]])
def test_the_command_refuses_before_it_opens_a_port(tmp_path: Path, more: list[str]) -> None:
    done = run("serve", "--host", "0.0.0.0", "--port", "0", "--folder", tmp_path, *more)
    assert done.returncode == 1
    assert "serves on" not in done.stderr
    assert "hint: " in done.stderr
    assert ("user add" if more else "--tls-cert") in done.stderr


def test_films_are_kept_only_under_a_key_of_their_own(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--keep-films", "--folder", tmp_path)
    assert done.returncode == 1
    assert "--keep-films needs a separate key" in done.stderr


def test_a_certificate_is_made_once_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True, host="10.1.2.3")
    pair = tls.certificate(settings)
    assert pair is not None
    assert pair[1].stat().st_mode & 0o777 == 0o600
    first = pair[0].read_bytes()
    assert tls.certificate(settings) == pair
    assert pair[0].read_bytes() == first
    assert {"localhost", "127.0.0.1", "::1", "10.1.2.3"} <= tls.hosts(settings)
    assert len(tls.own_fingerprint(settings).split(":")) == 32


def test_the_server_speaks_no_version_before_tls_1_2(tmp_path: Path) -> None:
    pair = tls.certificate(ServeSettings(folder=tmp_path, tls_self_signed=True))
    assert pair is not None
    assert tls.context(*pair).minimum_version is ssl.TLSVersion.TLSv1_2


def test_every_cipher_has_forward_secrecy_and_authenticates(tmp_path: Path) -> None:
    pair = tls.certificate(ServeSettings(folder=tmp_path, tls_self_signed=True))
    assert pair is not None
    context = tls.context(*pair)
    ciphers = context.get_ciphers()
    assert {cipher["protocol"] for cipher in ciphers} == {"TLSv1.2", "TLSv1.3"}
    assert all(cipher["aead"] for cipher in ciphers)
    assert {cipher["kea"] for cipher in ciphers} == {"kx-ecdhe", "kx-any"}
    assert context.options & ssl.OP_CIPHER_SERVER_PREFERENCE


def test_the_certificate_names_the_address_that_others_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Like many systems, which resolve their own name to loopback only.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", ("127.0.1.1", 0))])
    monkeypatch.setattr(tls, "_outward", lambda: {"10.1.2.3"})
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True, host="0.0.0.0")
    assert {"10.1.2.3", "127.0.1.1", "localhost"} <= tls.hosts(settings)
    first = tls.own_fingerprint(settings)
    assert tls.own_fingerprint(settings) == first
    monkeypatch.setattr(tls, "_outward", lambda: {"10.1.2.4"})  # moved to another network
    assert "10.1.2.4" in tls.hosts(settings)
    assert tls.own_fingerprint(settings) != first
    monkeypatch.setattr(tls, "_outward", set)  # temporarily without a network
    second = tls.own_fingerprint(settings)
    assert "10.1.2.4" in tls.hosts(settings)
    assert tls.own_fingerprint(settings) == second


def test_addresses_are_found_without_sending_anything() -> None:
    for address in tls._outward():
        assert str(ipaddress.ip_address(address)) == address
        assert not ipaddress.ip_address(address).is_unspecified


def test_a_certificate_is_renewed_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True)
    monkeypatch.setattr(tls, "_DAYS", 29)
    pair = tls.certificate(settings)
    assert pair is not None
    short = pair[0].read_bytes()
    monkeypatch.undo()
    tls.certificate(settings)
    assert pair[0].read_bytes() != short


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    pair = tls.certificate(ServeSettings(folder=tmp_path / "a", tls_self_signed=True))
    other = tls.certificate(ServeSettings(folder=tmp_path / "b", tls_self_signed=True))
    assert pair is not None
    assert other is not None
    text = tmp_path / "text.pem"
    text.write_text("not PEM")
    for cert, key in ((text, pair[1]), (pair[0], text), (pair[0], other[1]), (text / "x", text)):
        with pytest.raises(UsageError, match="cannot be used"):
            tls.certificate(ServeSettings(tls_cert=cert, tls_key=key))


def test_a_host_without_tls_answers_to_its_own_names_only(tmp_path: Path) -> None:
    assert tls.hosts(ServeSettings(folder=tmp_path)) == {"localhost", "127.0.0.1", "::1"}
    assert tls.hosts(ServeSettings(folder=tmp_path, host="Ward-7")) == {
        "localhost", "127.0.0.1", "::1", "ward-7",
    }  # fmt: skip


def test_a_real_connection_is_encrypted_and_verified(tmp_path: Path) -> None:
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True)
    pair = tls.certificate(settings)
    assert pair is not None
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(pair[0])
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with listening(settings) as port:
        answer = httpx.get(f"https://127.0.0.1:{port}/", verify=trusting)
        assert answer.text == "https"
        assert "server" not in answer.headers
        # A client that does not know the certificate refuses it.
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://127.0.0.1:{port}/")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://127.0.0.1:{port}/", verify=old)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/")


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, issuer: str
) -> x509.Certificate:
    """A certificate of an authority, or of a server called localhost."""
    now = datetime.now(UTC)
    authority = name != "localhost"
    common = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer)]
    return (
        x509.CertificateBuilder()
        .subject_name(common[0])
        .issuer_name(common[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=authority, crl_sign=authority,
                content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer, hashes.SHA256())
    )  # fmt: skip


@pytest.mark.server
def test_a_certificate_of_the_hospitals_authority_serves_page_and_client(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root, intermediate and server, as a hospital's authority issues them."""
    root_key, issuing_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority = _signed("Hospital Root", root_key, root_key, "Hospital Root")
    chain = [
        _signed("localhost", server_key, issuing_key, "Hospital Issuing"),
        _signed("Hospital Issuing", issuing_key, root_key, "Hospital Root"),
    ]
    pem = serialization.Encoding.PEM
    (tmp_path / "root.pem").write_bytes(authority.public_bytes(pem))
    (tmp_path / "chain.pem").write_bytes(b"".join(each.public_bytes(pem) for each in chain))
    (tmp_path / "key.pem").write_bytes(
        server_key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (tmp_path / "key.pem").chmod(0o600)
    settings = ServeSettings(
        folder=tmp_path / "state", bundle=(str(tiny_bundle.path),), threads=1,
        tls_cert=tmp_path / "chain.pem", tls_key=tmp_path / "key.pem",
    )  # fmt: skip
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    administration.add_user("anna", PASSWORD, "operator")
    token, _ = administration.add_token("anna", "tests", ["read", "predict"], 1)
    administration.store.close()
    with serving_app(create_app(settings), **tls.uvicorn_options(settings)) as (server, _):
        url = f"https://localhost:{server.port}"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
        with pneumoscope.Client(url, token=token) as client:
            record = client.predict(BRIGHT[1])
            assert record.prediction is not None
            assert record.prediction.label == "PNEUMONIA"
        answer = httpx.get(f"{url}/login")
        assert answer.status_code == 200
        assert "max-age" in answer.headers["strict-transport-security"]
        # The address is no name in the certificate.
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://127.0.0.1:{server.port}/login")
        monkeypatch.delenv("SSL_CERT_FILE")
        with (
            pneumoscope.Client(url, token=token) as client,
            pytest.raises(ServerError, match="no answer"),
        ):
            client.predict(BRIGHT[1])


def test_nobody_claims_another_address_or_scheme(tmp_path: Path) -> None:
    with listening(ServeSettings(folder=tmp_path)) as port:
        claims = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.1"}
        assert httpx.get(f"http://127.0.0.1:{port}/", headers=claims).text == "http"
