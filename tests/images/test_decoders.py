"""Decoding in a child process: its limits, and what comes back."""

from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from grey_films import BRIGHT, DARK, film
from pneumoscope import images
from pneumoscope.errors import TooLarge, UnknownFormat, UnreadableImage
from pneumoscope.images import codec_process, decoders
from pneumoscope.images.decoders import (
    DecodeOptions,
    Decoder,
    DecoderPool,
    _answer,
    _packed,
    _restored,
    _serve,
    _unpacked,
    shown_size,
)
from pneumoscope.records import FilmFacts, Radiograph

FACTS = {"format": "PNG", "rows": 1, "columns": 1}
SAMPLE = Path(__file__).parents[2] / "samples" / "pneumonia-3.dcm"


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(30, 2**30)
    yield decoder
    decoder.stop()


@pytest.mark.parametrize("data", [BRIGHT[1], SAMPLE.read_bytes()], ids=["png", "dicom"])
def test_the_child_makes_the_same_input(decoder: Decoder, data: bytes) -> None:
    decoded = decoder.decode(data, DecodeOptions(64, 224, 224))
    film = images.read(data, at_least_px=224)
    assert (decoded.pixels == images.model_input(film, 64, 224)).all()
    assert decoded.facts == film.facts
    assert decoded.read_ms > 0


def test_the_film_itself_at_a_bounded_size(decoder: Decoder) -> None:
    whole = decoder.decode(film(90, 300, 200), DecodeOptions(0)).pixels
    assert whole.shape == (300, 200)
    assert (whole == 90).all()
    small = decoder.decode(film(90, 300, 200), DecodeOptions(0, side_px=150)).pixels
    assert small.shape == (150, 100)
    assert shown_size(300, 200, 150) == (150, 100)


def test_errors_keep_their_class_and_hint(decoder: Decoder) -> None:
    with pytest.raises(UnknownFormat, match=r"film: not an image format") as error:
        decoder.decode(b"nothing" * 50, DecodeOptions(32))
    assert "Export the film" in error.value.hint
    with pytest.raises(TooLarge):
        decoder.decode(BRIGHT[1], DecodeOptions(32, max_pixels=1000))
    assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)


@pytest.mark.slow
def test_a_decoder_that_dies_costs_one_film(decoder: Decoder) -> None:
    # Killed between the check that it runs and the film, like a decoder that the film crashes.
    decoder.start = lambda: killed_after_start(decoder)  # type: ignore[method-assign]
    with pytest.raises(UnreadableImage, match="brought the decoder down"):
        decoder.decode(BRIGHT[1], DecodeOptions(32))
    del decoder.start  # type: ignore[method-assign]
    assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)


@pytest.mark.slow
def test_a_film_is_decoded_again_when_its_decoder_dies_for_another_reason(decoder: Decoder) -> None:
    # Such as the memory of the machine; the film itself is sound.
    starts = [killed_after_start, Decoder.start]
    decoder.start = lambda: starts.pop(0)(decoder)  # type: ignore[method-assign]
    assert decoder.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
    del decoder.start  # type: ignore[method-assign]
    assert starts == []


def killed_after_start(decoder: Decoder) -> Any:
    pipe = Decoder.start(decoder)
    os.kill(decoder._child.pid, signal.SIGKILL)
    decoder._child.join()
    return pipe


def test_slow_decoding_is_announced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "SLOW_S", 0.01)
    pipe, child_pipe = multiprocessing.Pipe()
    head = {"number": 0, "shape": [1, 1], "facts": FACTS, "read_ms": 1.0}
    slow, announced = Decoder(30, 2**30), list[str]()
    slow.start = lambda: pipe  # type: ignore[method-assign]

    def announce() -> None:
        announced.append("slow")
        child_pipe.send_bytes(_packed(head, b"\7"))

    assert slow.decode(b"film", DecodeOptions(0), announce).pixels.tolist() == [[7]]
    assert announced == ["slow"]
    child_pipe.send_bytes(_packed(head | {"number": 1}, b"\7"))
    assert slow.decode(b"film", DecodeOptions(0), announce).pixels.tolist() == [[7]]
    assert announced == ["slow"]


def test_an_answer_that_is_not_awaited_any_more_is_not_the_next_film(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(decoders, "SLOW_S", 0.0)
        with pytest.raises(OSError, match="Read-only"):
            decoder.decode(film(90, 3000, 2000), DecodeOptions(0), fail)
    decoded = decoder.decode(film(40, 300, 200), DecodeOptions(0))
    assert (decoded.pixels.shape, (decoded.pixels == 40).all()) == ((300, 200), True)


def test_the_answer_to_another_film_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "stop", lambda _decoder: None)
    pipe, child_pipe = multiprocessing.Pipe()
    head = {"number": 5, "shape": [1, 1], "facts": FACTS, "read_ms": 1.0}
    child_pipe.send_bytes(_packed(head, b"\7"))
    child_pipe.send_bytes(_packed(head | {"number": 0}, b"\4"))
    decoder = Decoder(30, 2**30)
    decoder.start = lambda: pipe  # type: ignore[method-assign]
    assert decoder.decode(b"film", DecodeOptions(0)).pixels.tolist() == [[4]]


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"shape": [1]}, {"shape": [1], "facts": [], "read_ms": 1.0},
     {"shape": [1], "facts": {"rows": 1}, "read_ms": 1.0},
     {"shape": [1], "facts": {"pixel_spacing_mm": 1}, "read_ms": 1.0},
     {"shape": [1], "facts": FACTS, "read_ms": None}, {"shape": [2], "facts": FACTS, "read_ms": 1.0},
     {"error": None}, {"error": {"code": ["x"]}}],
)  # fmt: skip
def test_a_decoder_that_answers_nonsense_costs_one_film(answer: Any) -> None:
    pipe, child_pipe = multiprocessing.Pipe()
    if isinstance(answer, dict):
        answer = answer | {"number": 0}
    child_pipe.send_bytes(_packed(answer, b"\0"))
    decoder = Decoder(30, 2**30)
    decoder.start = lambda: pipe  # type: ignore[method-assign]
    with pytest.raises(UnreadableImage, match="brought the decoder down"):
        decoder.decode(BRIGHT[1], DecodeOptions(32))


@pytest.mark.slow
def test_a_film_that_takes_too_long_is_decoded_once_more_and_then_given_up() -> None:
    slow = Decoder(0.2, 2**30)
    start, children = slow.start, list[int]()

    def start_and_halt() -> Any:
        """The first child halts, the second one does so with its second film, the third at once."""
        pipe = start()
        children.append(slow._child.pid)
        halts = len(children) != 2
        slow._time_s = 0.2 if halts else 30
        if halts:
            os.kill(slow._child.pid, signal.SIGSTOP)
        return pipe

    slow.start = start_and_halt  # type: ignore[method-assign]
    try:
        assert slow.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
        with pytest.raises(UnreadableImage, match=r"more than 0\.2 s"):
            slow.decode(BRIGHT[1], DecodeOptions(32))
        assert slow._child is None
        assert len(children) == 4
        assert len(set(children)) == 3
    finally:
        slow.stop()


class Puppet:
    """A child whose end of the pipe the test has."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.lock = threading.Lock()

    def is_alive(self) -> bool:
        return True

    def kill(self) -> None:
        with self.lock:
            if not self.pipe.closed:
                self.pipe.close()

    def join(self) -> None:
        pass

    close = join


def test_an_answer_that_never_ends_is_given_up_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As of a decoder that a hostile film has taken over.
    decoder = Decoder(0.2, 2**30)

    def start() -> Connection:
        decoder._pipe, child_pipe = multiprocessing.Pipe()
        decoder._child = Puppet(child_pipe)
        os.write(child_pipe.fileno(), (1000).to_bytes(4, "big") + b"x")  # 1,000 bytes will follow
        return decoder._pipe

    monkeypatch.setattr(decoder, "start", start)
    with pytest.raises(UnreadableImage, match=r"more than 0\.2 s"):
        decoder.decode(BRIGHT[1], DecodeOptions(32))
    assert decoder._child is None


def test_an_answer_that_is_longer_than_any_film_is_not_received() -> None:
    pipe, child_pipe = multiprocessing.Pipe()
    child_pipe.send_bytes(b"ready")
    decoder = Decoder(30, 2**30)
    decoder.start = lambda: pipe  # type: ignore[method-assign]
    os.write(child_pipe.fileno(), (2**31 - 1).to_bytes(4, "big"))
    assert pipe.recv_bytes() == b"ready"
    with pytest.raises(UnreadableImage, match="brought the decoder down"):
        decoder.decode(BRIGHT[1], DecodeOptions(32))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no limit on memory here")
def test_a_film_that_needs_too_much_memory_is_given_up() -> None:
    poor = Decoder(30, 64 * 2**20)
    try:
        with pytest.raises(UnreadableImage, match="memory does not suffice"):
            poor.decode(film(90, 6000, 6000), DecodeOptions(0))  # 36 MB as levels, 144 MB as pixels
        assert poor.decode(BRIGHT[1], DecodeOptions(32)).pixels.shape == (32, 32)
    finally:
        poor.stop()


@pytest.mark.slow
def test_a_process_that_does_not_stop_its_decoder_ends_nevertheless() -> None:
    code = "from pneumoscope.images.decoders import Decoder\nDecoder(30, 2**30).start()"
    command = [sys.executable, "-c", f"if __name__ == '__main__':\n exec({code!r})"]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


def test_decoders_are_lent_one_at_a_time() -> None:
    decoders = DecoderPool(2, 30, 2**30)
    with decoders.borrowed() as first, decoders.borrowed() as second:
        assert first is not second
    with decoders.borrowed() as again:
        assert again is first  # the one that was returned last
    assert np.all([d._child is None for d in decoders._decoders])  # none was needed


def answer_to(data: bytes, options: DecodeOptions) -> tuple[dict[str, Any], bytes]:
    """What a child sends back for one film."""
    pipe, child_pipe = multiprocessing.Pipe()
    _answer(child_pipe, 7, data, options, images)
    head, content = _unpacked(pipe.recv_bytes())
    assert head.pop("number") == 7
    return head, bytes(content)


def test_an_answer_has_the_shape_the_facts_and_plain_pixels() -> None:
    head, content = answer_to(film(90, 300, 200), DecodeOptions(0))
    assert head["shape"] == [300, 200]
    assert content == bytes([90]) * 60_000
    assert (head["facts"]["format"], head["facts"]["rows"]) == ("PNG", 300)
    assert head["read_ms"] >= 0
    head, content = answer_to(film(90, 300, 200), DecodeOptions(32))
    assert (head["shape"], len(content)) == ([32, 32], 1024)
    json.dumps(head)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "EmptySource"), (b"nothing" * 50, "UnknownFormat"), (BRIGHT[1][:80], "TruncatedImage")],
)
def test_an_answer_for_no_film_is_its_error(data: bytes, code: str) -> None:
    head, content = answer_to(data, DecodeOptions(32))
    assert (list(head), content) == (["error"], b"")
    assert head["error"]["code"] == code
    assert head["error"]["message"].startswith("film: ")
    assert head["error"]["hint"]


def test_too_little_memory_is_an_error_of_the_film(monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: object, **__: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(images, "read", starved)
    head, _ = answer_to(DARK[1], DecodeOptions(32))
    assert (head["error"]["code"], "memory" in head["error"]["message"]) == (
        "UnreadableImage",
        True,
    )


def test_a_child_says_that_it_is_ready_and_ends_with_its_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ignored: list[tuple[int, Any]] = []
    limits: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda *given: ignored.append(given))
    monkeypatch.setattr(decoders, "limit", limits.append)
    monkeypatch.setattr(codec_process, "_is_child", False)
    pipe, child_pipe = multiprocessing.Pipe()
    options = dataclasses.asdict(DecodeOptions(32))
    for number, data in enumerate((DARK[1], b"no film" * 40)):
        pipe.send_bytes(_packed(options | {"number": number}, data))
    pipe.send_bytes(b"\0")  # nonsense, as only a mistake of ours would send
    with pytest.raises(ValueError, match="Expecting value"):
        _serve(child_pipe, 123)
    assert pipe.recv_bytes() == b"ready"
    first, second = (_unpacked(pipe.recv_bytes())[0] for _ in range(2))
    assert (first["shape"], second["error"]["code"]) == ([32, 32], "UnknownFormat")
    assert (first["number"], second["number"]) == (0, 1)
    assert ignored == [(signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN)]
    assert limits == [123]
    pipe.close()
    _serve(child_pipe, 1)  # the server has gone: no error of the child


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("TooLarge", TooLarge),
        ("UnknownFormat", UnknownFormat),
        ("UsageError", UnreadableImage),  # no error of a film
        ("os", UnreadableImage),
        ("", UnreadableImage),
    ],
)
def test_only_errors_of_films_are_restored(code: str, kind: type[Exception]) -> None:
    error = _restored({"code": code, "message": "film: cut", "hint": "Again."})
    assert type(error) is kind
    assert (error.message, error.hint) == ("film: cut", "Again.")


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256))])
def test_a_message_is_unpacked_as_it_was_packed(content: bytes) -> None:
    head = {"shape": [1, 2], "name": "Łukasz"}
    again, rest = _unpacked(_packed(head, content))
    assert (again, bytes(rest)) == (head, content)
    assert _packed({}, b"z") == b"\x02\0\0\0{}z"


@pytest.mark.parametrize("message", [b"", b"\0\0\0\0", b"\x02\0\0\0[]", b"\xff" * 9])
def test_messages_that_are_none(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting value|no head|Extra data|decode"):
        _unpacked(message)


@pytest.mark.parametrize(
    ("rows", "columns", "side", "shown"),
    [
        (300, 200, 150, (150, 100)),
        (200, 300, 150, (100, 150)),
        (300, 200, 300, (300, 200)),
        (300, 200, 2048, (300, 200)),  # never larger than it is
        (4000, 1, 100, (100, 1)),  # never without a column
        (3, 4000, 1000, (1, 1000)),
        (1001, 667, 500, (500, 333)),
    ],
)
def test_the_size_of_a_film_that_is_shown(
    rows: int, columns: int, side: int, shown: tuple[int, int]
) -> None:
    assert shown_size(rows, columns, side) == shown


def test_a_film_without_levels_is_shown_by_its_pixels() -> None:
    facts = FilmFacts("DICOM", 2, 2)
    pixels = np.array([[0.0, 1.0], [0.5, 1.7]], np.float32)
    shown = decoders._shown(Radiograph(pixels, facts), 2048)
    assert shown.tolist() == [[0, 255], [128, 255]]
    assert shown.dtype == np.uint8


class Stillborn:
    """A way to start processes whose children say something else than that they are ready."""

    def __init__(self, first: bytes | None) -> None:
        self.first = first
        self.killed = False
        self.pid = 1

    Pipe = staticmethod(multiprocessing.Pipe)

    def Process(self, args: tuple[Any, ...], **_: object) -> Stillborn:
        self.pipe = next(given for given in args if isinstance(given, Connection))
        return self

    def start(self) -> None:
        if self.first is not None:
            self.pipe.send_bytes(self.first)

    def kill(self) -> None:
        self.killed = True

    def join(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("first", [b"Traceback", None])
def test_a_decoder_that_does_not_start_is_ended(
    first: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None: it dies before it says anything.
    child = Stillborn(first)
    monkeypatch.setattr(multiprocessing, "get_context", lambda _kind: child)
    decoder = Decoder(30, 2**30)
    with pytest.raises(UnreadableImage, match="the decoder does not start"):
        decoder.decode(DARK[1], DecodeOptions(32))
    assert child.killed
    assert decoder._child is decoder._pipe is None


def test_a_pool_starts_as_many_as_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Decoder] = []
    stopped: list[Decoder] = []
    monkeypatch.setattr(Decoder, "start", lambda self: started.append(self))
    monkeypatch.setattr(Decoder, "stop", lambda self: stopped.append(self))
    pool = DecoderPool(3, 30, 2**30)
    pool.start(2)
    assert len(set(map(id, started))) == 2
    pool.stop()
    assert len(stopped) == 3


def test_a_film_at_its_full_depth(decoder: Decoder) -> None:
    from film_files import dicom

    ramp = np.arange(128 * 128, dtype=np.uint16).reshape(128, 128)
    film = decoder.values(dicom(ramp), DecodeOptions(size=0))
    assert (film.values == ramp).all()
    assert film.as_dict() == images.read_values(dicom(ramp), "film").as_dict()
    assert decoder.values(dicom(ramp), DecodeOptions(size=0, side_px=64)).values.shape == (64, 64)
    with pytest.raises(UnknownFormat):
        decoder.values(b"no film", DecodeOptions(size=0))
