"""Reading through a server; `tests/serve/test_load.py` starts a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from answering import answering
from pneumoscope.train.inference_bench import server_way
from pneumoscope.train.inference_bench.way import Job


def test_films_are_sent_and_the_server_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []
    answerer = answering(b'{"state":"done"}')

    class Serving:
        def __enter__(self) -> object:
            server, self.bodies = answerer.__enter__()
            return server

        def __exit__(self, *_: object) -> None:
            calls.append(("ended",))
            answerer.__exit__(None, None, None)

    serving = Serving()

    def start(folder: str, *options: str) -> Serving:
        calls.append((str(Path(folder).is_dir()), *options))
        return serving

    monkeypatch.setattr(server_way, "serving", start)
    film = tmp_path / "film.jpg"
    film.write_bytes(b"of a chest")
    way = server_way.Server(Job(tmp_path, 2, 224))
    way.read(film)
    way.read_many([film] * 3)
    assert len(way.at_rate([film], 100.0, 0.02)) == 2
    assert [b"of a chest" in body for body in serving.bodies] == [True] * 6
    assert way.cpu_s() > 0
    memory_mib = way.memory_mib()
    assert memory_mib is not None
    assert memory_mib > 10
    way.close()
    assert calls == [("True", "--bundle", str(tmp_path)), ("ended",)]
