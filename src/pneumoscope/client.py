"""A client of a reading room's server: `pneumoscope serve` somewhere else does the work.

>>> with pneumoscope.Client("http://127.0.0.1:8000") as client:
...     record = client.predict("film.dcm")
>>> record.prediction.label

Needs httpx, of the extra ``[serve]``.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope import errors, images
from pneumoscope.decision.reader_settings import to_form
from pneumoscope.errors import MissingExtra, PneumoscopeError, ServerError
from pneumoscope.records import Outcome, Prediction, Settings
from pneumoscope.render.serialise import prediction_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    import httpx

    from pneumoscope.images import Source

TOKEN_VARIABLE = "PNEUMOSCOPE_TOKEN"  # noqa: S105 (its name, not its value)
_API = "/api/v1"
_TRIES = 8
"""How often a request that the server is too busy for is sent."""
_MOST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One film as the server knows it.

    Attributes:
        id: The server's name for it.
        created: When the server accepted it, ISO 8601.
        name: The film's name, as it was sent.
        sha256: Of the film's bytes.
        state: ``"queued"``, ``"running"``, ``"done"`` or ``"failed"``.
        prediction: What the model says; None without a result. Its heatmap stays on the server: see
            `Client.rendering`.
        error: Why there is no result, or None.
        links: Name of a rendering to its path.
    """

    id: str
    created: str
    name: str
    sha256: str
    state: str
    prediction: Prediction | None
    error: PneumoscopeError | None
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """Films that the server reads later.

    Attributes:
        id: The server's name for it.
        state: ``"queued"``, ``"running"`` or ``"done"``.
        total: Films in it.
        done: Of them ended, with a result or without.
        failed: Of these without.
    """

    id: str
    state: str
    total: int
    done: int
    failed: int


class Client:
    """Talks to one server. Safe to share between threads; close it, or use it in a ``with`` block."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        """Prepares; nothing is sent yet.

        Args:
            url: Such as ``"https://reading-room.example:8443"``.
            token: API token; by default what the variable ``PNEUMOSCOPE_TOKEN`` holds.
            timeout_s: Longest wait for an answer.

        Raises:
            MissingExtra: httpx is not installed.
            ServerError: The URL is none.
        """
        try:
            import httpx
        except ImportError:
            raise MissingExtra("the client (httpx)", "serve") from None
        token = token or os.environ.get(TOKEN_VARIABLE)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if not url.startswith(("http://", "https://")):
            raise ServerError(f"{url}: no address of a server", "Such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def predict(
        self, source: Source, settings: Settings = Settings(), *, patient: str | None = None
    ) -> Record:
        """Has one film read.

        Args:
            source: A path, the bytes of a file, or a binary stream.
            settings: As for `pneumoscope.load`; a profile is the server's to choose.
            patient: Any key of the patient; the server keeps a keyed hash of it.

        Raises:
            ImageError: The film cannot be opened here.
            ServerError: The server refuses, fails or does not answer, or it is an archive. A film
                that the server cannot read is no error: see `Record.error`.
        """
        name = images.name_of(source)
        files = [(name, _film(source, name))]
        return _record(self._upload(files, settings, patient)["predictions"][0], name)

    def predict_many(
        self, sources: Iterable[Source], settings: Settings = Settings()
    ) -> Iterator[tuple[Outcome, Record | None]]:
        """Has many films read, as many in a request as the server answers at once.

        Args:
            sources: Paths, bytes or binary streams; read lazily.
            settings: As for `pneumoscope.load`.

        Yields:
            Each film's outcome, in their order, without the film and its heatmap; and what the server
            keeps of it, None if the film could not be opened here.

        Raises:
            ServerError: The server refuses, fails or does not answer.
        """
        start = 0
        for portion in _portions(sources, self.choices()["limits"]):
            files = [(name, film) for name, film in portion if isinstance(film, bytes)]
            records = iter(self._upload(files, settings, None)["predictions"] if files else ())
            for index, (name, film) in enumerate(portion, start):
                if isinstance(film, bytes):
                    record = _record(next(records), name)
                    yield Outcome(name, index, record.prediction, record.error), record
                else:
                    yield Outcome(name, index, error=film), None
            start += len(portion)
            del portion, files  # their bytes, before the next ones are read

    def submit(self, sources: Sequence[Source], settings: Settings = Settings()) -> Job:
        """Hands films in as a job and does not wait for it.

        Raises:
            ImageError, ServerError: As `predict`.
        """
        named = [(images.name_of(source), source) for source in sources]
        files = [(name, images.load_bytes(source, name)) for name, source in named]
        answer = self._upload(files, settings, None, {"Prefer": "respond-async"})
        return _job(answer["job"])

    def follow(self, job: Job | str) -> Iterator[Record]:
        """The films of a job as they end, to the last.

        Raises:
            ServerError: There is no such job, or the connection broke; calling again tells all anew.
        """
        ended = False
        try:
            with self._http.stream("GET", f"{_API}/jobs/{_id(job)}/events") as stream:
                if stream.status_code != 200:
                    stream.read()
                    raise _refusal(stream)
                for line in stream.iter_lines():
                    if line.startswith("data: "):
                        content = json.loads(line.removeprefix("data: "))
                        if "record" in content:
                            yield _record(content["record"])
                        ended |= "job" in content
        except self._errors as error:
            raise self._silent(error) from error
        if not ended:
            raise ServerError(f"{self.url}: broke off before the job ended", "Follow it again.")

    def job(self, id_: str) -> Job:
        """A job of one's own.

        Raises:
            ServerError: There is no such job.
        """
        return _job(self._json("GET", f"/jobs/{id_}"))

    def cancel(self, job: Job | str) -> Job:
        """Cancels what of a job has not begun.

        Raises:
            ServerError: There is no such job.
        """
        return _job(self._json("DELETE", f"/jobs/{_id(job)}"))

    def history(self, limit: int = 50, before: str | None = None) -> list[Record]:
        """One's own films, newest first.

        Args:
            limit: Most of them, up to 500.
            before: Id of a film: only older ones.
        """
        query = {"limit": limit} | ({} if before is None else {"before": before})
        answer = self._json("GET", "/predictions", params=query)
        return [_record(one) for one in answer["predictions"]]

    def rendering(self, record: Record | str, name: str) -> bytes:
        """A picture or document of a film.

        Args:
            record: The film, or its id.
            name: ``"overlay.png"``, ``"film.png"``, ``"heatmap.png"``, ``"thumbnail.png"``,
                ``"report.pdf"`` or ``"result.json"``.

        Raises:
            ServerError: There is none, such as when the film is no longer held.
        """
        return self._send("GET", f"/predictions/{_id(record)}/{name}").content

    def delete(self, record: Record | str) -> None:
        """Deletes a result and its film.

        Raises:
            ServerError: There is none.
        """
        self._send("DELETE", f"/predictions/{_id(record)}")

    def model(self) -> dict[str, Any]:
        """The server's bundle: labels, operating points, limits, card."""
        return self._json("GET", "/model")

    def choices(self) -> dict[str, Any]:
        """What a reader may choose, and the server's limits."""
        return self._json("GET", "/settings")

    def _upload(
        self,
        files: Sequence[tuple[str, bytes]],
        settings: Settings,
        patient: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        fields = to_form(settings) | ({} if patient is None else {"patient": patient})
        return self._json(
            "POST",
            "/predictions",
            files=[("files", (Path(name).name, film)) for name, film in files],
            data=fields,
            headers=headers,
        )

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self._send(method, path, **more)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ServerError(
                f"{self.url}: the answer is not that of a reading room",
                "Is this the address of `pneumoscope serve`?",
            )
        return found

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Sends a request; again, if the server is too busy and says when to come back."""
        for attempt in range(_TRIES):
            try:
                answer = self._http.request(method, _API + path, **more)
            except self._errors as error:
                raise self._silent(error) from error
            wait = answer.headers.get("retry-after", "")
            busy = answer.status_code in (429, 503) and wait.isdigit()
            if not busy or attempt == _TRIES - 1:
                break
            time.sleep(min(float(wait), _MOST_WAIT_S))
        if answer.is_error or answer.is_redirect:
            raise _refusal(answer)
        return answer

    def _silent(self, error: Exception) -> ServerError:
        return ServerError(
            f"{self.url}: no answer ({type(error).__name__})",
            "Does the server run, and is the address right? With a certificate of its own: "
            "SSL_CERT_FILE=cert.pem.",
        )


def _portions(
    sources: Iterable[Source], limits: Mapping[str, int]
) -> Iterator[list[tuple[str, bytes | PneumoscopeError]]]:
    """A list for each request: (name, bytes) of films in their order, or (name, why it cannot be opened)."""
    portion: list[tuple[str, bytes | PneumoscopeError]] = []
    sizes: list[int] = []
    for source in sources:
        name = images.name_of(source)
        try:
            film = _film(source, name)
        except PneumoscopeError as error:
            portion.append((name, error))
            continue
        # A tenth for what the form needs around the films.
        if sizes and sum(sizes) + len(film) > 0.9 * limits["max_body_bytes"]:
            yield portion
            portion, sizes = [], []
        portion.append((name, film))
        sizes.append(len(film))
        if len(sizes) >= limits["sync_files"]:
            yield portion
            portion, sizes = [], []
    yield portion


def _id(thing: Record | Job | str) -> str:
    return thing if isinstance(thing, str) else thing.id


def _film(source: Source, name: str) -> bytes:
    """The bytes of one film: an archive would come back as a job of several."""
    film = images.load_bytes(source, name)
    if images.is_archive(film):
        raise ServerError(
            f"{name}: an archive, not a film", "Unpack it, or hand it in by `Client.submit`."
        )
    return film


def _refusal(answer: httpx.Response) -> ServerError:
    try:
        told = answer.json()
        return ServerError(str(told["detail"]), str(told["hint"]), answer.status_code)
    except (ValueError, KeyError, TypeError):
        return ServerError(
            f"the server answers {answer.status_code}",
            "Is this the address of `pneumoscope serve`?",
            answer.status_code,
        )


def _record(content: Mapping[str, Any], name: str | None = None) -> Record:
    shown = name or content["film"]["name"]
    result, problem = content["result"], content["error"]
    return Record(
        id=content["id"],
        created=content["created"],
        name=shown,
        sha256=content["film"]["sha256"],
        state=content["state"],
        prediction=None if result is None else prediction_from_json(result),
        error=None if problem is None else _film_error(problem, shown),
        links=content["links"],
    )


def _film_error(problem: Mapping[str, Any], name: str) -> PneumoscopeError:
    """What the server met, as this package's own error, with the film's name in its message."""
    kind = errors.image_error(problem["code"])
    message = f"{name}: {problem['detail'].removeprefix('film: ')}"
    if kind is None:
        return ServerError(message, problem["hint"], problem["status"])
    return errors.restored(kind, message, problem["hint"])


def _job(content: Mapping[str, Any]) -> Job:
    return Job(**{key: content[key] for key in ("id", "state", "total", "done", "failed")})
