"""Reads the films that an event of Amazon S3 names, as a function of AWS Lambda.

There is no queue: S3 or SQS repeat an event until it succeeds. A film whose result is there is not read
again. The settings are variables, see `settings`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from pneumoscope import files, runtime
from pneumoscope.ai_results.kinds import chosen_kinds
from pneumoscope.decision.reader_settings import BUNDLE, from_environment
from pneumoscope.errors import ImageError, MissingFile, UsageError
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.records import Settings
from pneumoscope.render.serialise import NOTICE, prediction_to_json
from pneumoscope.watch.bucket import open_bucket
from pneumoscope.watch.places import is_left_out, is_packed, may_be_film
from pneumoscope.watch.result_files import Result, ResultFiles, write_result
from pneumoscope.watch.targets import free_name, has_result, open_target, short_name
from pneumoscope.watch.watcher import is_final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pneumoscope.runtime import Reader
    from pneumoscope.watch.targets import Target

_log = logging.getLogger(__name__)

_SCHEME = "s3"
_OBJECTS = "PNEUMOSCOPE_WATCH_OBJECTS"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
"""Names of buckets: never a path, so that the folder of the results is recognised."""
_KEY_LETTERS = 1024
"""S3 takes keys of at most 1,024 bytes."""
_CREATED = ("ObjectCreated", "Object Created")
"""Beginnings of the names of events about new objects, of S3 and of EventBridge."""
_OF_OBJECTS = "Object "
"""Beginning of the names of all events of S3 at EventBridge."""
_TEST = "s3:TestEvent"
"""Sent when a trigger is made."""
_NOTIFICATION = "Notification"
"""Type of a message of SNS."""


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """The settings of a function.

    Attributes:
        out: URL for the results.
        bundle: Name or folder of the bundle; None for the shipped ones.
        reading: How films are read.
        result_files: Which files are written.
    """

    out: str
    bundle: str | None
    reading: Settings
    result_files: ResultFiles


def settings(environ: Mapping[str, str] | None = None) -> FunctionSettings:
    """The settings in the environment.

    ``PNEUMOSCOPE_WATCH_OUT`` is the URL for the results, ``PNEUMOSCOPE_WATCH_OBJECTS`` names kinds of
    objects, separated by commas; the others are those of the reader's settings.

    Args:
        environ: Used instead of the environment of the process.

    Raises:
        UsageError: A variable is missing or wrong.
    """
    env = os.environ if environ is None else environ
    out = env.get("PNEUMOSCOPE_WATCH_OUT", "")
    if "://" not in out:
        raise UsageError(
            "PNEUMOSCOPE_WATCH_OUT names no bucket", "Such as s3://hospital-results/films."
        )
    reading = from_environment(env)
    kinds = chosen_kinds([env.get(_OBJECTS, "")], _OBJECTS)
    return FunctionSettings(
        out=out.rstrip("/"),
        bundle=env.get(BUNDLE.variable) or None,
        reading=reading,
        result_files=ResultFiles(overlays=reading.explain != "none", kinds=kinds),
    )


@cache
def _function() -> Function:
    """Made with the first event: later events find the network loaded."""
    chosen = settings()
    reader = runtime.load(chosen.bundle, threads=1, settings=chosen.reading)
    return Function(reader, chosen.result_files, open_target(chosen.out))


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Reads the films of an event of S3, directly or through SQS, SNS or EventBridge.

    Args:
        event: The event.
        _context: Not used.

    Returns:
        For messages of SQS, those that failed, so that only they come again; otherwise the name of
        each object and what became of it.

    Raises:
        OSError: S3 cannot be read or written; the event comes again.
        UsageError: A setting is wrong, or the event is none of S3.
    """
    function = _function()
    records = _records(event)
    if records and records[0].get("eventSource") == "aws:sqs":
        failures = []
        for record in records:
            try:
                read_objects(function, _event_in(record.get("body")))
            except Exception as error:  # noqa: BLE001 (the other messages are not to come again)
                # Messages of other errors may have names of objects.
                why = error if isinstance(error, UsageError) else type(error).__name__
                _log.error("a message failed: %s", why)
                failures.append({"itemIdentifier": record.get("messageId")})
        return {"batchItemFailures": failures}
    return {"notice": NOTICE, "films": read_objects(function, event)}


def read_objects(function: Function, event: Mapping[str, Any]) -> list[dict[str, str]]:
    """Reads every object that an event names, and returns the name of each and what became of it.

    Raises:
        OSError: S3 cannot be read or written for one of them; the others were read.
        UsageError: One of them has no name; the others were read.
    """
    films, failures = [], []
    for bucket, key in created_objects(event):
        try:
            _check_name(bucket, key)
            outcomes = function.read(bucket, key)
        except Exception as error:  # noqa: BLE001 (the other objects must be read)
            failures.append(error)
        else:
            films += [{"object": f"{bucket}/{key}", "outcome": outcome} for outcome in outcomes]
    if failures:
        raise failures[0]
    return films


def created_objects(event: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Bucket and key of every new object that an event names; other events name none.

    Those of S3 may be in notifications of SNS. They come from outside, and may be anything.

    Raises:
        UsageError: The event is of another service, so that no object would ever be read.
    """
    _check_kind(event)
    if str(event.get("detail-type")).startswith(_CREATED):
        yield _at(event, "detail", "bucket", "name"), _at(event, "detail", "object", "key")
    if event.get("Type") == _NOTIFICATION:
        yield from created_objects(_event_in(event.get("Message")))
    for record in _records(event):
        if "Sns" in record:
            yield from created_objects(_event_in(_at(record, "Sns", "Message")))
        elif str(record.get("eventName")).startswith(_CREATED):
            # Events of S3 encode keys as forms do; those of EventBridge do not.
            key = _at(record, "s3", "object", "key")
            yield (
                _at(record, "s3", "bucket", "name"),
                unquote_plus(key) if isinstance(key, str) else key,
            )


def _check_kind(event: object) -> None:
    """Refuses what S3, EventBridge and SNS do not send about objects.

    Raises:
        UsageError: It is something else.
    """
    known = isinstance(event, dict) and (
        event.get("Event") == _TEST
        or event.get("Type") == _NOTIFICATION
        or str(event.get("detail-type")).startswith(_OF_OBJECTS)
        or (
            isinstance(event.get("Records"), list)
            and all("eventName" in record or "Sns" in record for record in _records(event))
        )
    )
    if not known:
        raise UsageError(
            "the event is none of S3",
            "The function takes events of S3, directly or through SQS, SNS or EventBridge. "
            "`pneumoscope serve` takes films over HTTP.",
        )


def _event_in(message: object) -> Any:
    """The event in a message of SQS or SNS.

    Raises:
        UsageError: It is no JSON.
    """
    try:
        return json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        raise UsageError(
            "the message is no JSON", "Those about new objects of S3 are; look at the trigger."
        ) from None


def _records(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of an event that can be some."""
    records = event.get("Records") if isinstance(event, dict) else None
    return (
        [record for record in records if isinstance(record, dict)]
        if isinstance(records, list)
        else []
    )


def _at(values: Any, *names: str) -> Any:
    """A value in mappings within one another; None if there is none."""
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _check_name(bucket: object, key: object) -> None:
    """Refuses what cannot name an object.

    Raises:
        UsageError: It cannot.
    """
    named = isinstance(bucket, str) and isinstance(key, str)
    if not (named and _BUCKET.fullmatch(str(bucket)) and 0 < len(str(key)) <= _KEY_LETTERS):
        raise UsageError("the event names no object", "Events of S3 name a bucket and a key.")


@dataclass(frozen=True, slots=True)
class Function:
    """Reads objects and writes their results.

    Attributes:
        reader: Reads films.
        result_files: Which files are written.
        target: Where they go.
    """

    reader: Reader
    result_files: ResultFiles
    target: Target

    def read(self, bucket: str, key: str) -> list[str]:
        """Reads an object, and returns what became of each film in it.

        Raises:
            OSError: It cannot be read, or the results cannot be written.
        """
        is_result = f"{_SCHEME}://{bucket}/{key}".startswith(f"{self.target.name}/")
        if is_result or is_left_out(key):
            return []
        place = open_bucket(f"{_SCHEME}://{bucket}")
        if is_packed(place, key):
            paths, outcomes = [], []
            for path, film in place.archive_films(key):
                paths.append(path)
                outcomes.append(self._film(f"{key}/{path}" if path else key, film))
            if all(paths):
                self._forget_failure(key)
            return outcomes
        if not may_be_film(place, key):
            return []
        try:
            return [self._film(key, place.read(key))]
        except MissingFile:
            return []  # deleted again
        except ImageError as error:
            return [self._film(key, error)]

    def _film(self, name: str, content: bytes | ImageError) -> str:
        """Reads a film unless its result is there; returns its label, or what else became of it."""
        if isinstance(content, ImageError):
            return self._failed(name, "", content)
        digest = hashlib.sha256(content).hexdigest()
        if has_result(self.target, name, digest, [b.sha256 for b in self.reader.bundles]):
            self._forget_failure(name)
            return "read before"
        try:
            item = self.reader.prepare(content, keep=True, name=FILM_NAME)
        except ImageError as error:
            return self._failed(name, digest, error)
        [prediction] = self.reader.judge([item])
        bundle = next(b for b in self.reader.bundles if b.sha256 == prediction.bundle_sha256)
        result = Result(
            name=name,
            data=content,
            film=item.film,
            film_sha256=digest,
            prediction=prediction,
            record=prediction_to_json(prediction),
            bundle=bundle,
            created=datetime.now(UTC),
        )
        # Before the result: an event that comes again ends above if the result is there.
        self._forget_failure(name)
        base = free_name(self.target, name, (digest, bundle.sha256))
        write_result(result, self.result_files, self.target, base)
        return prediction.label

    def _forget_failure(self, name: str) -> None:
        """Deletes why an earlier version of an object could not be read."""
        path = _error_path(name)
        if self.target.read(path) is None:
            return
        try:
            self.target.remove(path)
        except OSError as error:  # the result counts; the function may not be allowed to delete
            _log.warning("an earlier error stays beside its result: %s", files.cause(error))

    def _failed(self, name: str, digest: str, error: ImageError) -> str:
        """Writes why a film cannot be read.

        Raises:
            OSError: The store refused, so another attempt may succeed.
        """
        if not is_final(error):
            raise OSError(error.message) from error
        record = {"source": name, "film_sha256": digest, "error": error.as_dict()}
        content = json.dumps({"notice": NOTICE, **record}, indent=2) + "\n"
        self.target.write(_error_path(name), content.encode())
        return error.code


def _error_path(name: str) -> str:
    """Where it is written why a film cannot be read."""
    return f"{short_name(name)}.error.json"
