"""Decoding in child processes with limits: a film that brings a decoder down costs one film.

What arrives is written by strangers, and decoders are large programs in C. So a child without
the network's session, the database or the keys decodes, and passes back plain pixels: no pickle
comes out of it.
"""

from __future__ import annotations

import atexit
import json
import logging
import multiprocessing
import queue
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import errors
from pneumoscope.errors import ImageError, PneumoscopeError, UnreadableImage
from pneumoscope.records import FilmFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

NAME = "film"
"""What films are called in messages: a file's own name may be a person's."""
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a decoder makes of films.

    Attributes:
        size: Side of the model input in pixels; 0 for the film itself.
        source_size: Side of the intermediate film.
        draft_px: Pixels that either side should keep; None to decode in full.
        side_px: Longest side of a film that is passed back itself.
        max_pixels: Rows x columns of a film.
    """

    size: int
    source_size: int = 224
    draft_px: int | None = None
    side_px: int = 2048
    max_pixels: int = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What came of a film.

    Attributes:
        pixels: uint8: the model input (size, size), or the film (rows, columns).
        facts: What the file says of itself.
        read_ms: What decoding took.
    """

    pixels: NDArray[np.uint8]
    facts: FilmFacts
    read_ms: float


class Decoder:
    """One child process. Not for several threads at once."""

    def __init__(self, time_s: float, memory_bytes: int) -> None:
        """Prepares; the child starts with the first film, or with `start`.

        Args:
            time_s: Seconds that a film may take.
            memory_bytes: Memory that a film may take.
        """
        self._time_s = time_s
        self._memory_bytes = memory_bytes
        self._child: Any = None
        self._pipe: Connection | None = None

    def start(self) -> Connection:
        """Starts the child, if none runs; returns the way to it.

        Raises:
            UnreadableImage: It does not start.
        """
        if self._pipe is not None and self._child.is_alive():
            return self._pipe
        self.stop()
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._child = context.Process(
            target=_serve, args=(there, self._memory_bytes), daemon=True, name="decoder"
        )
        self._child.start()
        # At the exit multiprocessing would end it with SIGTERM, to which it does not listen, and wait.
        atexit.register(self.stop)
        there.close()
        self._pipe = here
        if not here.poll(_START_S) or here.recv_bytes() != b"ready":
            self.stop()
            raise UnreadableImage(NAME, "the decoder does not start")
        return here

    def decode(self, data: bytes, order: Order) -> Decoded:
        """Decodes one film.

        Raises:
            ImageError: The film cannot be read, took too long, or brought the decoder down.
        """
        pipe = self.start()
        try:
            pipe.send_bytes(_packed(asdict(order), data))
            if not pipe.poll(self._time_s):
                self.stop()
                raise UnreadableImage(NAME, f"decoding takes more than {self._time_s:g} s")
            answer, content = _unpacked(pipe.recv_bytes())
            if "error" in answer:
                raise _restored(answer["error"])
            pixels = np.frombuffer(content, np.uint8).reshape(answer["shape"])
            return Decoded(pixels, FilmFacts.restored(answer["facts"]), float(answer["read_ms"]))
        except PneumoscopeError:
            raise
        except (EOFError, OSError, ValueError, KeyError, TypeError):  # gone, or gone astray
            self.stop()
            _log.warning("a film brought the decoder down")
            raise UnreadableImage(NAME, "it brought the decoder down") from None

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


class Decoders:
    """Several decoders, lent to one thread each."""

    def __init__(self, count: int, time_s: float, memory_bytes: int) -> None:
        self._all = [Decoder(time_s, memory_bytes) for _ in range(count)]
        # Last in, first out: what has run before is running still.
        self._free: queue.LifoQueue[Decoder] = queue.LifoQueue()
        for one in self._all:
            self._free.put(one)

    @contextmanager
    def taken(self) -> Iterator[Decoder]:
        """A decoder for this block; waits until one is free."""
        one = self._free.get()
        try:
            yield one
        finally:
            self._free.put(one)

    def warm(self, count: int) -> None:
        """Starts some children ahead of the first film."""
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(self.taken()).start()

    def stop(self) -> None:
        """Ends every child."""
        for one in self._all:
            one.stop()


def _restored(told: dict[str, str]) -> ImageError:
    """The error that a child met; an unknown class counts as damage."""
    kind = errors.image_error(told["code"]) or UnreadableImage
    return errors.restored(kind, told["message"], told["hint"])


# In the child


def _serve(pipe: Connection, memory_bytes: int) -> None:
    """Decodes until the other end closes."""
    import signal

    # Ctrl-C, and a service manager that ends a whole group, are the parent's to answer: it finishes
    # what it has accepted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from pneumoscope import images
    from pneumoscope.images import raster  # noqa: F401 (before memory becomes scarce)

    _limit(memory_bytes)
    pipe.send_bytes(b"ready")
    try:
        while True:
            order, data = _unpacked(pipe.recv_bytes())
            _answer(pipe, bytes(data), Order(**order), images)
    except (EOFError, OSError):
        return


def _answer(pipe: Connection, data: bytes, order: Order, images: Any) -> None:
    started = time.perf_counter()
    try:
        film = images.read(data, at_least_px=order.draft_px, name=NAME, max_pixels=order.max_pixels)
        if order.size:
            pixels = images.model_input(film, order.size, order.source_size)
        else:
            pixels = _shown(film, order.side_px)
    except ImageError as error:
        _tell(pipe, error)
        return
    except MemoryError:
        _tell(pipe, UnreadableImage(NAME, "the memory does not suffice"))
        return
    head = {
        "shape": pixels.shape,
        "facts": asdict(film.facts),
        "read_ms": 1000 * (time.perf_counter() - started),
    }
    pipe.send_bytes(_packed(head, np.ascontiguousarray(pixels).reshape(-1).data))


def _tell(pipe: Connection, error: ImageError) -> None:
    told = {"code": error.code, "message": error.message, "hint": error.hint}
    pipe.send_bytes(_packed({"error": told}, b""))


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


def _limit(memory_bytes: int) -> None:
    """Bounds memory and forbids files, as far as the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    statm = Path("/proc/self/statm")
    if statm.exists():  # what is mapped already counts as well
        used = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        wanted.append((resource.RLIMIT_AS, used + memory_bytes))
    for what, most in wanted:
        resource.setrlimit(what, (most, most))
