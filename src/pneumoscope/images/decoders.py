"""Decoding in child processes with limits: a film that crashes a decoder costs only that film.

Films come from outside, and decoders are large programs in C. Therefore a child process decodes, which
has no keys and which `run_confined` cuts off from files and network. It returns pixels, never a pickle.
"""

from __future__ import annotations

import atexit
import itertools
import json
import logging
import multiprocessing
import queue
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pneumoscope import errors
from pneumoscope.confinement.confine import run_confined
from pneumoscope.errors import DecoderFailed, ImageError, PneumoscopeError, UnreadableImage
from pneumoscope.field_values import field_values
from pneumoscope.images.child_timer import killed_after
from pneumoscope.images.codec_child import limit
from pneumoscope.images.film_values import FilmValues, reduced
from pneumoscope.images.limits import MAX_BYTES
from pneumoscope.records import ANTIALIAS, FilmFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

FILM_NAME = "film"
"""Stands for a film's name in messages: the name itself may be a person's."""
SLOW_S = 0.25
"""Decoding that takes longer is slow: other films do not wait for it. Few films need this long."""
_START_S = 60.0
_ENTRY = f"{__name__}:_serve"


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a decoder returns.

    Attributes:
        size: Side of the model input in pixels; 0 to return the film itself.
        source_size: Side of the intermediate film.
        draft_px: Pixels that each side must keep; None to decode at full size.
        side_px: Longest side of a film that is returned itself.
        max_pixels: Largest rows x columns of a film.
        resize: How the film becomes the intermediate film.
        at_full_depth: Whether the film itself is returned as its values, see `FilmValues`.
    """

    size: int
    source_size: int = 224
    draft_px: int | None = None
    side_px: int = 2048
    max_pixels: int = 50_000_000
    resize: str = ANTIALIAS
    at_full_depth: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded film.

    Attributes:
        pixels: uint8: the model input (size, size), or the film (rows, columns).
        facts: What the file says about the film.
        read_ms: Duration of decoding.
    """

    pixels: NDArray[np.uint8]
    facts: FilmFacts
    read_ms: float


_T = TypeVar("_T")


class _Died(Exception):
    """A child ended without an answer, or, with this as its argument, is stopped as it takes too long."""


class Decoder:
    """One child process. Only one thread may use it at a time."""

    def __init__(self, time_s: float, memory_bytes: int) -> None:
        """Starts nothing yet: the child starts with the first film, or with `start`.

        Args:
            time_s: Longest time for one film.
            memory_bytes: Most memory for one film.
        """
        self._time_s = time_s
        self._memory_bytes = memory_bytes
        self._child: Any = None
        self._pipe: Connection | None = None
        self._numbers = itertools.count()

    def start(self) -> Connection:
        """Starts the child unless it runs already; returns the pipe to it.

        Raises:
            DecoderFailed: The child does not start.
        """
        if self._pipe is not None and self._child.is_alive():
            return self._pipe
        self.stop()
        context = multiprocessing.get_context("spawn")
        pipe, child_pipe = context.Pipe()
        self._child = context.Process(
            target=run_confined,
            args=(_ENTRY, child_pipe, self._memory_bytes),
            daemon=True,
            name="decoder",
        )
        self._child.start()
        # At exit, multiprocessing would send SIGTERM, which the child ignores, and wait forever.
        atexit.register(self.stop)
        child_pipe.close()
        self._pipe = pipe
        if not _is_ready(pipe):
            self.stop()
            raise DecoderFailed(FILM_NAME, "the decoder does not start")
        return pipe

    def decode(
        self, data: bytes, options: DecodeOptions, slow: Callable[[], None] = lambda: None
    ) -> Decoded:
        """Decodes one film.

        If the child dies or is late, the film is decoded once more by a new one: the reason may have
        been another film, or a system that was busy, suspended or short of memory.

        Args:
            data: The file.
            options: What to return.
            slow: Called once if it takes longer than `SLOW_S`.

        Raises:
            ImageError: The film cannot be read; `DecoderFailed` if it took too long, or the decoder died.
        """
        return self._answered(data, options, slow, _film)

    def values(self, data: bytes, options: DecodeOptions) -> FilmValues:
        """As `decode`, the film at its full depth; its longer side has at most ``options.side_px``."""
        return self._answered(data, replace(options, at_full_depth=True), lambda: None, _values)

    def _answered(
        self,
        data: bytes,
        options: DecodeOptions,
        slow: Callable[[], None],
        restore: Callable[[dict[str, Any], memoryview], _T],
    ) -> _T:
        number = next(self._numbers)
        message = _packed(field_values(options) | {"number": number}, data)
        try:
            return self._exchange(message, number, slow, restore)
        except _Died:
            _log.warning("a decoder died; its film is decoded once more")
        try:
            return self._exchange(message, number, slow, restore)
        except _Died as death:
            raise (
                DecoderFailed(FILM_NAME, *death.args) if death.args else self._broken()
            ) from None

    def _exchange(
        self,
        message: bytes,
        number: int,
        slow: Callable[[], None],
        restore: Callable[[dict[str, Any], memoryview], _T],
    ) -> _T:
        """Sends a film to the child and waits for the answer to it."""
        pipe = self.start()
        try:
            received = self._received(pipe, message, slow)
        except BaseException:  # an answer that comes later must not be taken for the next film's
            self.stop()
            raise
        try:
            answer, content = _unpacked(received)
            if answer["number"] != number:
                self.stop()
                raise _Died
            if "error" in answer:
                raise _restored(answer["error"])
            return restore(answer, content)
        except PneumoscopeError:
            raise
        except (ValueError, KeyError, TypeError):  # nonsense, so not by chance
            self.stop()
            raise self._broken() from None

    def _received(self, pipe: Connection, message: bytes, slow: Callable[[], None]) -> bytes:
        """What the child answers; on any error it may still owe an answer."""
        # One that a film has taken over may also stop in the middle of its answer.
        child = self._child
        with killed_after(self._time_s, lambda: child.kill()) as late:
            try:
                pipe.send_bytes(message)
                if pipe.poll(min(SLOW_S, self._time_s)):
                    return pipe.recv_bytes(MAX_BYTES)
            except (EOFError, OSError):
                raise self._died(late=late.is_set()) from None
            slow()
            try:
                return pipe.recv_bytes(MAX_BYTES)
            except (EOFError, OSError):
                raise self._died(late=late.is_set()) from None

    def _died(self, *, late: bool) -> _Died:
        return _Died(f"decoding takes more than {self._time_s:g} s") if late else _Died()

    @staticmethod
    def _broken() -> DecoderFailed:
        _log.warning("a film brought the decoder down")
        return DecoderFailed(FILM_NAME, "it brought the decoder down")

    def stop(self) -> None:
        """Ends the child."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._child is not None:
            atexit.unregister(self.stop)
            self._child.kill()
            self._child.join()
            self._child.close()
            self._child = None


class DecoderPool:
    """Several decoders; each is lent to one thread at a time."""

    def __init__(self, count: int, time_s: float, memory_bytes: int) -> None:
        """Makes the decoders; see `Decoder`."""
        self._decoders = [Decoder(time_s, memory_bytes) for _ in range(count)]
        # Last in, first out: a decoder that was used before is running already.
        self._free: queue.LifoQueue[Decoder] = queue.LifoQueue()
        for decoder in self._decoders:
            self._free.put(decoder)

    @contextmanager
    def borrowed(self) -> Iterator[Decoder]:
        """A decoder for this block; waits until one is free."""
        decoder = self._free.get()
        try:
            yield decoder
        finally:
            self._free.put(decoder)

    def start(self, count: int) -> None:
        """Starts some of the child processes before the first film arrives."""
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(self.borrowed()).start()

    def stop(self) -> None:
        """Ends every child."""
        for decoder in self._decoders:
            decoder.stop()


def _is_ready(pipe: Connection) -> bool:
    """Waits for the child's first message; False if it comes too late, or the child has died."""
    try:
        return pipe.poll(_START_S) and pipe.recv_bytes() == b"ready"
    except (EOFError, OSError):
        return False


def _film(answer: dict[str, Any], content: memoryview) -> Decoded:
    pixels = np.frombuffer(content, np.uint8).reshape(answer["shape"])
    return Decoded(pixels, FilmFacts.restored(answer["facts"]), float(answer["read_ms"]))


def _values(answer: dict[str, Any], content: memoryview) -> FilmValues:
    values = np.frombuffer(content, "<u2").reshape(answer["shape"])
    return FilmValues.restored(answer["values"], values)


def _restored(stored: dict[str, str]) -> ImageError:
    """The error that a child raised; an unknown class counts as damage."""
    kind = errors.image_error(stored["code"]) or UnreadableImage
    return errors.restored(kind, stored["message"], stored["hint"])


# In the child


def _serve(pipe: Connection, memory_bytes: int) -> None:
    """Decodes until the other end closes."""
    import signal

    # Ctrl-C and service managers signal the whole process group. Only the parent reacts: it first
    # finishes the films that it has accepted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from pneumoscope import images
    from pneumoscope.images import codec_process, raster  # noqa: F401 (before memory is limited)

    codec_process.decode_in_this_process()
    limit(memory_bytes)
    try:
        pipe.send_bytes(b"ready")
        while True:
            head, data = _unpacked(pipe.recv_bytes())
            number = head.pop("number")
            _answer(pipe, number, bytes(data), DecodeOptions(**head), images)
    except (EOFError, OSError):
        return


def _answer(
    pipe: Connection, number: int, data: bytes, options: DecodeOptions, images: Any
) -> None:
    started = time.perf_counter()
    try:
        if options.at_full_depth:
            _send_values(pipe, number, data, options, images)
            return
        film = images.read(
            data, at_least_px=options.draft_px, name=FILM_NAME, max_pixels=options.max_pixels
        )
        if options.size:
            pixels = images.model_input(film, options.size, options.source_size, options.resize)
        else:
            pixels = _shown(film, options.side_px)
    except ImageError as error:
        _send_error(pipe, number, error)
        return
    except MemoryError:
        _send_error(pipe, number, UnreadableImage(FILM_NAME, "the memory does not suffice"))
        return
    head = {
        "number": number,
        "shape": pixels.shape,
        "facts": field_values(film.facts),
        "read_ms": 1000 * (time.perf_counter() - started),
    }
    pipe.send_bytes(_packed(head, np.ascontiguousarray(pixels).reshape(-1).data))


def _send_values(
    pipe: Connection, number: int, data: bytes, options: DecodeOptions, images: Any
) -> None:
    film = images.read_values(data, FILM_NAME, options.max_pixels)
    film = reduced(film, *shown_size(film.values.shape[0], film.values.shape[1], options.side_px))
    head = {"number": number, "shape": film.values.shape, "values": film.as_dict()}
    pipe.send_bytes(_packed(head, film.values.astype("<u2").reshape(-1).view(np.uint8).data))


def _send_error(pipe: Connection, number: int, error: ImageError) -> None:
    pipe.send_bytes(_packed({"number": number, "error": error.as_dict()}, b""))


def _packed(head: dict[str, Any], content: bytes | memoryview) -> bytes:
    """One message: the length of the head, the head as JSON, and the rest."""
    text = json.dumps(head).encode()
    return b"".join((len(text).to_bytes(4, "little"), text, content))


def _unpacked(message: bytes) -> tuple[dict[str, Any], memoryview]:
    view = memoryview(message)
    end = 4 + int.from_bytes(view[:4], "little")
    head = json.loads(bytes(view[4:end]))
    if not isinstance(head, dict):
        raise ValueError("no head")
    return head, view[end:]


def shown_size(rows: int, columns: int, side_px: int) -> tuple[int, int]:
    """Rows and columns of a film whose longer side is at most ``side_px``."""
    scale = min(1.0, side_px / max(rows, columns))
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def _shown(film: Any, side_px: int) -> NDArray[np.uint8]:
    from PIL import Image

    grey = film.levels
    if grey is None:
        grey = np.rint(np.clip(film.pixels, 0.0, 1.0) * 255).astype(np.uint8)
    rows, columns = shown_size(grey.shape[0], grey.shape[1], side_px)
    if (rows, columns) == grey.shape:
        return np.asarray(grey)
    image = Image.fromarray(grey).resize((columns, rows), Image.Resampling.BILINEAR, reducing_gap=2)
    return np.asarray(image)
