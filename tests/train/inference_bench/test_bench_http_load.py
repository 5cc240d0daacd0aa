"""Clients of a server, on one that answers in a fixed way."""

from __future__ import annotations

import asyncio
import os

import pytest

from answering import answering
from pneumoscope.errors import BenchError
from pneumoscope.train.inference_bench import http_load

DONE = b'{"state":"done"}'


def test_every_film_is_a_request_of_its_own() -> None:
    with answering(DONE) as (server, bodies):
        films = [bytes([i]) * 9 for i in range(5)]
        asyncio.run(
            http_load.at_once([http_load.request([f], server.host) for f in films], 2, server)
        )
        assert sorted(film for body in bodies for film in films if film in body) == films
        assert len(bodies) == 5


def test_films_come_at_a_fixed_rate() -> None:
    with answering(DONE) as (server, bodies):
        content = http_load.request([b"film"], server.host)
        times_ms = asyncio.run(http_load.at_rate([content], 100.0, 0.05, server))
    assert len(times_ms) == len(bodies) == 5
    assert min(times_ms) > 0


@pytest.mark.parametrize("body", [b'{"state":"failed"}', b"{}"])
def test_a_film_that_is_not_read_ends_the_benchmark(body: bytes) -> None:
    with answering(body) as (server, _):
        content = http_load.request([b"film"], server.host)
        with pytest.raises(BenchError, match="the server answered 200"):
            asyncio.run(http_load.at_once([content], 1, server))


def test_this_process_uses_time_and_memory() -> None:
    assert http_load.cpu_s(os.getpid()) > 0
    assert http_load.memory_mib(os.getpid()) > 10
    assert os.getpid() in http_load.processes(os.getpid())
