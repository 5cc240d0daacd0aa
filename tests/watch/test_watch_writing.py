"""Results whose files cannot be made: tried again, and finally given up with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grey_films import BRIGHT
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DecoderFailed
from pneumoscope.images.decoders import DecodeOptions, Decoder
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import GIVEN_UP, PENDING
from pneumoscope.watch import writing
from pneumoscope.watch.result_files import ResultFiles
from pneumoscope.watch.watching import OWNER
from watched import run_once, watch_settings


def test_an_unknown_failure_is_given_up_in_the_end(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(BRIGHT[1])
    settings = watch_settings(tmp_path, [tmp_path / "in"], tiny_bundle)
    monkeypatch.setattr(writing, "write_result", broken)
    monkeypatch.setattr(writing, "pause_s", lambda _attempts: 0.0)
    outcome, heard = run_once(settings)
    assert (heard.results, outcome.left, len(heard.troubles)) == ({}, 0, 1)
    store = Store(settings.database_url)
    [row] = store.history(OWNER, 9)
    [delivery] = Deliveries(store).of_film(OWNER, row.id)
    assert (delivery.state, delivery.attempts) == (GIVEN_UP, 5)
    assert delivery.error is not None
    assert delivery.error["code"] == "ServerFault"
    store.close()


def test_a_film_that_cannot_be_deleted_does_not_end_the_run(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_store: FilmStore, films: list[str]) -> None:
        if films:
            raise PermissionError

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(BRIGHT[1])
    settings = watch_settings(tmp_path, [tmp_path / "in"], tiny_bundle)
    monkeypatch.setattr(FilmStore, "drop", refused)
    outcome, heard = run_once(settings)
    assert (len(heard.results), outcome.left) == (1, 0)


def test_a_busy_decoder_costs_no_overlay(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The film was read before, so that its overlay is made as soon as the machine can."""
    decode = Decoder.decode
    late: list[int] = []

    def busy(self: Decoder, data: bytes, options: DecodeOptions, *rest: Any) -> Any:
        if not options.size and len(late) < 2:  # a picture for the overlay
            late.append(options.side_px)
            raise DecoderFailed("a film", "its decoder was late")
        return decode(self, data, options, *rest)

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(BRIGHT[1])
    settings = watch_settings(tmp_path, [tmp_path / "in"], tiny_bundle, result_files=ResultFiles())
    monkeypatch.setattr(Decoder, "decode", busy)
    monkeypatch.setattr(writing, "pause_s", lambda _attempts: 0.0)
    outcome, heard = run_once(settings)
    assert len(late) == 2
    assert (len(heard.results), outcome.left, len(heard.troubles)) == (1, 0, 1)
    assert (tmp_path / "out" / "a.png.heatmap.png").is_file()


def test_pauses_grow_with_the_attempts(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(BRIGHT[1])
    settings = watch_settings(tmp_path, [tmp_path / "in"], tiny_bundle)
    monkeypatch.setattr(writing, "write_result", refused)
    outcome, heard = run_once(settings)
    assert outcome.left == 1
    assert "permission denied" in heard.troubles[0]
    store = Store(settings.database_url)
    [row] = store.history(OWNER, 9)
    [delivery] = Deliveries(store).of_film(OWNER, row.id)
    assert (delivery.state, delivery.attempts) == (PENDING, 1)
    assert delivery.next_attempt is not None
    pause = delivery.next_attempt - datetime.now(UTC)
    assert timedelta(seconds=5) < pause <= timedelta(seconds=15)
    store.close()
