"""Films from a real Orthanc, by both ways, and from servers that do not answer as they should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from film_files import SC
from orthanc_server import PASSWORD, USER, Orthanc, orthanc
from pneumoscope.errors import QueueFull
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.pull import dicomweb, postponed
from pneumoscope.pacs.pull.dicomweb import first_part
from pneumoscope.pacs.pull.settings import parse
from pneumoscope.pacs.pull.sources import Source, open_sources
from result_films import film_bytes
from web_servers import Answer, Request, web_server

TODAY = datetime.now().strftime("%Y%m%d")
TYPES = ("dicomweb", "orthanc")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def film(number: int, **elements: object) -> bytes:
    """A film of today with UIDs of its own; every second one in a new series."""
    values: dict[str, object] = {
        "Modality": "CR",
        "StudyDate": TODAY,
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": f"1.2.3.{number // 2}",
        "SOPInstanceUID": f"1.2.3.{number // 2}.{number}",
        "PatientID": "P1",
    }
    return film_bytes(200, **values | elements)


def source(kind: str, url: str, folder: Path, **more: object) -> Source:
    password = folder / "password"
    password.write_text(PASSWORD)
    url += "/dicom-web" if kind == "dicomweb" else ""
    table = {"type": kind, "url": url, "user": USER, "password_file": str(password), **more}
    [opened] = open_sources([parse(table, "source")], folder)
    return opened


@pytest.mark.server
@pytest.mark.parametrize("kind", TYPES)
def test_each_film_comes_once_and_as_it_is_stored(
    server: Orthanc, tmp_path: Path, kind: str
) -> None:
    server.clear()
    films = [film(number) for number in range(3)]
    for content in films:
        server.post("/instances", content)
    server.post("/instances", film(7, Modality="CT"))
    server.post("/instances", film(8, Modality="OT", SOPClassUID=SC))
    taken: list[bytes] = []
    opened = source(kind, server.url, tmp_path)
    assert opened.check().ok
    assert opened.poll(taken.append) == 3
    assert sorted(taken) == sorted(films)
    assert opened.poll(taken.append) == 0
    # After a restart it goes on where it was; a new film in a known series is new.
    server.post("/instances", film(3))
    assert source(kind, server.url, tmp_path).poll(taken.append) == 1
    assert taken[3] == film(3)


@pytest.mark.server
@pytest.mark.parametrize("kind", TYPES)
def test_a_film_that_cannot_be_taken_comes_again(
    server: Orthanc, tmp_path: Path, kind: str
) -> None:
    server.clear()
    for number in range(2):
        server.post("/instances", film(number))
    taken: list[bytes] = []

    def full(content: bytes) -> None:
        if taken:
            raise QueueFull(1)
        taken.append(content)

    opened = source(kind, server.url, tmp_path)
    with pytest.raises(QueueFull):
        opened.poll(full)
    assert opened.poll(taken.append) == 1
    assert sorted(taken) == sorted(film(number) for number in range(2))


@pytest.mark.server
def test_filters(server: Orthanc, tmp_path: Path) -> None:
    server.clear()
    server.post("/instances", film(0, BodyPartExamined="CHEST"))
    server.post("/instances", film(2, BodyPartExamined="HAND"))
    server.post("/instances", film(4, StudyDate="20200101", StudyInstanceUID="1.2.4"))
    server.post("/instances", film(6, Manufacturer="pneumoscope", BodyPartExamined="CHEST"))
    taken: list[bytes] = []
    assert source("orthanc", server.url, tmp_path, body_parts=["CHEST"]).poll(taken.append) == 1
    chest = tmp_path / "chest"
    chest.mkdir()
    assert source("dicomweb", server.url, chest, body_parts=["HAND"]).poll(taken.append) == 1
    everything = tmp_path / "everything"
    everything.mkdir()
    assert source("dicomweb", server.url, everything, days=3650).poll(taken.append) == 4


def test_an_orthanc_that_counts_anew_is_followed_from_the_start(tmp_path: Path) -> None:
    changes = [{"Seq": n, "ChangeType": "NewPatient", "ID": "x"} for n in (1, 2, 3)]

    def answer(request: Request) -> Answer:
        since = int(request.path.partition("since=")[2].partition("&")[0])
        page = [change for change in changes if change["Seq"] > since]
        last = page[-1]["Seq"] if page else changes[-1]["Seq"]
        return Answer(200, json.dumps({"Changes": page, "Done": True, "Last": last}).encode())

    with web_server(answer) as server:
        opened = source("orthanc", server.url, tmp_path)
        opened.poll(lambda _film: None)
        assert opened.cursor.load() == {"since": 3}
        del changes[1:]  # a new database, whose last change is the first
        opened.poll(lambda _film: None)
    assert opened.cursor.load() == {"since": 1}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("body", [b"", b"<html>", b'"text"', b'[{"a": 1}]', b'{"Changes": [{}]}'])
def test_another_kind_of_server_is_an_error_with_a_hint(
    tmp_path: Path, kind: str, body: bytes
) -> None:
    with web_server(Answer(200, body)) as server:
        opened = source(kind, server.url, tmp_path)
        with pytest.raises(DeliveryFailed, match="does not answer as") as caught:
            opened.poll(lambda _film: None)
    assert "Enter the URL" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("orthanc", b'{"Changes": [], "Done": false, "Last": 9}'),
        ("orthanc", b'{"Changes": [{"Seq": 0, "ChangeType": "x", "ID": ""}], "Done": false, "Last": 9}'),
        ("orthanc", b'{"Changes": [{"Seq": Infinity, "ChangeType": "x", "ID": ""}]}'),
        ("orthanc", b"[" * 100_000),
        ("dicomweb", b"[" * 100_000),
        ("dicomweb", json.dumps(100 * [{"0020000D": {"Value": ["1.2"]}}]).encode()),
    ],
    ids=["never done", "same again", "infinity", "deep", "deep", "same page again"],
)  # fmt: skip
def test_a_server_whose_answers_never_end_is_an_error(
    tmp_path: Path, kind: str, body: bytes
) -> None:
    with web_server(Answer(200, body)) as server:
        opened = source(kind, server.url, tmp_path)
        with pytest.raises(DeliveryFailed, match="does not answer as"):
            opened.poll(lambda _film: None)
        assert len(server.requests) <= 2


def test_a_search_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomweb, "_MOST_ITEMS", 300)

    def answer(request: Request) -> Answer:
        offset = request.path.partition("offset=")[2].partition("&")[0]
        item = {"0020000D": {"Value": [f"1.{offset}"]}, "0020000E": {"Value": ["1.2"]}}
        return Answer(200, json.dumps(100 * [item]).encode())

    with web_server(answer) as server:
        opened = source("dicomweb", server.url, tmp_path)
        with pytest.raises(DeliveryFailed, match="finds more than 300 objects"):
            opened.poll(lambda _film: None)
    assert len(server.requests) == 3


@pytest.mark.parametrize("count", ["²", "9" * 5000, -1, 1e400, [], None])
def test_a_count_that_is_no_number_is_left_out(tmp_path: Path, count: object) -> None:
    item = {
        "0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": ["1.3"]},
        "00201209": {"Value": [count]},
    }  # fmt: skip
    pages = {"/dicom-web/series": [item], "/dicom-web/studies/1.2/series/1.3/instances": []}
    with web_server(
        lambda request: Answer(200, json.dumps(pages[request.path.partition("?")[0]]).encode())
    ) as server:
        assert source("dicomweb", server.url, tmp_path).poll(lambda _film: None) == 0


@pytest.mark.parametrize("kind", TYPES)
def test_a_server_that_is_down_is_an_error(tmp_path: Path, kind: str) -> None:
    with web_server(Answer(503)) as server:
        opened = source(kind, server.url, tmp_path)
        with pytest.raises(DeliveryFailed, match="answers 503"):
            opened.poll(lambda _film: None)
        assert not opened.check().ok


def test_a_uid_from_outside_is_no_path(tmp_path: Path) -> None:
    item = {"0020000D": {"Value": ["../../x"]}, "0020000E": {"Value": ["1.2"]}}
    with web_server(Answer(200, json.dumps([item]).encode())) as server:
        opened = source("dicomweb", server.url, tmp_path)
        with pytest.raises(DeliveryFailed, match="does not answer as"):
            opened.poll(lambda _film: None)
        assert len(server.requests) == 1


def test_pages_follow_each_other(tmp_path: Path) -> None:
    """A server with 101 series that hold no instances, at most 100 of them in an answer."""

    def answer(request: Request) -> Answer:
        if "/instances" in request.path:
            return Answer(204)
        offset = int(request.path.partition("offset=")[2].partition("&")[0])
        items = [
            {"0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": [f"1.2.{n}"]}}
            for n in range(offset, min(offset + 100, 101))
        ]
        return Answer(200, json.dumps(items).encode())

    with web_server(answer) as server:
        source("dicomweb", server.url, tmp_path, modalities=["CR"]).poll(lambda _film: None)
    assert sum("/instances" in request.path for request in server.requests) == 101


class CountingArchive:
    """A DICOMweb server that says how many instances a series has.

    Attributes:
        series: The UIDs of the instances of each series.
        listed: The series whose instances were asked for.
    """

    def __init__(self, series: dict[str, list[str]]) -> None:
        self.series = series
        self.listed: list[str] = []

    def __call__(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        if path.endswith("/series"):
            offset = int(request.path.partition("offset=")[2].partition("&")[0])
            items = [
                {
                    "0020000D": {"Value": ["1.2"]},
                    "0020000E": {"Value": [uid]},
                    "00201209": {"Value": [len(instances)]},
                }
                for uid, instances in self.series.items()
            ]
            return Answer(200, json.dumps(items[offset : offset + 100]).encode())
        series, _, instance = path.partition("/series/")[2].partition("/instances")
        if instance:
            kind = 'multipart/related; type="application/dicom"; boundary="b"'
            film = b"--b\r\n\r\n" + instance[1:].encode() + b"\r\n--b--"
            return Answer(200, film, {"Content-Type": kind})
        self.listed.append(series)
        uids = [{"00080018": {"Value": [uid]}} for uid in self.series[series]]
        return Answer(200, json.dumps(uids).encode())


def test_a_film_in_place_of_another_one_is_fetched(tmp_path: Path) -> None:
    archive, taken = CountingArchive({"1.3": ["1.3.1", "1.3.2"]}), list[bytes]()
    with web_server(archive) as server:
        opened = source("dicomweb", server.url, tmp_path, modalities=["CR"])
        assert opened.poll(taken.append) == 2
        archive.series["1.3"] = ["1.3.1", "1.3.3"]
        assert opened.poll(taken.append) == 1
        # A film that was deleted and comes back is new: the node recognises it.
        archive.series["1.3"] = ["1.3.1"]
        assert opened.poll(taken.append) == 0
        archive.series["1.3"] = ["1.3.1", "1.3.3"]
        assert opened.poll(taken.append) == 1
        assert opened.poll(taken.append) == 0
    assert taken == [b"1.3.1", b"1.3.2", b"1.3.3", b"1.3.3"]


def test_every_series_is_listed_again_in_turn_also_across_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb, "_LISTED_AGAIN", 2)
    names = [f"1.{number}" for number in range(5)]
    archive, taken = CountingArchive({uid: [f"{uid}.1"] for uid in names}), list[bytes]()

    def poll() -> list[str]:
        archive.listed.clear()
        source("dicomweb", server.url, tmp_path, modalities=["CR"]).poll(taken.append)
        return list(archive.listed)

    with web_server(archive) as server:
        assert poll() == names
        assert [poll(), poll(), poll()] == [["1.0", "1.1"], ["1.2", "1.3"], ["1.0", "1.4"]]
        archive.series["1.3"] = ["1.3.2"]
        archive.series["1.9"] = ["1.9.1"]
        assert "1.9" in poll() + poll() + poll()
    assert taken[5:] in ([b"1.9.1", b"1.3.2"], [b"1.3.2", b"1.9.1"])


def test_a_search_that_fails_forgets_no_series(tmp_path: Path) -> None:
    archive, taken = CountingArchive({"1.3": ["1.3.1"]}), list[bytes]()
    down = False

    def answer(request: Request) -> Answer:
        return Answer(400) if down and "Modality=CR" in request.path else archive(request)

    with web_server(answer) as server:
        opened = source("dicomweb", server.url, tmp_path, modalities=["DX", "CR"])
        assert opened.poll(taken.append) == 1
        archive.series["1.4"] = ["1.4.1"]
        down = True
        with pytest.raises(DeliveryFailed, match="answers 400"):
            opened.poll(taken.append)
        del archive.series["1.4"]  # the search that works no longer gives it
        with pytest.raises(DeliveryFailed, match="answers 400"):
            opened.poll(taken.append)
        archive.series["1.4"] = ["1.4.1"]
        down = False
        assert opened.poll(taken.append) == 0
    assert taken == [b"1.3.1", b"1.4.1"]


def too_large_then_small(request: Request) -> Answer:
    """A server of either kind: its first film has 2 MiB, its second one some bytes."""
    if "/changes" in request.path:
        ids = ["-".join([f"{number:08x}"] * 5) for number in (1, 2)]
        changes = [{"Seq": n, "ChangeType": "NewInstance", "ID": i} for n, i in enumerate(ids, 1)]
        since = int(request.path.partition("since=")[2].partition("&")[0])
        changes = changes[since:]
        return Answer(200, json.dumps({"Changes": changes, "Done": True, "Last": 2}).encode())
    if "/content/" in request.path:
        return Answer(200, b"CR" if "0008-0060" in request.path else b"")
    uids = [{"00080018": {"Value": [f"1.2.3.{number}"]}} for number in (1, 2)]
    if request.path.endswith(("/file", "/1.2.3.1", "/1.2.3.2")):
        film = b"x" * 2**21 if "00000001" in request.path or "1.2.3.1" in request.path else b"film"
        kind = 'multipart/related; type="application/dicom"; boundary="b"'
        multipart = b"--b\r\n\r\n" + film + b"\r\n--b--"
        if request.path.endswith("/file"):
            return Answer(200, film)
        return Answer(200, multipart, {"Content-Type": kind})
    if "/instances" in request.path:
        return Answer(200, json.dumps(uids).encode())
    item = {"0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": ["1.2.3"]}}
    return Answer(200, json.dumps([item]).encode())


@pytest.mark.parametrize("kind", TYPES)
def test_a_film_that_is_too_large_does_not_stop_the_others(tmp_path: Path, kind: str) -> None:
    taken: list[bytes] = []
    with web_server(too_large_then_small) as server:
        opened = source(kind, server.url, tmp_path, film_mib=1, modalities=["CR"])
        assert opened.poll(taken.append) == 1
        assert opened.poll(taken.append) == 0
    assert taken == [b"film"]


def test_parts_by_hand() -> None:
    kind = 'multipart/related; type="application/dicom"; boundary="b-1"'
    body = b"--b-1\r\nContent-Type: application/dicom\r\n\r\n\r\nDICM\r\n\r\n--b-1--"
    assert first_part(kind, body) == b"\r\nDICM\r\n"
    assert first_part(kind.replace('"b-1"', "b-1"), body) == b"\r\nDICM\r\n"
    assert first_part("application/json", body) is None
    assert first_part(kind, b"--b-1\r\n\r\nno end") is None
    assert first_part(kind, b"") is None


def id_of(number: int) -> str:
    """Orthanc's id of an instance."""
    return "-".join([f"{number:08x}"] * 5)


class Archive:
    """A server of either kind with films that it gives, or answers with a status of their own.

    Attributes:
        statuses: Status of each film, by its number from 1.
        down: Whether it answers nothing but 503.
    """

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.down = False

    def __call__(self, request: Request) -> Answer:
        numbers = range(1, len(self.statuses) + 1)
        if self.down:
            return Answer(503)
        for number in numbers:
            if request.path.endswith((f"/{id_of(number)}/file", f"/1.2.3.{number}")):
                film = f"film {number}".encode()
                kind = 'multipart/related; type="application/dicom"; boundary="b"'
                body = film if "/file" in request.path else b"--b\r\n\r\n" + film + b"\r\n--b--"
                return Answer(self.statuses[number - 1], body, {"Content-Type": kind})
        if "/changes" in request.path:
            since = int(request.path.partition("since=")[2].partition("&")[0])
            changes = [{"Seq": n, "ChangeType": "NewInstance", "ID": id_of(n)} for n in numbers]
            page = {"Changes": changes[since:], "Done": True, "Last": len(changes)}
            return Answer(200, json.dumps(page).encode())
        if "/content/" in request.path:
            return Answer(200, b"CR" if "0008-0060" in request.path else b"")
        if "/system" in request.path:
            return Answer(200, b"{}")
        if "/instances" in request.path:
            uids = [{"00080018": {"Value": [f"1.2.3.{number}"]}} for number in numbers]
            return Answer(200, json.dumps(uids).encode())
        item = {"0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": ["1.2.3"]}}
        return Answer(200, json.dumps([item]).encode())


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("status", [406, 415, 500])
def test_an_object_that_is_never_given_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    monkeypatch.setattr(postponed, "MOST_ATTEMPTS", 3)
    archive, taken, now = Archive(200, status, 200), [], [1000.0]
    with web_server(archive) as server:
        opened = source(kind, server.url, tmp_path, modalities=["CR"])
        opened.postponed.clock = lambda: now[0]
        assert opened.poll(taken.append) == 2
        assert (taken, opened.postponed.counts()) == ([b"film 1", b"film 3"], (1, 0))
        for _ in range(2):
            assert opened.poll(taken.append) == 0  # its next attempt is not due
            now[0] += 3600
            assert opened.poll(taken.append) == 0
        assert opened.postponed.counts() == (0, 1)
        archive.statuses.append(200)
        assert opened.poll(taken.append) == 1
        # After a start it is tried once more, and forgotten once it has come.
        archive.statuses[1] = 200
        opened = source(kind, server.url, tmp_path, modalities=["CR"])
        assert opened.poll(taken.append) == 1
        assert opened.postponed.counts() == (0, 0)
    assert taken == [b"film 1", b"film 3", b"film 4", b"film 2"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPES)
def test_a_source_that_gives_nothing_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It is down, or it answers searches and has lost its disk: nothing is set aside."""
    monkeypatch.setattr(postponed, "MOST_ATTEMPTS", 3)
    archive, taken, now = Archive(*[200] * 6), [], [1000.0]
    with web_server(archive) as server:
        opened = source(kind, server.url, tmp_path, modalities=["CR"])
        opened.postponed.clock = lambda: now[0]
        archive.down = True
        with pytest.raises(DeliveryFailed, match="answers 503"):
            opened.poll(taken.append)
        archive.down, archive.statuses = False, [500] * 6
        with pytest.raises(DeliveryFailed, match="none of 5 objects could be fetched"):
            opened.poll(taken.append)
        for _ in range(6):
            with suppress(DeliveryFailed):
                opened.poll(taken.append)
            now[0] += 4000
        assert opened.postponed.counts() == (6, 0)
        archive.statuses = [200] * 7
        assert opened.poll(taken.append) == 7
        assert opened.postponed.counts() == (0, 0)
    assert sorted(taken) == [f"film {number}".encode() for number in range(1, 8)]


def test_a_film_that_is_too_large_comes_when_the_limit_is_raised(tmp_path: Path) -> None:
    taken: list[bytes] = []
    with web_server(too_large_then_small) as server:
        opened = source("orthanc", server.url, tmp_path, film_mib=1)
        opened.poll(taken.append)
        assert opened.postponed.counts() == (0, 1)
        assert source("orthanc", server.url, tmp_path, film_mib=3).poll(taken.append) == 1
    assert [len(film) for film in taken] == [4, 2**21]


def test_a_series_that_cannot_be_searched_stops_no_other(tmp_path: Path) -> None:
    """The first of two series has instances that cannot be listed, or UIDs that are none."""

    def answer(request: Request) -> Answer:
        if "/1.2.9/instances" in request.path:
            return Answer(500)
        if "/1.2.3/instances?" in request.path or "/1.2.3.1" in request.path:
            return Archive(200)(request)
        items = [
            {"0020000D": {"Value": [study]}, "0020000E": {"Value": [series]}}
            for study, series in (("1.2", "1.2.9"), ("1.2", "../x"), ("1.2", "1.2.3"))
        ]
        return Answer(200, json.dumps(items).encode())

    taken: list[bytes] = []
    with web_server(answer) as server:
        opened = source("dicomweb", server.url, tmp_path, modalities=["CR"])
        for _ in range(2):
            with pytest.raises(DeliveryFailed):
                opened.poll(taken.append)
    assert taken == [b"film 1"]
