"""Objects that are sent as they are encoded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pydicom import dcmread
from pynetdicom import AE

from archives import archive, certificate, maker_of, server_context, settings_for, stored_film
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.c_store import Archive
from pneumoscope.pacs.destinations.commitment import Commitments
from pneumoscope.pacs.destinations.connection_settings import TlsSettings
from pneumoscope.pacs.destinations.encoded_store import data_set_pdus

_DATA = b"0123456789"


def test_a_data_set_is_cut_into_pdus_of_the_peers_size() -> None:
    first = bytes.fromhex("0400 0000000c 00000008 05 00") + b"012345"
    second = bytes.fromhex("0400 0000000a 00000006 05 02") + b"6789"
    assert data_set_pdus(memoryview(_DATA), 5, 12) == first + second
    # Fragments have an even number of bytes.
    assert data_set_pdus(memoryview(_DATA), 5, 13) == first + second


@pytest.mark.parametrize("largest", [0, 16, 16384])
def test_a_data_set_that_fits_is_one_pdu(largest: int) -> None:
    whole = bytes.fromhex("0400 00000010 0000000c 07 02") + _DATA
    assert data_set_pdus(memoryview(_DATA), 7, largest) == whole


@pytest.mark.parametrize("encrypted", [False, True])
def test_the_archive_gets_the_bytes_of_the_object(
    tiny_bundle: Bundle, tmp_path: Path, encrypted: bool
) -> None:
    film, maker = stored_film(tiny_bundle), maker_of(tiny_bundle)
    theirs, ours = certificate(tmp_path, "theirs"), certificate(tmp_path, "ours")
    context = server_context(theirs, ours) if encrypted else None
    tls = TlsSettings(authority=theirs, certificate=ours) if encrypted else None

    def small_pdus(ae: AE) -> list[object]:
        ae.maximum_pdu_size = 4096
        return []

    with archive(tls=context, more=small_pdus) as received:
        settings = settings_for(received, tls=tls)
        Archive(settings, maker, Commitments()).send(film)
    made = maker.objects(film, settings.objects)
    assert [item.kind for item in made] == ["sr", "sc", "seg"]
    assert max(len(item.content) for item in made) > 20 * 4096
    for item, arrived in zip(made, received.objects, strict=True):
        expected = dcmread(io.BytesIO(item.content))
        assert arrived == expected
        assert arrived.file_meta.TransferSyntaxUID == expected.file_meta.TransferSyntaxUID
