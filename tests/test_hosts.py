"""Which hosts are this machine."""

from __future__ import annotations

import pytest

from pneumoscope.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_known_by_name_and_number(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "10.0.0.5", "db.example", "localhost.example", "0.0.0.0"])
def test_other_machines_are_not_taken_for_it(host: str) -> None:
    assert not is_loopback(host)
