"""How many renderings are made at once, and where they are named."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from grey_films import BRIGHT
from live import Live
from pneumoscope.client import Client
from pneumoscope.serve.renderings import RENDERINGS


def test_so_many_renderings_at_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    record, running, most = live.read(BRIGHT)[0], list[int](), list[int]()
    four_at_once = threading.Barrier(4)

    def slow(*_: object) -> bytes:
        running.append(1)
        most.append(len(running))
        four_at_once.wait(30)
        running.pop()
        return b"x"

    monkeypatch.setitem(RENDERINGS, "film.png", ("image/png", slow))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(live.client.get, [record["links"]["film"]] * 12))
    assert [answer.content for answer in answers] == [b"x"] * 12
    assert max(most) <= 4


def test_the_client_names_every_rendering() -> None:
    documented = Client.rendering.__doc__ or ""
    assert [name for name in RENDERINGS if f'"{name}"' not in documented] == []
