"""Behind a proxy: forwarded addresses are believed from trusted networks only."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from live import listening
from pneumoscope.errors import UnsafeAddress, UsageError
from pneumoscope.serve.security import tls
from pneumoscope.serve.security.connections import Connections
from pneumoscope.serve.settings import ConnectionLimits, ServeSettings, from_env
from transports import Transport

TRUSTING = ("127.0.0.1", "10.0.0.0/8")


@contextmanager
def seeing(settings: ServeSettings) -> Iterator[int]:
    """A server that answers with the address and the scheme that it sees."""

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["type"] == "http":
            client = scope["client"]
            assert isinstance(client, tuple)
            body = f"{client[0]} {scope['scheme']}".encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": body})  # type: ignore[operator]
        else:
            while (message := await receive())["type"] != "lifespan.shutdown":  # type: ignore[operator]
                await send({"type": f"{message['type']}.complete"})  # type: ignore[operator]
            await send({"type": "lifespan.shutdown.complete"})  # type: ignore[operator]

    with listening(app, **tls.uvicorn_options(settings)) as (server, _):  # type: ignore[arg-type]
        yield server.port


@pytest.mark.server
@pytest.mark.parametrize(
    ("trusted", "forwarded", "sees"),
    [
        ((), "10.9.9.9", "127.0.0.1 http"),
        (("10.0.0.0/8",), "10.9.9.9", "127.0.0.1 http"),
        (("127.0.0.1",), "10.9.9.9", "10.9.9.9 https"),
        (
            ("127.0.0.0/8",),
            "6.6.6.6, 10.9.9.9",
            "10.9.9.9 https",
        ),  # the first is the client's claim
        (TRUSTING, "192.0.2.7, 10.1.2.3", "192.0.2.7 https"),  # two proxies
    ],
)
def test_forwarded_headers_count_only_from_trusted_networks(
    tmp_path: Path, trusted: tuple[str, ...], forwarded: str, sees: str
) -> None:
    with seeing(ServeSettings(folder=tmp_path, trusted_proxy=trusted)) as port:
        claims = {"X-Forwarded-Proto": "https", "X-Forwarded-For": forwarded}
        with httpx.Client(verify=False) as client:
            assert client.get(f"http://127.0.0.1:{port}/", headers=claims).text == sees


def test_ipv4_proxies_are_recognised_on_a_socket_for_ipv6() -> None:
    networks = tls.proxies(ServeSettings(trusted_proxy=("10.0.0.0/8", "2001:db8::/32")))
    assert [str(network) for network in networks] == [
        "10.0.0.0/8", "2001:db8::/32", "::ffff:a00:0/104",
    ]  # fmt: skip


def test_a_proxy_without_accounts_is_refused() -> None:
    settings = ServeSettings(trusted_proxy=("127.0.0.1",))
    with pytest.raises(UnsafeAddress, match="reaches the proxy"):
        tls.check_address(settings, accounts=False)
    tls.check_address(settings, accounts=True)


def test_settings_of_proxies(tmp_path: Path) -> None:
    env = {
        "PNEUMOSCOPE_SERVE_TRUSTED_PROXY": "127.0.0.1, 2001:db8::/32",
        "PNEUMOSCOPE_SERVE_SERVER_NAME": "Films.Hospital.example",
        "XDG_STATE_HOME": str(tmp_path),
    }
    settings = from_env(env)
    assert settings.trusted_proxy == ("127.0.0.1", "2001:db8::/32")
    assert "films.hospital.example" in tls.hosts(settings)
    for wrong in ("localhost", "10.0.0.1/8", "everywhere", ""):
        with pytest.raises(UsageError) as error:
            ServeSettings(trusted_proxy=(wrong,))
        assert error.value.hint


def test_connections_of_a_proxy_are_limited_in_all_only() -> None:
    limits = ConnectionLimits(connections=5, connections_per_address=1)
    networks = tls.proxies(ServeSettings(trusted_proxy=("10.0.0.0/8",)))
    every = Connections(limits=limits, context=None, proxies=networks)
    for address in ("10.1.1.1", "::ffff:10.1.1.1", "192.0.2.1"):
        for _ in range(2):
            # An answer waits, so that each that makes room is closed at once.
            every.add(Transport(address, waiting=1), 0.0)  # type: ignore[arg-type]
    assert every.count == 5


NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
    fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{
            proxy_pass http://127.0.0.1:{server};
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend films
    bind 127.0.0.1:{port} ssl crt {both}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    default_backend server
backend server
    server one 127.0.0.1:{server}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
https://127.0.0.1:{port} {{
    bind 127.0.0.1
    tls {cert} {key}
    reverse_proxy 127.0.0.1:{server}
}}
"""
PROGRAMS = {
    "nginx": (NGINX, ["-e", "stderr", "-c"]),
    "haproxy": (HAPROXY, ["-db", "-f"]),
    "caddy": (CADDY, ["run", "--adapter", "caddyfile", "--config"]),
}


@pytest.mark.server
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_real_proxy_tells_who_asks_whatever_the_client_claims(
    tmp_path: Path, program: str
) -> None:
    executable = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if executable is None:
        pytest.skip(f"{program} is not installed")
    template, options = PROGRAMS[program]
    pair = tls.certificate(ServeSettings(folder=tmp_path, tls_self_signed=True))
    assert pair is not None
    both = tmp_path / "both.pem"
    both.write_bytes(pair[0].read_bytes() + pair[1].read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = ServeSettings(folder=tmp_path, trusted_proxy=("127.0.0.1",))
    with seeing(settings) as server:
        configuration = tmp_path / "proxy.conf"
        configuration.write_text(
            template.format(
                folder=tmp_path, port=port, server=server, cert=pair[0], key=pair[1], both=both
            )
        )
        home = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        proxy = subprocess.Popen(
            [executable, *options, str(configuration)],
            stderr=subprocess.PIPE,
            env=os.environ | home,
        )
        try:
            claims = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"}
            transport = httpx.HTTPTransport(verify=False, local_address="127.0.0.5")
            with httpx.Client(transport=transport) as client:
                assert answer_of(client, f"https://127.0.0.1:{port}/", claims) == "127.0.0.5 https"
        finally:
            proxy.terminate()
            proxy.communicate(timeout=60)


def answer_of(client: httpx.Client, url: str, headers: dict[str, str]) -> str:
    """The answer, once somebody listens there."""
    end = time.monotonic() + 60
    while True:
        try:
            return client.get(url, headers=headers).text
        except httpx.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.05)
