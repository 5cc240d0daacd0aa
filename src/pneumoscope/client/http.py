"""The client: sends requests to a server and returns its answers as values."""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pneumoscope import images
from pneumoscope.client.answers import Answer, json_object, lines, longest_s, read, too_slow
from pneumoscope.client.records import Job, Record, job_from_json, record_from_json
from pneumoscope.client.uploads import film_bytes, portions
from pneumoscope.decision.reader_settings import to_form
from pneumoscope.errors import MissingExtra, ServerError
from pneumoscope.hosts import is_loopback
from pneumoscope.records import Outcome, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    import httpx

    from pneumoscope.images import Source

_T = TypeVar("_T")
_Content = TypeVar("_Content")

TOKEN_VARIABLE = "PNEUMOSCOPE_TOKEN"  # noqa: S105 (its name, not its value)
_API = "/api/v1"
_TRIES = 8
"""How often a request is sent while the server is busy."""
_MOST_WAIT_S = 30.0
_ADDRESS = "Is this the address of `pneumoscope serve`?"
_LIKE_THIS = "Such as http://127.0.0.1:8000"


class Client:
    """A client of one server. Safe to share between threads; close it, or use it in a ``with`` block."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        """Prepares the connection; nothing is sent yet.

        Args:
            url: URL, such as ``"https://reading-room.example:8443"``.
            token: API token; by default the value of the variable ``PNEUMOSCOPE_TOKEN``.
            timeout_s: Longest wait for a part of an answer; a whole answer may take ten times as long.

        Raises:
            MissingExtra: httpx is not installed.
            ServerError: The URL is not that of a server, or a token would be sent without encryption
                to another machine.
        """
        try:
            import httpx

            from pneumoscope.client.deadlines import Deadline
        except ImportError:
            raise MissingExtra("the client (httpx)", "serve") from None
        token = token or os.environ.get(TOKEN_VARIABLE)
        if token and not (token.isascii() and token.isprintable()):
            raise ServerError(
                f"{url}: the token has characters that no token has",
                "Copy it again from the output of `pneumoscope token add`.",
            )
        headers = {"Accept-Encoding": "identity"}  # what is packed may unpack to any length
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if not url.startswith(("http://", "https://")):
            raise ServerError(f"{url}: no address of a server", _LIKE_THIS)
        self.url = url.rstrip("/")
        plain = url.lower().startswith("http://")
        self._errors = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
        self._timeout_s = timeout_s
        self._deadline = Deadline()
        try:
            host = urlsplit(url).hostname or ""
            self._http = httpx.Client(
                base_url=self.url,
                headers=headers,
                timeout=timeout_s,
                trust_env=not plain,  # a proxy of the environment could read the token
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ServerError(f"{url}: no address of a server", _LIKE_THIS) from error
        if plain and token and not is_loopback(host):
            self.close()
            raise ServerError(
                f"{url}: the token would be sent without encryption, for everybody to read",
                "Use https://; or leave the token out.",
            )

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
        self,
        source: Source,
        settings: Settings = Settings(),
        *,
        patient: str | None = None,
        bundle: str | None = None,
    ) -> Record:
        """Sends one film and returns its result.

        Args:
            source: A path, the bytes of a file, or a binary stream.
            settings: As for `pneumoscope.load`; only the server chooses a profile.
            patient: Any key of the patient; the server keeps a keyed hash of it.
            bundle: Name of one of the server's bundles, see `choices`; None for its default.

        Raises:
            ImageError: The film cannot be opened here.
            UsageError: A setting is out of range.
            ServerError: The server refuses, fails or does not answer, or the file is an archive. For a film
                that the server cannot read, nothing is raised: see `Record.error`.
        """
        name = images.name_of(source)
        files = [(name, film_bytes(source, name))]
        chosen = _fields(settings, bundle) | ({} if patient is None else {"patient": patient})
        return self._films(self._upload(files, chosen), [name])[0]

    def predict_many(
        self,
        sources: Iterable[Source],
        settings: Settings = Settings(),
        *,
        bundle: str | None = None,
    ) -> Iterator[tuple[Outcome, Record | None]]:
        """Sends many films, in each request as many as the server reads at once.

        Args:
            sources: Paths, bytes or binary streams; read lazily.
            settings: As for `pneumoscope.load`.
            bundle: As for `predict`.

        Yields:
            The outcome of each film, without film and heatmap and in the order of the sources, and the
            server's record of it, which is None if the film could not be opened here.

        Raises:
            UsageError: A setting is out of range.
            ServerError: The server refuses, fails or does not answer.
        """
        start, chosen = 0, _fields(settings, bundle)
        limits = self._parsed(self.choices(), _limits)
        for portion in portions(sources, limits):
            files = [(name, film) for name, film in portion if isinstance(film, bytes)]
            names = [name for name, _ in files]
            records = iter(self._films(self._upload(files, chosen), names) if files else ())
            for index, (name, film) in enumerate(portion, start):
                if isinstance(film, bytes):
                    record = next(records)
                    yield Outcome(name, index, record.prediction, record.error), record
                else:
                    yield Outcome(name, index, error=film), None
            start += len(portion)
            del portion, files  # their bytes, before the next ones are read

    def submit(
        self,
        sources: Sequence[Source],
        settings: Settings = Settings(),
        *,
        bundle: str | None = None,
    ) -> Job:
        """Sends films as a job and does not wait for it.

        Args:
            sources: As for `predict`; may include archives of films.
            settings: As for `predict`.
            bundle: As for `predict`.

        Raises:
            ImageError, UsageError, ServerError: As `predict`.
        """
        named = [(images.name_of(source), source) for source in sources]
        files = [(name, images.load_bytes(source, name)) for name, source in named]
        answer = self._upload(files, _fields(settings, bundle), {"Prefer": "respond-async"})
        return self._parsed(answer, lambda content: job_from_json(content["job"]))

    def follow(self, job: Job | str) -> Iterator[Record]:
        """Yields the films of a job as they are finished, until the last one.

        Raises:
            ServerError: There is no such job, or the connection was lost; another call starts from the
                first film.
        """
        ended = False
        try:
            with self._answering("GET", f"/jobs/{_id(job)}/events") as stream:
                if stream.status_code != 200:
                    raise read(stream, self.url, self._timeout_s, self._deadline).refusal()
                for line in lines(stream, self.url):
                    if line.startswith("data: "):
                        content = self._parsed(line.removeprefix("data: "), json_object)
                        if "record" in content:
                            yield self._parsed(content["record"], record_from_json)
                        ended |= "job" in content
        except self._errors as error:
            raise self._silent(error) from error
        if not ended:
            raise ServerError(f"{self.url}: broke off before the job ended", "Follow it again.")

    def job(self, id_: str) -> Job:
        """The state of one of your jobs.

        Raises:
            ServerError: There is no such job.
        """
        return self._parsed(self._json("GET", f"/jobs/{id_}"), job_from_json)

    def cancel(self, job: Job | str) -> Job:
        """Cancels the films of a job that are not being read yet.

        Raises:
            ServerError: There is no such job.
        """
        return self._parsed(self._json("DELETE", f"/jobs/{_id(job)}"), job_from_json)

    def history(self, limit: int = 50, before: str | None = None) -> list[Record]:
        """Your films, newest first.

        Args:
            limit: How many at most, up to 500.
            before: Id of a film: only older films.
        """
        query = {"limit": limit} | ({} if before is None else {"before": before})
        answer = self._json("GET", "/predictions", params=query)
        return self._films(answer)

    def rendering(self, record: Record | str, name: str) -> bytes:
        """A picture or document of a film.

        Args:
            record: The film, or its id.
            name: ``"film.png"``, ``"values.bin"``, ``"overlay.png"``, ``"heatmap.png"``, ``"heatmap-cells.png"``,
                ``"lungs.png"``, ``"thumbnail.png"``, ``"report.pdf"`` or ``"result.json"``.

        Raises:
            ServerError: It does not exist, for instance because the server no longer has the film.
        """
        return self._send("GET", f"/predictions/{_id(record)}/{name}").content

    def delete(self, record: Record | str) -> None:
        """Deletes a result and its film.

        Raises:
            ServerError: It does not exist.
        """
        self._send("DELETE", f"/predictions/{_id(record)}")

    def model(self, bundle: str | None = None) -> dict[str, Any]:
        """A bundle of the server: labels, operating points, limits, card.

        Args:
            bundle: Its name; None for the server's default.

        Raises:
            ServerError: The server has no such bundle.
        """
        model = self._json("GET", "/model", params=_query(bundle))
        self._parsed(model, _check_labels)
        return model

    def choices(self, bundle: str | None = None) -> dict[str, Any]:
        """The server's bundles, what a reader may choose with one of them, and the server's limits.

        Args:
            bundle: Its name; None for the server's default.

        Raises:
            ServerError: The server has no such bundle.
        """
        return self._json("GET", "/settings", params=_query(bundle))

    def _upload(
        self,
        files: Sequence[tuple[str, bytes]],
        fields: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        return self._json(
            "POST",
            "/predictions",
            files=[("files", (Path(name).name, film)) for name, film in files],
            data=fields,
            headers=headers,
        )

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        return self._parsed(self._send(method, path, **more).content, json_object)

    def _films(self, answer: dict[str, Any], names: Sequence[str] | None = None) -> list[Record]:
        """The films of an answer, called by the names that they were sent with, if these are given."""

        def records(content: dict[str, Any]) -> list[Record]:
            films = content["predictions"]
            if names is None:
                return [record_from_json(film) for film in films]
            read_now = [record_from_json(*film) for film in zip(films, names, strict=True)]
            if any(record.prediction is None and record.error is None for record in read_now):
                raise ValueError("a film without a result")
            return read_now

        return self._parsed(answer, records)

    def _parsed(self, answer: _Content, parse: Callable[[_Content], _T]) -> _T:
        """What an answer holds; another service may answer with JSON, too."""
        try:
            return parse(answer)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            message = f"{self.url}: the answer is not from a pneumoscope server"
            raise ServerError(message, _ADDRESS) from error

    def _send(self, method: str, path: str, **more: Any) -> Answer:
        """Sends a request, and sends it again if the server is busy and says when to come back."""
        for attempt in range(_TRIES):
            try:
                with self._answering(method, path, **more) as stream:
                    answer = read(stream, self.url, self._timeout_s, self._deadline)
            except self._errors as error:
                raise self._silent(error) from error
            wait = answer.retry_after
            busy = answer.status in (429, 503) and wait.isdecimal()
            if not busy or attempt == _TRIES - 1:
                break
            time.sleep(min(float(wait), _MOST_WAIT_S))
        if answer.refused:
            raise answer.refusal()
        return answer

    @contextmanager
    def _answering(self, method: str, path: str, **more: Any) -> Iterator[httpx.Response]:
        """Sends a request, and waits for the head of its answer for a limited time."""
        watched = {"trace": self._deadline.watch}
        request = self._http.build_request(method, _API + path, extensions=watched, **more)
        sent_bytes = int(request.headers.get("content-length", 0))
        try:
            with self._deadline.within(longest_s(self._timeout_s, sent_bytes)):
                stream = self._http.send(request, stream=True)
        except TimeoutError:
            raise too_slow(self.url) from None
        with closing(stream):
            yield stream

    def _silent(self, error: Exception) -> ServerError:
        return ServerError(
            f"{self.url}: no answer ({type(error).__name__})",
            "Does the server run, and is the address right? With a self-signed certificate: "
            "SSL_CERT_FILE=cert.pem.",
        )


def _fields(settings: Settings, bundle: str | None) -> dict[str, str]:
    """The fields of an upload's form."""
    return to_form(settings) | _query(bundle)


def _query(bundle: str | None) -> dict[str, str]:
    return {} if bundle is None else {"bundle": bundle}


def _id(result: Record | Job | str) -> str:
    return result if isinstance(result, str) else result.id


def _limits(choices: dict[str, Any]) -> dict[str, int]:
    """The limits on an upload, of `Client.choices`."""
    return {name: int(choices["limits"][name]) for name in ("max_body_bytes", "sync_files")}


def _check_labels(model: dict[str, Any]) -> None:
    """Refuses facts about bundles whose labels are not lists of words."""
    for facts in model.get("bundles", [model]):
        if not all(isinstance(label, str) for label in [*facts["labels"]]):
            raise TypeError("a label is no word")
