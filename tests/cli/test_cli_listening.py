"""Sockets that the servers listen on."""

from __future__ import annotations

import re
import socket

import pytest

from pneumoscope.cli.serve.listening import address, free_place, listen
from pneumoscope.errors import UsageError


def test_a_free_port_and_its_address() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert address(listener) == f"127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass


def test_an_address_of_version_six_has_brackets() -> None:
    class Six:
        def getsockname(self) -> tuple[str, int, int, int]:
            return "::1", 8000, 0, 0

    assert address(Six()) == "[::1]:8000"  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_name_of_no_machine_and_an_address_of_another_one(host: str) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on {re.escape(host)} port 0") as error:
        listen(host, 0)
    assert "--host" in error.value.hint
    assert "--port" not in error.value.hint


def test_a_port_in_use() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError, match="in use") as error:
            listen("127.0.0.1", port)
    assert "--port" in error.value.hint


def test_only_addresses_that_others_reach_are_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    place, port = free_place("127.0.0.1", 0)
    assert place == f"127.0.0.1:{port}"
    assert capsys.readouterr().err == ""
    place, _ = free_place("0.0.0.0", 0)
    assert f"anyone who can reach {place}" in capsys.readouterr().err
