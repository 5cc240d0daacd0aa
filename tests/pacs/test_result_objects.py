"""Objects of stored results, made once."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from archives import maker_of, picture, stored_film
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UnreadableImage
from pneumoscope.images.decoders import DecoderPool
from pneumoscope.pacs.destinations import result_objects
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.result_objects import ObjectMaker, picture_by
from result_films import CREATED, film_bytes, made, result_of


def test_objects_are_those_of_the_report_command(tiny_bundle: Bundle) -> None:
    """The result went through the database and back."""
    [stored] = maker_of(tiny_bundle).objects(stored_film(tiny_bundle), ["seg"])
    expected = made(result_of(tiny_bundle), "seg")
    written = dcmread(io.BytesIO(stored.content))
    assert written.SOPInstanceUID == expected.SOPInstanceUID
    assert (written.pixel_array == expected.pixel_array).all()


def test_a_second_destination_costs_nothing(tiny_bundle: Bundle) -> None:
    decoded = []
    maker = ObjectMaker([tiny_bundle], lambda film: decoded.append(1) or picture(film))
    film = stored_film(tiny_bundle)
    first = maker.objects(film, KINDS)
    assert [item.kind for item in first] == list(KINDS)
    assert maker.objects(film, ["sr", "fhir"]) == [first[0], first[-1]]
    assert decoded == [1]
    maker.objects(film, ["fhir"], "R4")
    assert decoded == [1, 1]


def test_objects_of_the_last_films_alone_are_remembered(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_objects, "_REMEMBERED", 2)
    maker = maker_of(tiny_bundle)
    films = [replace(stored_film(tiny_bundle), id=f"{number:032x}") for number in range(3)]
    first, second, third = [maker.objects(film, ["fhir"])[0] for film in films]
    assert maker.objects(films[2], ["fhir"])[0] is third
    assert maker.objects(films[1], ["fhir"])[0] is second
    assert maker.objects(films[0], ["fhir"])[0] is not first


def test_one_object_is_not_made_by_two_threads(tiny_bundle: Bundle) -> None:
    decoded = []

    def slow(film: bytes) -> NDArray[np.uint8]:
        decoded.append(threading.current_thread().name)
        started.set()
        assert both_want.wait(30)
        return picture(film)

    started, both_want = threading.Event(), threading.Event()
    film, maker = stored_film(tiny_bundle), ObjectMaker([tiny_bundle], slow)
    with ThreadPoolExecutor(2) as threads:
        making = threads.submit(maker.objects, film, ["sr"])
        assert started.wait(30)
        waiting = threads.submit(maker.objects, film, ["sr"])
        both_want.set()
        assert waiting.result(30)[0] is making.result(30)[0]
    assert len(decoded) == 1


def test_a_bundle_that_is_gone_is_a_reason(tiny_bundle: Bundle) -> None:
    with pytest.raises(DeliveryFailed, match="not in use any more") as caught:
        maker_of().objects(stored_film(tiny_bundle), ["sr"])
    assert caught.value.permanent


def test_a_film_that_cannot_be_decoded_now_is_tried_again(tiny_bundle: Bundle) -> None:
    """It was decoded for its verdict, so that the reason is the machine."""

    def overloaded(_film: bytes) -> NDArray[np.uint8]:
        raise UnreadableImage("the film", "decoding takes more than 20 s")

    maker = ObjectMaker([tiny_bundle], overloaded)
    with pytest.raises(DeliveryFailed, match="decoding takes more than 20 s") as caught:
        maker.objects(stored_film(tiny_bundle), ["sc"])
    assert not caught.value.permanent


@pytest.mark.slow
def test_films_are_decoded_by_a_child(tiny_bundle: Bundle) -> None:
    decoders = DecoderPool(1, 20.0, 2**30)
    try:
        pixels = picture_by(decoders, 10_000_000)(film_bytes(200))
    finally:
        decoders.stop()
    assert pixels.shape == (240, 260)
    assert (pixels == picture(film_bytes(200))).all()


def test_equal_results_of_other_times_are_other_objects(tiny_bundle: Bundle) -> None:
    film = stored_film(tiny_bundle)
    later = replace(film, id="f" * 32, created=CREATED.replace(year=2027))
    maker = maker_of(tiny_bundle)
    uids = {maker.objects(item, ["sr"])[0].sop_instance_uid for item in (film, later)}
    assert len(uids) == 2
